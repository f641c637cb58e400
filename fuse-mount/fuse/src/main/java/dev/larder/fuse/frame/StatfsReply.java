package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/** {@code struct fuse_kstatfs}: the reply to STATFS. */
public final class StatfsReply {
  public static final int BLOCKS = 0;
  public static final int FILES = 24;
  public static final int BSIZE = 40;
  public static final int NAMELEN = 44;
  public static final int FRSIZE = 48;
  public static final int BYTES = 80;

  private static final int BLOCK_BYTES = 4096;
  private static final int NAME_BYTES_MAX = 255;

  private StatfsReply() {}

  /** Writes a file system without free room. */
  public static void put(MemorySegment memory, long at, long files) {
    Le.clear(memory, at, BYTES);
    Le.putLong(memory, at + FILES, files);
    Le.putInt(memory, at + BSIZE, BLOCK_BYTES);
    Le.putInt(memory, at + NAMELEN, NAME_BYTES_MAX);
    Le.putInt(memory, at + FRSIZE, BLOCK_BYTES);
  }
}
