package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Little-endian numbers in memory; offsets of frames may be odd multiples of four. */
final class Le {
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Le() {}

  static long getLong(MemorySegment memory, long offset) {
    return memory.get(LONG, offset);
  }

  static void putLong(MemorySegment memory, long offset, long value) {
    memory.set(LONG, offset, value);
  }

  static int getInt(MemorySegment memory, long offset) {
    return memory.get(INT, offset);
  }

  static void putInt(MemorySegment memory, long offset, int value) {
    memory.set(INT, offset, value);
  }

  static int getShort(MemorySegment memory, long offset) {
    return Short.toUnsignedInt(memory.get(SHORT, offset));
  }

  static void putShort(MemorySegment memory, long offset, int value) {
    memory.set(SHORT, offset, (short) value);
  }

  static void clear(MemorySegment memory, long offset, long length) {
    for (long at = offset; at < offset + length; at += Long.BYTES) {
      memory.set(LONG, at, 0);
    }
  }
}
