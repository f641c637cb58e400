package dev.larder.erofs;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Reads the structures of an uncompressed EROFS image out of a mapping. Trusts nothing: every
 * offset is checked against the image before it is followed, every loop ends by the image's length.
 *
 * <p><b>Threads:</b> any, no state. <b>Errors:</b> LarderException CATALOG_CORRUPT; what the
 * mapping throws when it is closed.
 */
final class ImageReader {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final int KNOWN_INCOMPAT =
      Erofs.INCOMPAT_LZ4_0PADDING
          | Erofs.INCOMPAT_COMPRESSION_CONFIGS
          | Erofs.INCOMPAT_CHUNKED_FILE;

  private final MemorySegment image;
  private final long limit;
  private final int blockBits;
  private final long metaAt;
  private final long sharedAt;
  private final long rootNid;
  private final long inodes;
  private final long epochSeconds;
  private final int epochNanos;
  private final boolean catalogVolume;

  ImageReader(MemorySegment image) {
    this.image = image;
    if (image.byteSize() < Erofs.SUPER_OFFSET + Erofs.SUPER_BYTES) {
      throw Erofs.corrupt("too short for an EROFS image: " + image.byteSize() + " bytes");
    }
    int at = Erofs.SUPER_OFFSET;
    if (image.get(INT, at) != Erofs.SUPER_MAGIC) {
      throw Erofs.corrupt("no EROFS image");
    }
    int incompat = image.get(INT, at + 80);
    if ((incompat & ~KNOWN_INCOMPAT) != 0) {
      throw Erofs.corrupt(
          "the EROFS image needs features this reader lacks: 0x" + Integer.toHexString(incompat));
    }
    blockBits = image.get(ValueLayout.JAVA_BYTE, at + 12) & 0xFF;
    int directoryBits = image.get(ValueLayout.JAVA_BYTE, at + 90);
    if (blockBits < 9 || blockBits > 16 || directoryBits != 0) {
      throw Erofs.corrupt("unknown EROFS block size, 2^" + blockBits);
    }
    long blocks = Integer.toUnsignedLong(image.get(INT, at + 36));
    limit = blocks << blockBits;
    if (limit > image.byteSize() || limit < Erofs.SUPER_OFFSET + Erofs.SUPER_BYTES) {
      throw Erofs.corrupt(
          "the image is cut off: " + limit + " bytes expected, " + image.byteSize() + " found");
    }
    if (image.get(SHORT, at + 86) != 0) {
      throw Erofs.corrupt("the EROFS image keeps data on other devices");
    }
    checkSum();
    rootNid = image.get(SHORT, at + 14) & 0xFFFF;
    inodes = image.get(LONG, at + 16);
    epochSeconds = seconds(image.get(LONG, at + 24));
    epochNanos = nanos(image.get(INT, at + 32));
    metaAt = Integer.toUnsignedLong(image.get(INT, at + 40)) << blockBits;
    sharedAt = Integer.toUnsignedLong(image.get(INT, at + 44)) << blockBits;
    byte[] volume = new byte[Erofs.VOLUME_NAME.length];
    copy(at + 64, volume, 0, volume.length);
    catalogVolume = Arrays.equals(volume, Erofs.VOLUME_NAME);
  }

  private void checkSum() {
    if ((image.get(INT, Erofs.SUPER_OFFSET + 8) & Erofs.COMPAT_SB_CHECKSUM) == 0) {
      return;
    }
    int length = blockSize() > Erofs.SUPER_OFFSET ? blockSize() : Erofs.SUPER_OFFSET + blockSize();
    byte[] first = new byte[length];
    copy(0, first, 0, (int) Math.min(length, limit));
    if (SuperBlock.checksum(first) != image.get(INT, Erofs.SUPER_OFFSET + 4)) {
      throw Erofs.corrupt("the super block fails its checksum");
    }
  }

  /** The volume name says that this is a catalog. */
  boolean isCatalogVolume() {
    return catalogVolume;
  }

  /** Length of the image in bytes. */
  long limit() {
    return limit;
  }

  int blockSize() {
    return 1 << blockBits;
  }

  long rootNid() {
    return rootNid;
  }

  /** What the super block says; not trusted. */
  long inodes() {
    return inodes;
  }

  int unsignedByte(long at) {
    check(at, 1);
    return image.get(ValueLayout.JAVA_BYTE, at) & 0xFF;
  }

  int unsignedShort(long at) {
    check(at, 2);
    return image.get(SHORT, at) & 0xFFFF;
  }

  int intAt(long at) {
    check(at, 4);
    return image.get(INT, at);
  }

  long longAt(long at) {
    check(at, 8);
    return image.get(LONG, at);
  }

