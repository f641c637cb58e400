package dev.larder.linux;

import java.lang.foreign.Arena;
import java.nio.file.Path;

/** Directories whatever may be mounted on them. <b>Threads:</b> any. */
public final class Directories {
  private Directories() {}

  /**
   * Takes an empty directory away. A link at the last place is not followed, and whatever is
   * mounted on the directory is not asked for anything: java.nio looks at a file first, which waits
   * for ever for a file system that neither answers nor fails. Only the file systems above can hold
   * it up.
   *
   * @throws LinuxException EBUSY when something is mounted on it, ENOTEMPTY, ENOTDIR for anything
   *     else than a directory, a link to one too, ENOENT when nothing is there
   */
  public static void remove(Path directory) throws LinuxException {
    String name = directory.toString();
    try (Arena arena = Arena.ofConfined()) {
      LinuxException.check(Libc.rmdir(arena.allocateFrom(name).address()), "rmdir", name);
    }
  }
}
