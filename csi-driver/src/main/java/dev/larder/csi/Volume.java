package dev.larder.csi;

import dev.larder.protocol.DatasetName;
import dev.larder.protocol.SnapshotRef;
import java.nio.file.Path;
import java.util.OptionalLong;

/**
 * A volume at a target, as it is remembered until it is unpublished.
 *
 * @param asked digest of what was asked for, to tell another request for the same target
 * @param number snapshot that is shown, or was first where the volume follows
 * @param subPath shown directory of the dataset, empty for its root
 * @param files below that directory
 * @param bytes of these files
 */
record Volume(
    String volumeId,
    Path target,
    String asked,
    DatasetName dataset,
    long number,
    String subPath,
    boolean follow,
    boolean noExec,
    long files,
    long bytes,
    State state) {

  /** How far publishing came. */
  enum State {
    /** It is being made or taken away: something may be mounted, and nobody counts on it. */
    UNSETTLED,
    /** The orchestrator was told that it is there. */
    PUBLISHED
  }

  /** What is to be mounted. */
  SnapshotRef snapshot() {
    return new SnapshotRef(dataset, follow ? OptionalLong.empty() : OptionalLong.of(number));
  }

  Volume in(State other) {
    return new Volume(
        volumeId, target, asked, dataset, number, subPath, follow, noExec, files, bytes, other);
  }

  /** What is used of it, as the orchestrator wants to know. */
  record Usage(long files, long bytes) {}
}
