package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/** {@code struct fuse_statx_in} and {@code struct fuse_statx_out}, from 7.39 on. */
public final class StatxFrames {
  public static final int REQUEST_BYTES = 24;

  public static final int ATTR_VALID = 0;
  public static final int STAT = 32;
  public static final int STAT_MASK = 0;
  public static final int STAT_BLKSIZE = 4;
  public static final int STAT_NLINK = 16;
  public static final int STAT_MODE = 28;
  public static final int STAT_INO = 32;
  public static final int STAT_SIZE = 40;
  public static final int STAT_BLOCKS = 48;
  public static final int STAT_BYTES = 256;
  public static final int REPLY_BYTES = STAT + STAT_BYTES;

  /** STATX_BASIC_STATS: what stat(2) shows; no time of birth. */
  private static final int BASIC_STATS = 0x7ff;

  private static final int PREFERRED_BYTES = 4096;

  private StatxFrames() {}

  /** Writes attributes of owner root, all times at the epoch, that hold for ever. */
  public static void put(
      MemorySegment memory, long at, long ino, long sizeBytes, int mode, int links) {
    Le.clear(memory, at, REPLY_BYTES);
    Le.putLong(memory, at + ATTR_VALID, EntryReply.FOREVER_SECONDS);
    long stat = at + STAT;
    Le.putInt(memory, stat + STAT_MASK, BASIC_STATS);
    Le.putInt(memory, stat + STAT_BLKSIZE, PREFERRED_BYTES);
    Le.putInt(memory, stat + STAT_NLINK, links);
    Le.putShort(memory, stat + STAT_MODE, mode);
    Le.putLong(memory, stat + STAT_INO, ino);
    Le.putLong(memory, stat + STAT_SIZE, sizeBytes);
    Le.putLong(memory, stat + STAT_BLOCKS, Attr.blocks(sizeBytes));
  }
}
