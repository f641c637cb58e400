package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/** {@code struct fuse_open_out}: the reply to OPEN and OPENDIR. */
public final class OpenReply {
  public static final int FH = 0;
  public static final int OPEN_FLAGS = 8;
  public static final int BACKING_ID = 12;
  public static final int BYTES = 16;

  /** Keep what the page cache has of the file. */
  public static final int KEEP_CACHE = 1 << 1;

  /** Send no FLUSH when a descriptor is closed (from 7.35 on). */
  public static final int NO_FLUSH = 1 << 5;

  /** The kernel reads the backing file by itself. */
  public static final int PASSTHROUGH = 1 << 7;

  private OpenReply() {}

  public static void put(MemorySegment memory, long at, long handle, int openFlags, int backingId) {
    Le.putLong(memory, at + FH, handle);
    Le.putInt(memory, at + OPEN_FLAGS, openFlags);
    Le.putInt(memory, at + BACKING_ID, backingId);
  }

  public static long handle(MemorySegment memory, long at) {
    return Le.getLong(memory, at + FH);
  }

  public static int openFlags(MemorySegment memory, long at) {
    return Le.getInt(memory, at + OPEN_FLAGS);
  }

  public static int backingId(MemorySegment memory, long at) {
    return Le.getInt(memory, at + BACKING_ID);
  }
}
