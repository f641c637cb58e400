package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/** {@code struct fuse_init_in}, behind the header: 16 bytes before 7.36, then 64. */
public final class InitRequest {
  public static final int MAJOR = 0;
  public static final int MINOR = 4;
  public static final int MAX_READAHEAD = 8;
  public static final int FLAGS = 12;
  public static final int FLAGS2 = 16;
  public static final int BYTES_OLD = 16;
  public static final int BYTES = 64;

  private InitRequest() {}

  public static int major(MemorySegment memory, long at) {
    return Le.getInt(memory, at + MAJOR);
  }

  public static int minor(MemorySegment memory, long at) {
    return Le.getInt(memory, at + MINOR);
  }

  /** Bytes the kernel would read ahead, unsigned. */
  public static int maxReadahead(MemorySegment memory, long at) {
    return Le.getInt(memory, at + MAX_READAHEAD);
  }

  /**
   * What the kernel offers.
   *
   * @param isLong whether the frame has {@link #BYTES}
   */
  public static long flags(MemorySegment memory, long at, boolean isLong) {
    long low = Integer.toUnsignedLong(Le.getInt(memory, at + FLAGS));
    if (!isLong || (low & InitFlags.INIT_EXT) == 0) {
      return low;
    }
    return low | (long) Le.getInt(memory, at + FLAGS2) << 32;
  }

  /** Writes the long form, for tests and tools that play the kernel. */
  public static void put(
      MemorySegment memory, long at, int major, int minor, int maxReadahead, long flags) {
    Le.clear(memory, at, BYTES);
    Le.putInt(memory, at + MAJOR, major);
    Le.putInt(memory, at + MINOR, minor);
    Le.putInt(memory, at + MAX_READAHEAD, maxReadahead);
    Le.putInt(memory, at + FLAGS, (int) flags);
    Le.putInt(memory, at + FLAGS2, (int) (flags >>> 32));
  }
}
