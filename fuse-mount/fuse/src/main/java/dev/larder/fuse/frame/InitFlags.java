package dev.larder.fuse.frame;

/** What kernel and server can agree on at INIT; bits from 32 on travel in {@code flags2}. */
public final class InitFlags {
  public static final long ASYNC_READ = 1L;
  public static final long EXPORT_SUPPORT = 1L << 4;
  public static final long AUTO_INVAL_DATA = 1L << 12;
  public static final long DO_READDIRPLUS = 1L << 13;
  public static final long READDIRPLUS_AUTO = 1L << 14;
  public static final long ASYNC_DIO = 1L << 15;
  public static final long WRITEBACK_CACHE = 1L << 16;
  public static final long PARALLEL_DIROPS = 1L << 18;
  public static final long HANDLE_KILLPRIV = 1L << 19;
  public static final long ABORT_ERROR = 1L << 21;
  public static final long MAX_PAGES = 1L << 22;
  public static final long CACHE_SYMLINKS = 1L << 23;
  public static final long EXPLICIT_INVAL_DATA = 1L << 25;

  /** Both sides know {@code flags2}; without it the bits from 32 on are void. */
  public static final long INIT_EXT = 1L << 30;

  public static final long HAS_EXPIRE_ONLY = 1L << 35;
  public static final long PASSTHROUGH = 1L << 37;
  public static final long NO_EXPORT_SUPPORT = 1L << 38;
  public static final long HAS_RESEND = 1L << 39;
  public static final long REQUEST_TIMEOUT = 1L << 42;

  private InitFlags() {}
}
