package dev.larder.linux;

import java.lang.foreign.Arena;
import java.nio.file.Path;

/** Asks a file system whether it answers. */
public final class FileSystems {
  private static final int STATFS_BYTES = 120;

  private FileSystems() {}

  /**
   * Calls statfs, which a FUSE file system passes to its server: this waits while that is alive and
   * silent. (stat would be answered from what the kernel remembers.)
   *
   * @return 0 or a negated errno; ENOTCONN or ECONNABORTED when its server is dead for good
   */
  public static int probe(Path path) {
    try (Arena arena = Arena.ofConfined()) {
      long name = arena.allocateFrom(path.toString()).address();
      return Libc.statfs(name, arena.allocate(STATFS_BYTES, 8).address());
    }
  }
}
