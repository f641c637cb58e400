package dev.larder.erofs;

import dev.larder.protocol.BlobKey;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * An entry as a record whose unsigned bytewise order is tree order: the path with NUL for each
 * slash, two NULs, then what settles duplicates. A directory comes before anything else of its
 * path, then the newest; the rest of the bytes settle what is left, so the order of arrival never
 * counts.
 *
 * <p>Doubles as a view that is moved from record to record.
 */
final class EntryRecord {
  private static final int DIRECTORY_FIRST = 0;
  private static final int OTHERS_AFTER = 1;

  /** Bytes from the end of the path to the version: ranks, times, size, mode, owner, key. */
  private static final int FIXED = 2 + 1 + 8 + 4 + 1 + 8 + 2 + 4 + 4 + BlobKey.BINARY_BYTES;

  /** What version, attributes and target may take in all; the rest of RECORD_MAX is the path. */
  static final int ATTRIBUTES_MAX = 16 << 10;

  private byte[] data = new byte[512];
  private int length;
  private int pathLength;

  /** Fills {@code scratch} and flips it. The entry must have passed {@link EntryCheck}. */
  static void encode(CatalogEntry entry, byte[] path, ByteBuffer scratch) {
    scratch.clear();
    for (byte b : path) {
      scratch.put(b == '/' ? 0 : b);
    }
    scratch.putShort((short) 0);
    scratch.put((byte) (entry.type() == EntryType.DIRECTORY ? DIRECTORY_FIRST : OTHERS_AFTER));
    // Inverted, so that the newest sorts first; the sign bit is flipped for unsigned order.
    scratch.putLong(~(entry.mtime().getEpochSecond() ^ Long.MIN_VALUE));
    scratch.putInt(~entry.mtime().getNano());
    scratch.put(typeCode(entry.type()));
    scratch.putLong(entry.sizeBytes());
    scratch.putShort((short) entry.mode().orElse(-1));
    scratch.putInt((int) entry.uid().orElse(-1));
    scratch.putInt((int) entry.gid().orElse(-1));
    BlobKey key = entry.key();
    if (key == null) {
      scratch.put(new byte[BlobKey.BINARY_BYTES]);
    } else {
      scratch.put(key.kind().code());
      key.digest().write(scratch);
    }
    putShortBytes(scratch, utf8(entry.version()));
    String target = entry.linkTarget();
    byte[] targetBytes = target == null ? null : Names.encode(target);
    putShortBytes(scratch, targetBytes == null ? new byte[0] : targetBytes);
    Map<String, byte[]> xattrs =
        entry.userXattrs().isEmpty() ? Map.of() : new TreeMap<>(entry.userXattrs());
    scratch.putShort((short) xattrs.size());
    xattrs.forEach((name, value) -> {
      putShortBytes(scratch, utf8(name.substring("user.".length())));
      putShortBytes(scratch, value);
    });
    scratch.flip();
  }

  /** Fixed, because the listing's digest and so the image's UUID are taken over it. */
  private static byte typeCode(EntryType type) {
    return switch (type) {
      case FILE -> 0;
      case DIRECTORY -> 1;
      case SYMLINK -> 2;
      case OTHER -> throw new IllegalArgumentException("not an entry of a catalog");
    };
  }

  private static byte[] utf8(@Nullable String text) {
    return text == null ? new byte[0] : text.getBytes(StandardCharsets.UTF_8);
  }

  private static void putShortBytes(ByteBuffer out, byte[] bytes) {
    out.putShort((short) bytes.length).put(bytes);
  }

  /** Copies the cursor's record, so that it outlives the cursor's next step. */
  void load(RecordCursor cursor) {
    length = cursor.length();
    if (data.length < length) {
      data = new byte[Math.max(length, 2 * data.length)];
    }
    System.arraycopy(cursor.bytes(), cursor.offset(), data, 0, length);
    pathLength = pathLengthOf(data, 0, length);
  }

  private static int pathLengthOf(byte[] bytes, int from, int length) {
    int at = from;
    int end = from + length - 1;
    if (bytes[from] == 0) {
      return 0;
    }
    while (at < end && (bytes[at] != 0 || bytes[at + 1] != 0)) {
      at++;
    }
    return at - from;
  }

  /** The cursor's record has the same path. */
  boolean samePath(RecordCursor cursor) {
    int end = pathLength + 2;
    return cursor.length() >= end
        && Arrays.equals(data, 0, end, cursor.bytes(), cursor.offset(), cursor.offset() + end);
  }

  /** The cursor's record lies below this path. Only asked of records that sort behind this one. */
  boolean isParentOf(RecordCursor cursor) {
    int end = pathLength + 1;
    return cursor.length() > end
        && Arrays.equals(data, 0, end, cursor.bytes(), cursor.offset(), cursor.offset() + end);
  }

  /** The path with NUL for slash in the first {@link #pathLength} bytes, and the rest behind it. */
  byte[] bytes() {
    return data;
  }

  int length() {
    return length;
  }

  int pathLength() {
    return pathLength;
  }

  String path() {
    byte[] path = Arrays.copyOf(data, pathLength);
    for (int i = 0; i < path.length; i++) {
      if (path[i] == 0) {
        path[i] = '/';
      }
    }
    return Names.decode(path, 0, path.length);
  }

  private ByteBuffer field(int offset) {
    return ByteBuffer.wrap(data, pathLength + offset, length - pathLength - offset);
  }

  long mtimeSeconds() {
    return ~field(3).getLong() ^ Long.MIN_VALUE;
  }

  int mtimeNanos() {
    return ~field(11).getInt();
  }

  Instant mtime() {
    return Instant.ofEpochSecond(mtimeSeconds(), mtimeNanos());
  }

  EntryType type() {
    return switch (data[pathLength + 15]) {
      case 0 -> EntryType.FILE;
      case 1 -> EntryType.DIRECTORY;
      default -> EntryType.SYMLINK;
    };
  }

  long sizeBytes() {
    return field(16).getLong();
  }

  /** Permission bits, or -1 for the default. */
  int mode() {
    return field(24).getShort();
  }

  /** Owner, or -1 for the default. */
  int uid() {
    return field(26).getInt();
  }

  /** Group, or -1 for the default. */
  int gid() {
    return field(30).getInt();
  }

  BlobKey.Kind keyKind() {
    return BlobKey.Kind.ofCode(data[pathLength + 34]);
  }

  /** Offset in {@link #bytes} of the 32 bytes of the key's digest. */
  int keyDigestOffset() {
    return pathLength + 35;
  }

  /** Positioned at the version's 2-byte length; target and attributes follow. */
  ByteBuffer tail() {
    return field(FIXED);
  }
}
