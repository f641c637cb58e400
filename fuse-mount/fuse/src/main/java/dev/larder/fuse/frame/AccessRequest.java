package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/** {@code struct fuse_access_in}. */
public final class AccessRequest {
  public static final int MASK = 0;
  public static final int BYTES = 8;

  /** The bit that asks for writing. */
  public static final int WRITE = 2;

  private AccessRequest() {}

  public static int mask(MemorySegment memory, long at) {
    return Le.getInt(memory, at + MASK);
  }
}
