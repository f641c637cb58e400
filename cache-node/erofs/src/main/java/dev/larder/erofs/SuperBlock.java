package dev.larder.erofs;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.zip.CRC32C;

/** Writes the first block: super block, shared attributes; the root's inode is put in between. */
final class SuperBlock {
  /** The root stands here in every catalog, as its 16-bit number must reach it. */
  static final int ROOT_OFFSET =
      (int)
          Erofs.alignUp(
              Attributes.SHARED_OFFSET + Attributes.shared().length, 1L << Erofs.SLOT_BITS);

  /** Where the number of the image's blocks stands. */
  static final int BLOCKS_OFFSET = Erofs.SUPER_OFFSET + 36;

  static final int ROOT_NID = ROOT_OFFSET >> Erofs.SLOT_BITS;

  private SuperBlock() {}

  /** Fills in everything but the root's inode, which the block already holds, and the checksum. */
  static void fill(
      byte[] block, long inodes, long seconds, int nanos, long blocks, byte[] listing) {
    ByteBuffer out = ByteBuffer.wrap(block).order(ByteOrder.LITTLE_ENDIAN);
    out.position(Erofs.SUPER_OFFSET);
    out.putInt(Erofs.SUPER_MAGIC).putInt(0);
    out.putInt(Erofs.COMPAT_SB_CHECKSUM | Erofs.COMPAT_MTIME);
    out.put((byte) Erofs.BLOCK_BITS).put((byte) 0).putShort((short) ROOT_NID);
    out.putLong(inodes).putLong(seconds).putInt(nanos);
    // meta_blkaddr and xattr_blkaddr are 0: inodes and shared attributes count from the start.
    out.putInt((int) blocks).putInt(0).putInt(0);
    byte[] uuid = Arrays.copyOf(listing, 16);
    uuid[6] = (byte) ((uuid[6] & 0x0F) | 0x80);
    uuid[8] = (byte) ((uuid[8] & 0x3F) | 0x80);
    out.put(uuid).put(Arrays.copyOf(Erofs.VOLUME_NAME, 16));
    out.putInt(Erofs.INCOMPAT_CHUNKED_FILE);
    out.position(Attributes.SHARED_OFFSET);
    out.put(Attributes.shared());
    out.putInt(Erofs.SUPER_OFFSET + 4, checksum(block));
  }

  /** CRC-32C as the kernel takes it: from the super block to the block's end, not inverted. */
  static int checksum(byte[] block) {
    CRC32C crc = new CRC32C();
    crc.update(block, Erofs.SUPER_OFFSET, 4);
    crc.update(new byte[4]);
    int rest = Erofs.SUPER_OFFSET + 8;
    crc.update(block, rest, block.length - rest);
    return ~(int) crc.getValue();
  }
}
