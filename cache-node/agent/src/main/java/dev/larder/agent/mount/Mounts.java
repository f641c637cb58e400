package dev.larder.agent.mount;

import dev.larder.protocol.SnapshotRef;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

/**
 * Datasets as directories of this host.
 *
 * <p><b>Threads:</b> any; calls may block, {@link #unmount} for at most ten seconds. <b>Errors:</b>
 * LarderException: UNKNOWN_DATASET; BAD_REQUEST for a target that is not an absolute path of an
 * existing directory, or lies inside Larder's own directories; ALREADY_EXISTS when something else
 * of Larder is mounted there; UNKNOWN_MOUNT; MOUNT_FAILED with what the kernel said and what to do;
 * UNSUPPORTED where this host or user cannot mount.
 */
public interface Mounts {

  /** Mounts a snapshot; asking again for what is mounted so already changes nothing. */
  MountInfo mount(MountSpec spec);

  /** Takes a mount away. */
  void unmount(Path target, UnmountMode mode);

  /**
   * Takes away what is mounted at a directory and answers nothing any more, whoever mounted it.
   * MOUNT_BUSY for what still answers.
   */
  void detachDead(Path target);

  /** All mounts made through this agent and its predecessors, by target. */
  List<MountInfo> list();

  /**
   * Writes a snapshot's catalog again with the bytes of its small files inside and switches its
   * mounts to it. All small files must be in the store.
   *
   * @return number of files whose bytes are inside now
   */
  long pack(SnapshotRef snapshot);

  /**
   * What to mount where.
   *
   * @param snapshot without a number: the newest now, and with {@code follow} always the newest
   * @param allowOther whether other users may enter (the tree alone; kernel mounts always let them)
   * @param noExec whether programs inside may not be run
   * @param kind how; AUTO takes the kernel mount where this host and user can
   * @param subPath directory of the dataset to show, empty for its root (kernel mounts alone)
   * @param anchored whether the target becomes a directory of its own that shows the dataset at
   *     {@code current}: a copy of it, as containers have, sees what {@code follow} exchanges there
   *     (kernel mounts alone)
   */
  record MountSpec(
      SnapshotRef snapshot,
      Path target,
      boolean follow,
      boolean allowOther,
      boolean noExec,
      Kind kind,
      String subPath,
      boolean anchored) {

    /** The whole dataset, straight at the target. */
    public MountSpec(
        SnapshotRef snapshot,
        Path target,
        boolean follow,
        boolean allowOther,
        boolean noExec,
        Kind kind) {
      this(snapshot, target, follow, allowOther, noExec, kind, "", false);
    }

    /** The same at another target. */
    public MountSpec at(Path other) {
      return new MountSpec(snapshot, other, follow, allowOther, noExec, kind, subPath, anchored);
    }
  }

  /** How a dataset is mounted. */
  enum Kind {
    /** The best this host and user can. */
    AUTO,
    /** EROFS and overlayfs; outlives the agent. */
    KERNEL,
    /** One FUSE tree through libfuse; ends with the agent. */
    TREE
  }

  /** How much force to use. */
  enum UnmountMode {
    /** Refused while files are open. */
    PLAIN,
    /** Gone from the name space at once; open files go on. */
    LAZY,
    /** As lazy; requests that wait end with an error. */
    FORCE
  }

  /**
   * A mount as it is.
   *
   * @param snapshot with its number
   * @param complete whether every file is local, so that no process is needed to read them
   */
  record MountInfo(
      SnapshotRef snapshot,
      Path target,
      Kind kind,
      boolean follow,
      boolean packed,
      boolean complete,
      State state,
      Instant mountedAt) {}

  /** Where a mount stands. */
  enum State {
    /** Reads are answered. */
    MOUNTED,
    /** Complete files are; others wait or fail until it is put right. */
    DEGRADED,
    /** Something else is mounted on top of it. */
    COVERED,
    /** Something took it away. */
    GONE
  }
}
