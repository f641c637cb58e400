package dev.larder.agent.job;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.SnapshotRef;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** Warm-ups and pins of this agent. Any thread; starting and asking do not wait for the work. */
public interface Jobs {

  /** Starts filling every file that matches; TOO_MANY beyond {@code jobs.max} unfinished jobs. */
  JobInfo warm(SnapshotRef snapshot, String glob);

  /** State of a job, or empty when it is unknown or long over. */
  Optional<JobInfo> find(String id);

  /** Jobs unfinished and recently ended, newest first. */
  List<JobInfo> list();

  /** Stops a job; what it brought in stays. */
  JobInfo cancel(String id);

  /**
   * Pins every file that matches now (blobs present or not) and remembers the pin durably.
   *
   * @param ttl how long, from the coordinator's now; zero for ever
   */
  PinInfo pin(SnapshotRef snapshot, String glob, Duration ttl);

  /** Pins for ever. */
  default PinInfo pin(SnapshotRef snapshot, String glob) {
    return pin(snapshot, glob, Duration.ZERO);
  }

  /** Takes pins of exactly this snapshot reference and glob away; returns how many there were. */
  int unpin(SnapshotRef snapshot, String glob);

  /** All pins of this node, what warm-ups over nodes keep here too. */
  List<PinInfo> pins();

  /**
   * A job.
   *
   * @param doneBytes bytes of finished blobs and of blocks present in unfinished ones
   * @param failed files that could not be filled; {@code firstError} names the first, {@code
   *     firstCode} says what it failed with
   */
  record JobInfo(
      String id,
      String kind,
      String snapshot,
      String glob,
      State state,
      long files,
      long doneFiles,
      long bytes,
      long doneBytes,
      long failed,
      Optional<String> firstError,
      Optional<ErrorCode> firstCode,
      Instant startedAt,
      Optional<Instant> endedAt) {}

  /** Where a job stands. */
  enum State {
    /** At work. */
    RUNNING,
    /** Everything is local. */
    DONE,
    /** Ended with failures. */
    FAILED,
    /** Stopped by the user. */
    CANCELLED
  }

  /**
   * A pin.
   *
   * @param expiresAt when it ends, on the coordinator's clock; never where absent
   * @param owner the node that keeps the files, or the id of the warm-up it keeps them for
   */
  record PinInfo(
      String snapshot,
      String glob,
      long files,
      long bytes,
      Instant createdAt,
      Optional<Instant> expiresAt,
      String owner) {

    /** The same with an owner. */
    public PinInfo ownedBy(String other) {
      return new PinInfo(snapshot, glob, files, bytes, createdAt, expiresAt, other);
    }
  }
}
