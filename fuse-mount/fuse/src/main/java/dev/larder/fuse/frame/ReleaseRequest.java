package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/** {@code struct fuse_release_in}: RELEASE and RELEASEDIR. */
public final class ReleaseRequest {
  public static final int FH = 0;
  public static final int BYTES = 24;

  private ReleaseRequest() {}

  public static long handle(MemorySegment memory, long at) {
    return Le.getLong(memory, at + FH);
  }
}