  void copy(long at, byte[] target, int offset, int length) {
    check(at, length);
    MemorySegment.copy(image, ValueLayout.JAVA_BYTE, at, target, offset, length);
  }

  /** Unsigned bytewise order of a range of the image against an array. */
  int compare(long at, int length, byte[] other) {
    check(at, length);
    int common = Math.min(length, other.length);
    for (int i = 0; i < common; i++) {
      int order = Byte.compareUnsigned(image.get(ValueLayout.JAVA_BYTE, at + i), other[i]);
      if (order != 0) {
        return order;
      }
    }
    return Integer.compare(length, other.length);
  }

  void check(long at, long length) {
    if (at < 0 || length < 0 || at > limit - length) {
      throw Erofs.corrupt("the image points outside of itself, to " + at);
    }
  }

  MemorySegment slice(long at, long length) {
    check(at, length);
    return image.asSlice(at, length);
  }

  Inode inode(long nid) {
    if (nid < 0 || nid > limit >> Erofs.SLOT_BITS) {
      throw Erofs.corrupt("no inode can have the number " + nid);
    }
    long at = metaAt + (nid << Erofs.SLOT_BITS);
    int format = unsignedShort(at);
    boolean extended = (format & 1) != 0;
    int layout = format >> 1 & 7;
    if (layout > Erofs.LAYOUT_CHUNKED) {
      throw Erofs.corrupt("inode " + nid + " has the unknown layout " + layout);
    }
    check(at, extended ? Erofs.EXTENDED_INODE : Erofs.COMPACT_INODE);
    int count = unsignedShort(at + 2);
    int attributes = count == 0 ? 0 : Erofs.XATTR_HEADER + 4 * (count - 1);
    int mode = unsignedShort(at + 4);
    long size = extended ? longAt(at + 8) : Integer.toUnsignedLong(intAt(at + 8));
    boolean directory = (mode & Erofs.S_IFMT) == Erofs.S_IFDIR;
    if (size < 0 || (directory && size > limit)) {
      throw Erofs.corrupt("inode " + nid + " has the impossible size " + size);
    }
    int union = intAt(at + 16);
    Inode inode =
        extended
            ? new Inode(
                nid,
                layout,
                at + Erofs.EXTENDED_INODE,
                attributes,
                mode,
                Integer.toUnsignedLong(intAt(at + 44)),
                size,
                union,
                Integer.toUnsignedLong(intAt(at + 24)),
                Integer.toUnsignedLong(intAt(at + 28)),
                seconds(longAt(at + 32)),
                nanos(intAt(at + 40)))
            : new Inode(
                nid,
                layout,
                at + Erofs.COMPACT_INODE,
                attributes,
                mode,
                unsignedShort(at + 6),
                size,
                union,
                unsignedShort(at + 24),
                unsignedShort(at + 26),
                epochSeconds,
                epochNanos);
    check(inode.attributesAt(), attributes);
    return inode;
  }

  private static long seconds(long value) {
    if (value < Instant.MIN.getEpochSecond() || value > Instant.MAX.getEpochSecond()) {
      throw Erofs.corrupt("a time lies " + value + " seconds from 1970");
    }
    return value;
  }

  private static int nanos(int value) {
    if (value < 0 || value > 999_999_999) {
      throw Erofs.corrupt("a time has " + Integer.toUnsignedString(value) + " nanoseconds");
    }
    return value;
  }

  /**
   * Where a run of an inode's data lies: {@code at} is -1 for a hole; {@code length} at least 1.
   */
  record Run(long at, long length) {}

  /** The run that starts at an offset below the inode's size. */
  Run map(Inode inode, long offset) {
    long left = inode.size() - offset;
    switch (inode.layout()) {
      case Erofs.LAYOUT_PLAIN -> {
        return checked(startOf(inode) + offset, left);
      }
      case Erofs.LAYOUT_INLINE -> {
        long whole = (inode.size() - 1) >> blockBits << blockBits;
        if (offset < whole) {
          return checked(startOf(inode) + offset, whole - offset);
        }
        if (inode.size() - whole > blockSize()) {
          throw Erofs.corrupt("inode " + inode.nid() + " has a tail larger than a block");
        }
        return checked(inode.tailAt() + offset - whole, left);
      }
      case Erofs.LAYOUT_CHUNKED -> {
        return mapChunk(inode, offset);
      }
      default -> throw Erofs.corrupt("inode " + inode.nid() + " is compressed; not supported");
    }
  }

  private long startOf(Inode inode) {
    return Integer.toUnsignedLong(inode.union()) << blockBits;
  }

