package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/** {@code struct fuse_lseek_in} and {@code struct fuse_lseek_out}. */
public final class LseekFrames {
  public static final int FH = 0;
  public static final int OFFSET = 8;
  public static final int WHENCE = 16;
  public static final int REQUEST_BYTES = 24;

  public static final int REPLY_OFFSET = 0;
  public static final int REPLY_BYTES = 8;

  public static final int SEEK_DATA = 3;
  public static final int SEEK_HOLE = 4;

  private LseekFrames() {}

  public static long offset(MemorySegment memory, long at) {
    return Le.getLong(memory, at + OFFSET);
  }

  public static int whence(MemorySegment memory, long at) {
    return Le.getInt(memory, at + WHENCE);
  }

  public static void reply(MemorySegment memory, long at, long offset) {
    Le.putLong(memory, at + REPLY_OFFSET, offset);
  }
}
