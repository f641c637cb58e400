package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/** {@code struct fuse_attr}: what stat shows. */
public final class Attr {
  public static final int INO = 0;
  public static final int SIZE = 8;
  public static final int BLOCKS = 16;
  public static final int MODE = 60;
  public static final int NLINK = 64;
  public static final int BLKSIZE = 80;
  public static final int BYTES = 88;

  public static final int TYPE_DIRECTORY = 0040000;
  public static final int TYPE_FILE = 0100000;

  private static final int BLOCK_BYTES = 512;
  private static final int PREFERRED_BYTES = 4096;

  private Attr() {}

  /** Writes attributes of owner root, with all times at the epoch. */
  public static void put(
      MemorySegment memory, long at, long ino, long sizeBytes, int mode, int links) {
    Le.clear(memory, at, BYTES);
    Le.putLong(memory, at + INO, ino);
    Le.putLong(memory, at + SIZE, sizeBytes);
    Le.putLong(memory, at + BLOCKS, blocks(sizeBytes));
    Le.putInt(memory, at + MODE, mode);
    Le.putInt(memory, at + NLINK, links);
    Le.putInt(memory, at + BLKSIZE, PREFERRED_BYTES);
  }

  public static long size(MemorySegment memory, long at) {
    return Le.getLong(memory, at + SIZE);
  }

  public static int mode(MemorySegment memory, long at) {
    return Le.getInt(memory, at + MODE);
  }

  static long blocks(long sizeBytes) {
    return sizeBytes / BLOCK_BYTES + (sizeBytes % BLOCK_BYTES == 0 ? 0 : 1);
  }
}
