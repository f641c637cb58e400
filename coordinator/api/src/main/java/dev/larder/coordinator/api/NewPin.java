package dev.larder.coordinator.api;

import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.PathGlob;
import java.time.Instant;
import java.util.Optional;

/**
 * A wish to keep a part of a dataset.
 *
 * @param snapshot number, or 0 to follow the newest
 * @param glob which paths, as {@link PathGlob} reads it; empty means all
 * @param expiresAt when the pin ends, on the coordinator's clock; never where absent
 * @param owner the member that keeps the files; empty for nobody in particular
 * @param files how many it counted
 * @param bytes how many those have
 */
public record NewPin(
    DatasetName dataset,
    long snapshot,
    String glob,
    Optional<Instant> expiresAt,
    String owner,
    long files,
    long bytes) {

  /** Checks number and glob: BAD_NAME, BAD_REQUEST. */
  public NewPin {
    if (snapshot < 0) {
      throw new LarderException(ErrorCode.BAD_NAME, "a pin's snapshot is a number from 0");
    }
    PathGlob.parse(glob);
  }

  /** A pin of nobody in particular, nothing counted. */
  public NewPin(DatasetName dataset, long snapshot, String glob, Optional<Instant> expiresAt) {
    this(dataset, snapshot, glob, expiresAt, "", 0, 0);
  }

  /** The same with another end. */
  public NewPin until(Optional<Instant> end) {
    return new NewPin(dataset, snapshot, glob, end, owner, files, bytes);
  }
}
