package dev.larder.mount;

import java.nio.file.Path;
import java.util.List;

/**
 * What is asked of the keeper. A view is the overlay of one image, known by an id.
 *
 * <p><b>Threads:</b> any; calls block, for seconds at most. <b>Errors:</b> LarderException:
 * MOUNT_FAILED, MOUNT_BUSY, BAD_REQUEST for a target, UNSUPPORTED where no keeper can be had.
 */
interface Keeping {
  /** Whether there is a keeper that gave this agent a connection. */
  boolean isServing();

  /** Whether requests of the kernel are answered: not when the connection was aborted. */
  boolean isAnswering();

  /** Makes sure that there is a keeper and that requests of the kernel are answered. */
  void require();

  /** Makes a view, if there is none of this id. */
  void view(String id, String label, Path image, boolean noExec);

  /**
   * Shows a view at a directory.
   *
   * @param part directory of the view to show; empty for its root
   */
  void bind(String id, Path target, String part);

  /** Makes a directory a file system of its own with an empty directory {@code current}. */
  void anchor(Path target);

  /** Takes away what is mounted at a directory and answers nothing any more. */
  void detachDead(Path target);

  /** Shows another view at a directory; open files keep the old one. */
  void exchange(Path target, String from, String to);

  /** Moves files of a view from FUSE to the disk, and gives the room of evicted ones back. */
  void remount(String id);

  /** Takes what is shown at a directory away. */
  void detach(Path target, boolean lazy, boolean force);

  /**
   * Takes a view away that is shown nowhere; open files go on.
   *
   * @param force if it is the last view, whatever still waits for a file of it ends with an error
   */
  void drop(String id, boolean force);

  /** What is shown where, by the kernel's own list. */
  List<Shown> shown();

  /** As {@link #shown}, for those who rather go without: DEADLINE after two seconds. */
  List<Shown> shownSoon();

  /**
   * A view shown at a directory.
   *
   * @param isCovered whether something else is mounted on top of it
   */
  record Shown(String id, Path target, boolean isCovered) {}
}
