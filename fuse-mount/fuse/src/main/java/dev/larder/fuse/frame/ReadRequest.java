package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/** {@code struct fuse_read_in}: READ, READDIR and READDIRPLUS. */
public final class ReadRequest {
  public static final int FH = 0;
  public static final int OFFSET = 8;
  public static final int SIZE = 16;
  public static final int BYTES = 40;

  private ReadRequest() {}

  public static long handle(MemorySegment memory, long at) {
    return Le.getLong(memory, at + FH);
  }

  /** Bytes into the file, or a directory's cookie; negative only in a malformed frame. */
  public static long offset(MemorySegment memory, long at) {
    return Le.getLong(memory, at + OFFSET);
  }

  /** Most bytes of the answer, unsigned. */
  public static int size(MemorySegment memory, long at) {
    return Le.getInt(memory, at + SIZE);
  }

  /** Writes a frame, for tests and tools that play the kernel. */
  public static void put(MemorySegment memory, long at, long handle, long offset, int size) {
    Le.clear(memory, at, BYTES);
    Le.putLong(memory, at + FH, handle);
    Le.putLong(memory, at + OFFSET, offset);
    Le.putInt(memory, at + SIZE, size);
  }
}
