package dev.larder.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/** A reusable set of descriptors to wait for. <b>Threads:</b> one at a time. */
public final class Poller {
  public static final int IN = 1;
  public static final int OUT = 4;
  public static final int ERR = 8;
  public static final int HUP = 16;

  private static final long BYTES = 8;
  private final MemorySegment array;
  private final int capacity;

  /**
   * An empty set; freed by the garbage collector.
   *
   * @param capacity most descriptors, 1 to 1024
   */
  public Poller(int capacity) {
    if (capacity < 1 || capacity > 1024) {
      throw new IllegalArgumentException("capacity " + capacity);
    }
    this.capacity = capacity;
    array = Arena.ofAuto().allocate(capacity * BYTES, 8);
    for (int i = 0; i < capacity; i++) {
      unset(i);
    }
  }

  /** Waits for events of a descriptor from now on; ERR and HUP are always told. */
  public void set(int index, Fd fd, int events) {
    Objects.checkIndex(index, capacity);
    put(index, fd.number(), events);
  }

  /** Leaves a place empty. */
  public void unset(int index) {
    Objects.checkIndex(index, capacity);
    put(index, -1, 0);
  }

  private void put(int index, int fd, int events) {
    array.set(ValueLayout.JAVA_INT, index * BYTES, fd);
    array.set(ValueLayout.JAVA_SHORT, index * BYTES + 4, (short) events);
    array.set(ValueLayout.JAVA_SHORT, index * BYTES + 6, (short) 0);
  }

  /**
   * Waits for any event.
   *
   * @param timeoutMillis -1 without an end
   * @return how many descriptors have events, 0 when the time is over
   */
  public int await(int timeoutMillis) throws LinuxException {
    long end = System.nanoTime() + timeoutMillis * 1_000_000L;
    int left = timeoutMillis;
    while (true) {
      int result = Libc.poll(array.address(), capacity, left);
      if (result != -Errno.EINTR) {
        return (int) LinuxException.check(result, "poll", "descriptors");
      }
      if (timeoutMillis >= 0) {
        left = (int) Math.max(0, (end - System.nanoTime()) / 1_000_000L);
      }
    }
  }

  /** The events seen by the last {@link #await}. */
  public int events(int index) {
    Objects.checkIndex(index, capacity);
    return array.get(ValueLayout.JAVA_SHORT, index * BYTES + 6);
  }
}
