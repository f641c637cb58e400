package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/**
 * {@code struct fuse_dirent} with its name, padded to 8 bytes. In READDIRPLUS a {@link EntryReply}
 * stands in front of each.
 */
public final class Dirent {
  public static final int INO = 0;
  public static final int OFF = 8;
  public static final int NAMELEN = 16;
  public static final int TYPE = 20;
  public static final int NAME = 24;

  public static final int TYPE_DIRECTORY = 4;

  private Dirent() {}

  /** Bytes of an entry whose name has so many. */
  public static int bytes(int nameBytes) {
    return (NAME + nameBytes + 7) & -8;
  }

  /**
   * Writes a directory's entry.
   *
   * @param next cookie that reading goes on with behind this entry
   */
  public static void putDirectory(MemorySegment memory, long at, long ino, long next, byte[] name) {
    Le.clear(memory, at, bytes(name.length));
    Le.putLong(memory, at + INO, ino);
    Le.putLong(memory, at + OFF, next);
    Le.putInt(memory, at + NAMELEN, name.length);
    Le.putInt(memory, at + TYPE, TYPE_DIRECTORY);
    MemorySegment.copy(
        name, 0, memory, java.lang.foreign.ValueLayout.JAVA_BYTE, at + NAME, name.length);
  }
}
