package dev.larder.erofs;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Encodes the fixed part of an inode: 32 bytes where the image's own time and 16-bit owners do, 64
 * bytes otherwise. One thread; reused.
 */
final class InodeEncoder {
  private final long epochSeconds;
  private final int epochNanos;
  private final ByteBuffer out =
      ByteBuffer.allocate(Erofs.EXTENDED_INODE).order(ByteOrder.LITTLE_ENDIAN);

  private int mode;
  private int links;
  private long size;
  private long uid;
  private long gid;
  private long seconds;
  private int nanos;

  /** The time that short inodes share. */
  InodeEncoder(long epochSeconds, int epochNanos) {
    this.epochSeconds = epochSeconds;
    this.epochNanos = epochNanos;
  }

  void attributes(int mode, int links, long size) {
    this.mode = mode;
    this.links = links;
    this.size = size;
  }

  void owner(long uid, long gid) {
    this.uid = uid;
    this.gid = gid;
  }

  void mtime(long seconds, int nanos) {
    this.seconds = seconds;
    this.nanos = nanos;
  }

  /** Bytes the fixed part takes: 32 or 64. */
  int length() {
    boolean compact =
        seconds == epochSeconds
            && nanos == epochNanos
            && size <= 0xFFFF_FFFFL
            && links <= 0xFFFF
            && uid <= 0xFFFF
            && gid <= 0xFFFF;
    return compact ? Erofs.COMPACT_INODE : Erofs.EXTENDED_INODE;
  }

  /**
   * Encodes into an array that is reused by the next call.
   *
   * @param union start block, or chunk format
   * @param number inode number for 32-bit callers of stat
   */
  byte[] encode(int layout, int xattrBytes, int union, int number) {
    boolean extended = length() == Erofs.EXTENDED_INODE;
    out.clear();
    out.putShort((short) (layout << 1 | (extended ? 1 : 0)));
    out.putShort((short) (xattrBytes == 0 ? 0 : (xattrBytes - Erofs.XATTR_HEADER) / 4 + 1));
    out.putShort((short) mode);
    if (extended) {
      out.putShort((short) 0).putLong(size).putInt(union).putInt(number);
      out.putInt((int) uid).putInt((int) gid).putLong(seconds).putInt(nanos).putInt(links);
      out.putLong(0).putLong(0);
    } else {
      out.putShort((short) links).putInt((int) size).putInt(0).putInt(union).putInt(number);
      out.putShort((short) uid).putShort((short) gid).putInt(0);
    }
    return out.array();
  }
}
