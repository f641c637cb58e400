package dev.larder.fuse.frame;

/** Least bytes behind the header, of requests that need no class of their own. */
public final class RequestBytes {
  /** {@code struct fuse_getattr_in}. */
  public static final int GETATTR = 16;

  /** {@code struct fuse_flush_in}. */
  public static final int FLUSH = 24;

  /** {@code struct fuse_fsync_in}, of FSYNC and FSYNCDIR. */
  public static final int FSYNC = 16;

  /** {@code struct fuse_getxattr_in}, of GETXATTR and LISTXATTR. */
  public static final int GETXATTR = 8;

  /** {@code struct fuse_ioctl_in}. */
  public static final int IOCTL = 32;

  /** {@code struct fuse_poll_in}. */
  public static final int POLL = 24;

  private RequestBytes() {}
}
