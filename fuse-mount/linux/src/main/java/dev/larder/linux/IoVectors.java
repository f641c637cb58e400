package dev.larder.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/**
 * A reusable array of buffers for {@link Fd#writev}. It holds addresses only: the buffers must live
 * while they are used. <b>Threads:</b> one at a time.
 */
public final class IoVectors {
  private static final long BYTES = 16;
  private final MemorySegment array;
  private final int capacity;

  /**
   * Makes room for so many buffers; freed by the garbage collector.
   *
   * @param capacity 1 to 1024
   */
  public IoVectors(int capacity) {
    if (capacity < 1 || capacity > 1024) {
      throw new IllegalArgumentException("capacity " + capacity);
    }
    this.capacity = capacity;
    array = Arena.ofAuto().allocate(capacity * BYTES, 8);
  }

  /** Most buffers it takes. */
  public int capacity() {
    return capacity;
  }

  /** Sets one entry to a range of a buffer. */
  public void set(int index, MemorySegment buffer, long offset, long length) {
    Objects.checkIndex(index, capacity);
    Objects.checkFromIndexSize(offset, length, buffer.byteSize());
    array.set(ValueLayout.JAVA_LONG, index * BYTES, buffer.address() + offset);
    array.set(ValueLayout.JAVA_LONG, index * BYTES + 8, length);
  }

  long address() {
    return array.address();
  }
}
