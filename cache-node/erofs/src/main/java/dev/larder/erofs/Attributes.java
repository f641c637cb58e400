package dev.larder.erofs;

import dev.larder.protocol.BlobKey;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Lays out the extended attributes of one inode: a header, the shared ones by reference, the others
 * in full. Reused from entry to entry.
 */
final class Attributes {
  /*
   * Two attributes are shared by all files and stand behind the super block: metacopy, and the mark
   * that a packed catalog puts in its place. Both references are four bytes, so packing a catalog
   * changes one number in the inode and moves nothing.
   */

  /** Offset of the shared attributes in the image. */
  static final int SHARED_OFFSET = Erofs.SUPER_OFFSET + Erofs.SUPER_BYTES;

  /** Reference to the first of them. */
  static final int METACOPY_ID = SHARED_OFFSET / 4;

  /** Reference to the second. */
  static final int PACKED_ID = METACOPY_ID + (4 + Erofs.METACOPY.length + 3) / 4;

  private static final byte[] HEX = Erofs.ascii("0123456789abcdef");

  private final ByteBuffer out =
      ByteBuffer.allocate(2 * EntryRecord.ATTRIBUTES_MAX).order(ByteOrder.LITTLE_ENDIAN);
  private final byte[] place = new byte[128];

  /** The shared attributes' bytes. */
  static byte[] shared() {
    ByteBuffer out = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
    put(out, Erofs.XATTR_TRUSTED, Erofs.METACOPY, new byte[0], 0, 0);
    put(out, Erofs.XATTR_TRUSTED, Erofs.PACKED, new byte[0], 0, 0);
    byte[] bytes = new byte[out.position()];
    out.flip().get(bytes);
    return bytes;
  }

  /**
   * Lays out an entry's attributes and returns their length, a multiple of 4; 0 if there are none.
   */
  int lay(EntryRecord entry) {
    out.clear();
    boolean file = entry.type() == EntryType.FILE;
    boolean redirected = file && entry.sizeBytes() > 0;
    out.putInt(0).put((byte) (redirected ? 1 : 0)).put(new byte[7]);
    if (redirected) {
      out.putInt(METACOPY_ID);
    }
    if (file) {
      int length = layPlace(entry);
      if (redirected) {
        put(out, Erofs.XATTR_TRUSTED, Erofs.REDIRECT, place, 0, length);
      } else {
        put(out, Erofs.XATTR_TRUSTED, Erofs.EMPTY_KEY, place, 1, length - 1);
      }
    }
    ByteBuffer tail = entry.tail();
    byte[] version = take(tail);
    if (version.length > 0) {
      put(out, Erofs.XATTR_USER, Erofs.VERSION, version, 0, version.length);
    }
    take(tail);
    for (int left = tail.getShort() & 0xFFFF; left > 0; left--) {
      byte[] name = take(tail);
      byte[] value = take(tail);
      put(out, Erofs.XATTR_USER, name, value, 0, value.length);
    }
    return out.position() == Erofs.XATTR_HEADER ? 0 : out.position();
  }

  /** What {@link #lay} laid out. */
  byte[] bytes() {
    return out.array();
  }

  /** Target of a symbolic link. */
  static byte[] linkTarget(EntryRecord entry) {
    ByteBuffer tail = entry.tail();
    take(tail);
    return take(tail);
  }

  private int layPlace(EntryRecord entry) {
    // Slash, two hex digits, slash, kind, hyphen, 64 hex digits; no string is made per file.
    byte[] bytes = entry.bytes();
    int digest = entry.keyDigestOffset();
    int at = 0;
    place[at++] = '/';
    place[at++] = HEX[(bytes[digest] >> 4) & 15];
    place[at++] = HEX[bytes[digest] & 15];
    place[at++] = '/';
    byte[] word = entry.keyKind() == BlobKey.Kind.SHA256 ? SHA256_WORD : ORIGIN_WORD;
    System.arraycopy(word, 0, place, at, word.length);
    at += word.length;
    for (int i = 0; i < 32; i++) {
      place[at++] = HEX[(bytes[digest + i] >> 4) & 15];
      place[at++] = HEX[bytes[digest + i] & 15];
    }
    return at;
  }

  private static final byte[] SHA256_WORD = word(BlobKey.Kind.SHA256);
  private static final byte[] ORIGIN_WORD = word(BlobKey.Kind.ORIGIN);

  private static byte[] word(BlobKey.Kind kind) {
    return (kind.word() + '-').getBytes(StandardCharsets.US_ASCII);
  }

  private static byte[] take(ByteBuffer tail) {
    byte[] bytes = new byte[tail.getShort() & 0xFFFF];
    tail.get(bytes);
    return bytes;
  }

  private static void put(
      ByteBuffer out, int index, byte[] name, byte[] value, int offset, int length) {
    out.put((byte) name.length).put((byte) index).putShort((short) length);
    out.put(name).put(value, offset, length);
    while ((out.position() & 3) != 0) {
      out.put((byte) 0);
    }
  }
}
