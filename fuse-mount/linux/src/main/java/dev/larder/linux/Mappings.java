package dev.larder.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Memory from mmap(2), given back when its arena is closed. */
final class Mappings {
  private static final int PROT_READ_WRITE = 3;
  private static final int MAP_SHARED = 1;
  private static final int MAP_PRIVATE = 2;
  private static final int MAP_ANONYMOUS = 0x20;
  private static final int MAP_POPULATE = 0x8000;

  private Mappings() {}

  static MemorySegment anonymous(Arena arena, long bytes) throws LinuxException {
    return map(arena, bytes, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, "memory");
  }

  static MemorySegment shared(Arena arena, Fd file, long bytes) throws LinuxException {
    return map(arena, bytes, MAP_SHARED, file.number(), file.subject());
  }

  private static MemorySegment map(Arena arena, long bytes, int flags, int fd, String subject)
      throws LinuxException {
    long address =
        LinuxException.check(Libc.mmap(bytes, PROT_READ_WRITE, flags, fd, 0), "mmap", subject);
    return MemorySegment.ofAddress(address)
        .reinterpret(
            bytes,
            arena,
            segment -> {
              int unused = Libc.munmap(segment.address(), bytes);
            });
  }
}
