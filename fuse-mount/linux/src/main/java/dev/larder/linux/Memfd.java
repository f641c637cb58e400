package dev.larder.linux;

import java.lang.foreign.Arena;

/** Files that live in memory and have no name in any directory. */
final class Memfd {
  private static final int MFD_CLOEXEC = 1;
  private static final int MFD_ALLOW_SEALING = 2;
  private static final int MFD_NOEXEC_SEAL = 8;

  private Memfd() {}

  static Fd create(String name) throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      long text = arena.allocateFrom(name).address();
      int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
      int result = Libc.memfdCreate(text, flags | MFD_NOEXEC_SEAL);
      if (result == -Errno.EINVAL) {
        // Before Linux 6.3.
        result = Libc.memfdCreate(text, flags);
      }
      return Fd.adopt((int) LinuxException.check(result, "memfd_create", name), name);
    }
  }
}
