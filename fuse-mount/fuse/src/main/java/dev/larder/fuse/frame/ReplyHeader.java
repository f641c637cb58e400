package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/** {@code struct fuse_out_header}: begins every reply and every notice. */
public final class ReplyHeader {
  public static final int LEN = 0;
  public static final int ERROR = 4;
  public static final int UNIQUE = 8;
  public static final int BYTES = 16;

  private ReplyHeader() {}

  /**
   * Writes a header.
   *
   * @param len bytes of the whole reply
   * @param error 0, a negated errno, or a notice's positive code
   * @param unique the request's, 0 for a notice
   */
  public static void put(MemorySegment memory, long at, int len, int error, long unique) {
    Le.putInt(memory, at + LEN, len);
    Le.putInt(memory, at + ERROR, error);
    Le.putLong(memory, at + UNIQUE, unique);
  }

  public static int len(MemorySegment memory, long at) {
    return Le.getInt(memory, at + LEN);
  }

  public static int error(MemorySegment memory, long at) {
    return Le.getInt(memory, at + ERROR);
  }

  public static long unique(MemorySegment memory, long at) {
    return Le.getLong(memory, at + UNIQUE);
  }
}
