package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/** {@code struct fuse_init_out} from 7.23 on, behind the header. */
public final class InitReply {
  public static final int MAJOR = 0;
  public static final int MINOR = 4;
  public static final int MAX_READAHEAD = 8;
  public static final int FLAGS = 12;
  public static final int MAX_BACKGROUND = 16;
  public static final int CONGESTION_THRESHOLD = 18;
  public static final int MAX_WRITE = 20;
  public static final int TIME_GRAN = 24;
  public static final int MAX_PAGES = 28;
  public static final int FLAGS2 = 32;
  public static final int MAX_STACK_DEPTH = 36;
  public static final int BYTES = 64;

  private InitReply() {}

  /** Zeroes the frame and writes the version. */
  public static void begin(MemorySegment memory, long at, int major, int minor) {
    Le.clear(memory, at, BYTES);
    Le.putInt(memory, at + MAJOR, major);
    Le.putInt(memory, at + MINOR, minor);
  }

  /** What both sides use; with INIT_EXT the upper half too. */
  public static void flags(MemorySegment memory, long at, long flags) {
    Le.putInt(memory, at + FLAGS, (int) flags);
    if ((flags & InitFlags.INIT_EXT) != 0) {
      Le.putInt(memory, at + FLAGS2, (int) (flags >>> 32));
    }
  }

  /** The flags of a frame. */
  public static long flags(MemorySegment memory, long at) {
    return Integer.toUnsignedLong(Le.getInt(memory, at + FLAGS))
        | (long) Le.getInt(memory, at + FLAGS2) << 32;
  }

  /** Sizes in bytes; unsigned. */
  public static void sizes(MemorySegment memory, long at, int maxReadahead, int maxWrite) {
    Le.putInt(memory, at + MAX_READAHEAD, maxReadahead);
    Le.putInt(memory, at + MAX_WRITE, maxWrite);
  }

  /** Requests nobody waits for that are at work at once; above the threshold the kernel slows. */
  public static void background(MemorySegment memory, long at, int max, int threshold) {
    Le.putShort(memory, at + MAX_BACKGROUND, max);
    Le.putShort(memory, at + CONGESTION_THRESHOLD, threshold);
  }

  /** Pages of one request; counts only with MAX_PAGES. */
  public static void maxPages(MemorySegment memory, long at, int pages) {
    Le.putShort(memory, at + MAX_PAGES, pages);
  }

  /** Granularity of times in ns. */
  public static void timeGranularity(MemorySegment memory, long at, int nanos) {
    Le.putInt(memory, at + TIME_GRAN, nanos);
  }

  /** File systems above the backing file, this one included; counts only with PASSTHROUGH. */
  public static void maxStackDepth(MemorySegment memory, long at, int depth) {
    Le.putInt(memory, at + MAX_STACK_DEPTH, depth);
  }
}
