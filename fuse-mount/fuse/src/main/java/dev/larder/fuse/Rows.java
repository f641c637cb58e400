package dev.larder.fuse;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.lang.foreign.MemorySegment;

/**
 * The rows of the inode table as they stand in the shared memory; keeps nothing on the heap. See
 * {@link InodeTable} for who may write what.
 *
 * <p>A node id is a row's number and, in its upper half, the row's generation: a row used again has
 * another node id. A row is 0 (never used), {@link #ROOT}, a folder, or a key's.
 *
 * <p><b>Threads:</b> any; single fields are read with acquire and written with release, so a row
 * whose state is used has its key and size.
 */
public final class Rows {
  /** A row's {@code state}. */
  public static final int FREE = 0;

  /** A row's {@code state}. */
  public static final int USED = 1;

  /** A row's {@code mode}: nobody has it open. */
  public static final int CLOSED = 0;

  /** A row's {@code mode}: the agent answers reads. */
  public static final int USER_SPACE = 1;

  /** A row's {@code mode}: the kernel reads the file with the row's backing id. */
  public static final int PASSTHROUGH = 2;

  /** A bit of {@code flags}: the kernel refused passthrough, which is final. */
  public static final int REFUSED = 1;

  /** A bit of {@code flags}: the kernel may keep bytes it read through the agent. */
  public static final int CACHED = 2;

  /** A row's {@code kind}. */
  public static final int SHA256 = 0;

  /** A row's {@code kind}. */
  public static final int ORIGIN = 1;

  private static final int ROOT = Layout.ROW_ROOT;

  private final MemorySegment memory;
  private final long offset;
  private final int count;

  Rows(MemorySegment memory, long offset, int count) {
    this.memory = memory;
    this.offset = offset;
    this.count = count;
  }

  /** Rows in all; rows from {@link Layout#ROW_KEYS} on can hold keys. */
  public int count() {
    return count;
  }

  /** Rows from here on were never used. */
  public int touched() {
    return Math.min(count, Layout.getInt(memory, Layout.HEADER_ROWS_TOUCHED));
  }

  /** What the kernel knows a row by. */
  public long nodeId(int row) {
    return Integer.toUnsignedLong(row) | (long) generation(row) << 32;
  }

  /** The used row with this node id, or -1: malformed, or of a row freed since. */
  public int rowOf(long nodeId) {
    int row = (int) nodeId;
    if (row < ROOT || row >= touched() || state(row) != USED) {
      return -1;
    }
    return generation(row) == (int) (nodeId >>> 32) ? row : -1;
  }

  public int state(int row) {
    return Layout.getByte(memory, at(row) + Layout.ROW_STATE);
  }

  public int mode(int row) {
    return Layout.getByte(memory, at(row) + Layout.ROW_MODE);
  }

  public int kind(int row) {
    return Layout.getByte(memory, at(row) + Layout.ROW_KIND);
  }

  public int flags(int row) {
    return Layout.getByte(memory, at(row) + Layout.ROW_FLAGS);
  }

  /** Open files of the kernel. */
  public int opens(int row) {
    return Layout.getInt(memory, at(row) + Layout.ROW_OPENS);
  }

  public int generation(int row) {
    return Layout.getInt(memory, at(row) + Layout.ROW_GENERATION);
  }

  /** The id of the file the kernel reads, or 0. */
  public int backing(int row) {
    return Layout.getInt(memory, at(row) + Layout.ROW_BACKING);
  }

  public long sizeBytes(int row) {
    return Layout.getLong(memory, at(row) + Layout.ROW_SIZE);
  }

  /** How often the kernel was told of the row, less what it forgot. */
  public int lookups(int row) {
    return Layout.getInt(memory, at(row) + Layout.ROW_LOOKUPS);
  }

  /** One of the four big-endian longs of a row's digest. */
  long digestLong(int row, int index) {
    return (long) Layout.DIGEST_LONG.getAcquire(memory, at(row) + Layout.ROW_DIGEST + 8L * index);
  }

  /** The key of a row of keys. */
  public BlobKey key(int row) {
    Digest digest =
        new Digest(digestLong(row, 0), digestLong(row, 1), digestLong(row, 2), digestLong(row, 3));
    return kind(row) == SHA256 ? BlobKey.sha256(digest) : BlobKey.origin(digest);
  }

  /** Whether the row can hold a key, so that it is a file's once it is used. */
  public static boolean isKeys(int row) {
    return row >= Layout.ROW_KEYS;
  }

  /** A used row of a key whose backing id the kernel holds: what the keeper must not close. */
  public boolean isBacked(int row) {
    return state(row) == USED && mode(row) == PASSTHROUGH && backing(row) != 0;
  }

  void putState(int row, int state) {
    Layout.putByte(memory, at(row) + Layout.ROW_STATE, state);
  }

  void putMode(int row, int mode) {
    Layout.putByte(memory, at(row) + Layout.ROW_MODE, mode);
  }

  void putFlags(int row, int flags) {
    Layout.putByte(memory, at(row) + Layout.ROW_FLAGS, flags);
  }

  void putOpens(int row, int opens) {
    Layout.putInt(memory, at(row) + Layout.ROW_OPENS, opens);
  }

  void putGeneration(int row, int generation) {
    Layout.putInt(memory, at(row) + Layout.ROW_GENERATION, generation);
  }

  void putBacking(int row, int id) {
    Layout.putInt(memory, at(row) + Layout.ROW_BACKING, id);
  }

  void putLookups(int row, int lookups) {
    Layout.putInt(memory, at(row) + Layout.ROW_LOOKUPS, lookups);
  }

  /** Writes a free row's content; {@link #putState} makes it count. */
  void putKey(int row, BlobKey key, long sizeBytes) {
    long at = at(row);
    Layout.putByte(memory, at + Layout.ROW_MODE, CLOSED);
    Layout.putByte(
        memory, at + Layout.ROW_KIND, key.kind() == BlobKey.Kind.SHA256 ? SHA256 : ORIGIN);
    Layout.putByte(memory, at + Layout.ROW_FLAGS, 0);
    Layout.putInt(memory, at + Layout.ROW_OPENS, 0);
    Layout.putInt(memory, at + Layout.ROW_BACKING, 0);
    Layout.putLong(memory, at + Layout.ROW_SIZE, sizeBytes);
    Layout.putInt(memory, at + Layout.ROW_LOOKUPS, 0);
    Digest digest = key.digest();
    Layout.DIGEST_LONG.setRelease(memory, at + Layout.ROW_DIGEST, digest.a());
    Layout.DIGEST_LONG.setRelease(memory, at + Layout.ROW_DIGEST + 8, digest.b());
    Layout.DIGEST_LONG.setRelease(memory, at + Layout.ROW_DIGEST + 16, digest.c());
    Layout.DIGEST_LONG.setRelease(memory, at + Layout.ROW_DIGEST + 24, digest.d());
  }

  void putTouched(int rows) {
    Layout.putInt(memory, Layout.HEADER_ROWS_TOUCHED, rows);
  }

  void formatFixed() {
    for (int row = ROOT; row < Layout.ROW_KEYS; row++) {
      putState(row, USED);
    }
    putTouched(Layout.ROW_KEYS);
  }

  private long at(int row) {
    return offset + (long) row * Layout.ROW_BYTES;
  }
}
