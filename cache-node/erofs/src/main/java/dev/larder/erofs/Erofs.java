package dev.larder.erofs;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * Numbers of the on-disk format, little endian. Source: Linux {@code
 * Documentation/filesystems/erofs.rst} and the public description of its structures.
 */
final class Erofs {
  static final int SUPER_OFFSET = 1024;
  static final int SUPER_BYTES = 128;
  static final int SUPER_MAGIC = 0xE0F5E1E2;

  /** Images are written with the page size every kernel takes. */
  static final int BLOCK_BITS = 12;

  static final int BLOCK = 1 << BLOCK_BITS;

  static final int COMPAT_SB_CHECKSUM = 0x1;
  static final int COMPAT_MTIME = 0x2;
  static final int INCOMPAT_LZ4_0PADDING = 0x1;
  static final int INCOMPAT_COMPRESSION_CONFIGS = 0x2;
  static final int INCOMPAT_CHUNKED_FILE = 0x4;

  /** An inode's number is its offset in units of this. */
  static final int SLOT_BITS = 5;

  static final int COMPACT_INODE = 32;
  static final int EXTENDED_INODE = 64;

  static final int LAYOUT_PLAIN = 0;
  static final int LAYOUT_INLINE = 2;
  static final int LAYOUT_CHUNKED = 4;

  /** Chunk entry, or start block, of a hole. */
  static final int NULL_ADDRESS = -1;

  /** Chunk sizes take five bits on top of the block's. */
  static final int CHUNK_BITS_MAX = BLOCK_BITS + 31;

  static final int CHUNK_BITS_MASK = 0x1F;
  static final int CHUNK_INDEXES = 0x20;

  static final int DIRENT = 12;
  static final int NAME_MAX = 255;
  static final int PATH_MAX = 4096;
  static final int LINK_TARGET_MAX = 4095;

  static final int XATTR_HEADER = 12;
  static final int XATTR_USER = 1;
  static final int XATTR_TRUSTED = 4;

  /** Marks an attribute whose name starts with a prefix of the image's own table. */
  static final int XATTR_LONG_PREFIX = 0x80;

  static final int S_IFMT = 0170000;
  static final int S_IFDIR = 0040000;
  static final int S_IFREG = 0100000;
  static final int S_IFLNK = 0120000;

  static final int FT_REG = 1;
  static final int FT_DIR = 2;
  static final int FT_SYMLINK = 7;

  static final byte[] METACOPY = ascii("overlay.metacopy");
  static final byte[] REDIRECT = ascii("overlay.redirect");

  /** Key of an empty file: it needs no blob, so overlayfs is told of none. */
  static final byte[] EMPTY_KEY = ascii("larder.key");

  /** Takes the place of metacopy where a packed catalog holds the bytes itself. */
  static final byte[] PACKED = ascii("larder.packed");

  static final byte[] VERSION = ascii("larder.version");

  /** Volume name of a catalog: tells one whose end was cut off from a foreign image. */
  static final byte[] VOLUME_NAME = ascii("larder-catalog");

  private Erofs() {}

  static int align4(int size) {
    return (size + 3) & ~3;
  }

  static long alignUp(long offset, long unit) {
    return (offset + unit - 1) & -unit;
  }

  static LarderException corrupt(String message) {
    return new LarderException(ErrorCode.CATALOG_CORRUPT, message);
  }

  static LarderException ioFault(String what, IOException cause) {
    String detail = String.valueOf(cause.getMessage());
    boolean full = detail.contains("No space left") || detail.contains("quota");
    return new LarderException(
        full ? ErrorCode.STORE_FULL : ErrorCode.STORE_IO, what + ": " + detail, cause);
  }

  static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
