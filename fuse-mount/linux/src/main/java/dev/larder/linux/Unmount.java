package dev.larder.linux;

import java.lang.foreign.Arena;
import java.nio.file.Path;

/** Takes mounts away. <b>Threads:</b> any. */
public final class Unmount {
  private static final int MNT_FORCE = 1;
  private static final int MNT_DETACH = 2;
  private static final int UMOUNT_NOFOLLOW = 8;

  private Unmount() {}

  /**
   * Takes the topmost mount of a place away.
   *
   * @throws LinuxException EBUSY while it is used; EINVAL when nothing is mounted there
   */
  public static void now(Path target) throws LinuxException {
    unmount(target, 0);
  }

  /** Takes the topmost mount, with those below, out of the tree; it ends with its last user. */
  public static void lazily(Path target) throws LinuxException {
    unmount(target, MNT_DETACH);
  }

  /** As {@link #lazily}, and a FUSE connection is aborted before. */
  public static void forced(Path target) throws LinuxException {
    unmount(target, MNT_FORCE | MNT_DETACH);
  }

  private static void unmount(Path target, int flags) throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      long name = arena.allocateFrom(target.toString()).address();
      int result = Libc.umount(name, flags | UMOUNT_NOFOLLOW);
      LinuxException.check(result, "umount", target.toString());
    }
  }
}
