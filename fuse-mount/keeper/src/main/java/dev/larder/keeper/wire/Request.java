package dev.larder.keeper.wire;

/**
 * What the keeper can be asked; the list is closed. Descriptors travel beside the bytes: an image
 * with {@link Catalog}, a directory with {@link Overlay}, a file with {@link BackingOpen}, FUSE
 * device and shared memory with {@link Restore}.
 *
 * <p>An id is 32 lower-case hex digits. A target is a path as the keeper sees it.
 */
public sealed interface Request {
  /**
   * The first message of every connection.
   *
   * @param layout version of the shared memory that who asks knows
   */
  record Hello(Role role, long pid, int layout) implements Request {}

  /** Mounts an image at its id, unless it is. */
  record Catalog(String id) implements Request {}

  /** Mounts the overlay of a catalog, unless it is. */
  record Overlay(String id, String label, boolean noExec) implements Request {}

  /** Shows an overlay at a directory. */
  record Bind(String id, String target) implements Request {}

  /**
   * Shows a directory of an overlay at a directory.
   *
   * @param part from the overlay's root, no link in it
   */
  record BindPart(String id, String target, String part) implements Request {}

  /**
   * Makes a directory a small file system of its own with an empty directory {@code current},
   * unless it is. Taken away like what is shown.
   */
  record Anchor(String target) implements Request {}

  /** Takes away what is mounted at a directory and answers nothing any more. */
  record DetachDead(String target) implements Request {}

  /** Shows another overlay in the place of one. */
  record Switch(String target, String from, String to) implements Request {}

  /** Drops what an overlay's inodes pin. */
  record Remount(String id) implements Request {}

  /** Takes away what is shown at a directory. */
  record DetachTarget(String target, boolean lazy, boolean force) implements Request {}

  /** Takes away an overlay with all that shows it, and its catalog. */
  record DetachId(String id, boolean lazy, boolean force) implements Request {}

  /** Gives the kernel a file to read by itself. */
  record BackingOpen() implements Request {}

  /** Has the kernel drop the bytes it keeps of an inode of the FUSE mount. */
  record Invalidate(long nodeId) implements Request {}

  /** Takes such a file back. */
  record BackingClose(int backing) implements Request {}

  /**
   * What is mounted.
   *
   * @param from how many to leave out
   */
  record ListMounts(int from) implements Request {}

  /** Gives a new keeper what the former one owned. */
  record Restore() implements Request {}

  /** Asks for everything, to be the keeper from now on. */
  record TakeOver() implements Request {}

  /** Ends the keeper: when nothing is mounted, or to a successor. */
  record End() implements Request {}
}
