package dev.larder.fuse;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Where everything stands in the shared memory, version 1: a header of 4 KiB, the slots, the rows.
 * All numbers are little endian. A process that finds another version refuses.
 */
public final class Layout {
  /** Version of everything below. */
  public static final int VERSION = 1;

  /** {@code LARDFUSE} as it stands in memory. */
  public static final long MAGIC = 0x455355464452414cL;

  public static final int HEADER_BYTES = 4096;

  public static final int HEADER_MAGIC = 0;
  public static final int HEADER_VERSION = 8;
  public static final int HEADER_SLOTS = 12;
  public static final int HEADER_SLOT_BYTES = 16;
  public static final int HEADER_ROWS = 20;
  public static final int HEADER_SLOTS_OFFSET = 24;
  public static final int HEADER_ROWS_OFFSET = 32;
  public static final int HEADER_BYTES_TOTAL = 40;

  /** INIT's outcome; valid once {@link #HEADER_INIT_STATE} is {@link #INIT_DONE}. */
  public static final int HEADER_INIT_STATE = 48;

  public static final int HEADER_INIT_MINOR = 52;
  public static final int HEADER_INIT_FLAGS = 56;
  public static final int HEADER_INIT_MAX_PAGES = 64;
  public static final int HEADER_INIT_MAX_WRITE = 68;
  public static final int HEADER_INIT_MAX_READAHEAD = 72;
  public static final int HEADER_INIT_STACK_DEPTH = 76;

  public static final int HEADER_KEEPER_PID = 80;

  /** How many agents took this memory over. */
  public static final int HEADER_AGENT_GENERATION = 88;

  /** Rows from here on were never used, so nobody has to touch them to know. */
  public static final int HEADER_ROWS_TOUCHED = 96;

  public static final int INIT_DONE = 1;

  /** A slot: its head, then the request as the kernel wrote it. */
  public static final int SLOT_PHASE = 0;

  public static final int SLOT_HEAD_BYTES = 64;

  /** What the kernel asks of a buffer for requests, and more than any request we allow. */
  public static final int REQUEST_BYTES = 8192;

  public static final int SLOT_BYTES = SLOT_HEAD_BYTES + REQUEST_BYTES;

  public static final int ROW_STATE = 0;
  public static final int ROW_MODE = 1;
  public static final int ROW_KIND = 2;
  public static final int ROW_FLAGS = 3;
  public static final int ROW_OPENS = 4;
  public static final int ROW_GENERATION = 8;
  public static final int ROW_BACKING = 12;
  public static final int ROW_SIZE = 16;
  public static final int ROW_DIGEST = 24;
  public static final int ROW_LOOKUPS = 56;
  public static final int ROW_BYTES = 64;

  /** The row of the root; row 0 is never used. */
  public static final int ROW_ROOT = 1;

  /** The row of folder {@code 00}; {@code ff} stands 255 rows on. */
  public static final int ROW_FOLDERS = 2;

  /** The first row that can hold a key. */
  public static final int ROW_KEYS = ROW_FOLDERS + 256;

  public static final int SLOTS_MIN = 8;
  public static final int SLOTS_MAX = 1 << 16;
  public static final int ROWS_MIN = 1 << 10;
  public static final int ROWS_MAX = 1 << 26;

  private static final int PAGE_BYTES = 4096;
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

  // Coordinates of all: memory, offset. Aligned, so that they can be read with acquire.
  static final VarHandle LONG = ValueLayout.JAVA_LONG.withOrder(ORDER).varHandle();
  static final VarHandle INT = ValueLayout.JAVA_INT.withOrder(ORDER).varHandle();
  static final VarHandle BYTE = ValueLayout.JAVA_BYTE.varHandle();

  /** Digests are kept as their bytes, which our {@code Digest} reads as big-endian longs. */
  static final VarHandle DIGEST_LONG =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.BIG_ENDIAN).varHandle();

  private Layout() {}

  /** Bytes of a memory with so many slots and rows, a multiple of the page size. */
  public static long bytes(int slots, int rows) {
    return toPage(rowsOffset(slots) + (long) rows * ROW_BYTES);
  }

  static long slotsOffset() {
    return HEADER_BYTES;
  }

  static long rowsOffset(int slots) {
    return toPage(slotsOffset() + (long) slots * SLOT_BYTES);
  }

  static int getInt(MemorySegment memory, long offset) {
    return (int) INT.getAcquire(memory, offset);
  }

  static void putInt(MemorySegment memory, long offset, int value) {
    INT.setRelease(memory, offset, value);
  }

  static long getLong(MemorySegment memory, long offset) {
    return (long) LONG.getAcquire(memory, offset);
  }

  static void putLong(MemorySegment memory, long offset, long value) {
    LONG.setRelease(memory, offset, value);
  }

  static int getByte(MemorySegment memory, long offset) {
    return Byte.toUnsignedInt((byte) BYTE.getAcquire(memory, offset));
  }

  static void putByte(MemorySegment memory, long offset, int value) {
    BYTE.setRelease(memory, offset, (byte) value);
  }

  private static long toPage(long bytes) {
    return (bytes + PAGE_BYTES - 1) & -PAGE_BYTES;
  }
}
