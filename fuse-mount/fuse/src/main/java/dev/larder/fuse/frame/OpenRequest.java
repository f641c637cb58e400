package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/** {@code struct fuse_open_in}: OPEN and OPENDIR. */
public final class OpenRequest {
  public static final int FLAGS = 0;
  public static final int BYTES = 8;

  private static final int ACCESS_MODE = 3;
  private static final int TRUNCATE = 01000;

  private OpenRequest() {}

  /** The flags of open(2). */
  public static int flags(MemorySegment memory, long at) {
    return Le.getInt(memory, at + FLAGS);
  }

  /** Whether the flags ask for writing or truncating. */
  public static boolean isWrite(int flags) {
    return (flags & (ACCESS_MODE | TRUNCATE)) != 0;
  }
}
