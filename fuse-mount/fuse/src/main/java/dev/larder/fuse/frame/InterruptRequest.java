package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/** {@code struct fuse_interrupt_in}. */
public final class InterruptRequest {
  public static final int UNIQUE = 0;
  public static final int BYTES = 8;

  private InterruptRequest() {}

  /** The request whose reader gave up. */
  public static long target(MemorySegment memory, long at) {
    return Le.getLong(memory, at + UNIQUE);
  }
}