  private Run mapChunk(Inode inode, long offset) {
    int format = inode.union();
    if ((format & ~(Erofs.CHUNK_BITS_MASK | Erofs.CHUNK_INDEXES)) != 0) {
      throw Erofs.corrupt("inode " + inode.nid() + " has an unknown chunk format " + format);
    }
    boolean indexes = (format & Erofs.CHUNK_INDEXES) != 0;
    int unit = indexes ? 8 : 4;
    int bits = blockBits + (format & Erofs.CHUNK_BITS_MASK);
    long chunk = offset >> bits;
    long inChunk = offset & ((1L << bits) - 1);
    long left = Math.min(inode.size() - offset, (1L << bits) - inChunk);
    if (chunk > limit / unit) {
      throw Erofs.corrupt("inode " + inode.nid() + " has more chunks than the image can hold");
    }
    long entry = Erofs.alignUp(inode.tailAt(), unit) + chunk * unit;
    int block = intAt(indexes ? entry + 4 : entry);
    if (block == Erofs.NULL_ADDRESS) {
      return new Run(-1, left);
    }
    if (indexes && intAt(entry) != 0) {
      throw Erofs.corrupt("inode " + inode.nid() + " has data on another device");
    }
    return checked((Integer.toUnsignedLong(block) << blockBits) + inChunk, left);
  }

  private Run checked(long at, long length) {
    check(at, length);
    return new Run(at, length);
  }

  /** A link's target, or another short content, whole. */
  byte[] content(Inode inode, int max) {
    if (inode.size() > max) {
      throw Erofs.corrupt("inode " + inode.nid() + " holds more than " + max + " bytes");
    }
    byte[] out = new byte[(int) inode.size()];
    for (int done = 0; done < out.length; ) {
      Run run = map(inode, done);
      int now = (int) Math.min(run.length(), out.length - done);
      if (run.at() >= 0) {
        copy(run.at(), out, done, now);
      }
      done += now;
    }
    return out;
  }

  /** Takes attributes until it has enough. */
  interface AttributeVisitor {
    /** Returns false to stop. */
    boolean visit(int index, long nameAt, int nameLength, long valueAt, int valueLength);
  }

  void visitAttributes(Inode inode, AttributeVisitor visitor) {
    if (inode.attributesBytes() == 0) {
      return;
    }
    long at = inode.attributesAt();
    long end = at + inode.attributesBytes();
    int shared = unsignedByte(at + 4);
    long inline = at + Erofs.XATTR_HEADER + 4L * shared;
    if (inline > end) {
      throw Erofs.corrupt("inode " + inode.nid() + " has more shared attributes than room");
    }
    for (int i = 0; i < shared; i++) {
      long id = Integer.toUnsignedLong(intAt(at + Erofs.XATTR_HEADER + 4L * i));
      if (!visitAttribute(sharedAt + 4 * id, limit, visitor)) {
        return;
      }
    }
    while (inline + 4 <= end) {
      if (!visitAttribute(inline, end, visitor)) {
        return;
      }
      inline += Erofs.align4(4 + unsignedByte(inline) + unsignedShort(inline + 2));
    }
  }

  private boolean visitAttribute(long at, long end, AttributeVisitor visitor) {
    check(at, 4);
    int nameLength = unsignedByte(at);
    int index = unsignedByte(at + 1);
    int valueLength = unsignedShort(at + 2);
    if (at + 4 + nameLength + valueLength > end) {
      throw Erofs.corrupt("an extended attribute reaches out of its place");
    }
    return visitor.visit(index, at + 4, nameLength, at + 4 + nameLength, valueLength);
  }

  /** All attributes by full name, in the order of the image; a name's first value counts. */
  Map<String, byte[]> attributes(Inode inode) {
    Map<String, byte[]> out = new LinkedHashMap<>();
    visitAttributes(
        inode,
        (index, nameAt, nameLength, valueAt, valueLength) -> {
          byte[] name = new byte[nameLength];
          copy(nameAt, name, 0, nameLength);
          byte[] value = new byte[valueLength];
          copy(valueAt, value, 0, valueLength);
          out.putIfAbsent(prefix(index) + Names.decode(name, 0, nameLength), value);
          return true;
        });
    return out;
  }

  private static String prefix(int index) {
    if ((index & Erofs.XATTR_LONG_PREFIX) != 0) {
      throw Erofs.corrupt("long prefixes of attribute names are not supported");
    }
    return switch (index) {
      case 0 -> "";
      case Erofs.XATTR_USER -> "user.";
      case 2 -> "system.posix_acl_access";
      case 3 -> "system.posix_acl_default";
      case Erofs.XATTR_TRUSTED -> "trusted.";
      case 5 -> "lustre.";
      case 6 -> "security.";
      default -> throw Erofs.corrupt("unknown kind of extended attribute: " + index);
    };
  }
}
