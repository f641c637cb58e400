package dev.larder.agent.peer;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * Room for the asks and reports that all connections of a door take in: no more than {@code
 * peer.bodies-max} bytes at once, counted as they come. Any thread.
 */
final class DoorBodies {
  private final long maxBytes;
  private final AtomicLong heldBytes = new AtomicLong();
  private final LongAdder taken = new LongAdder();

  DoorBodies(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  /** Takes room, which is given back exactly once; false when there is none. */
  boolean take(int bytes) {
    long before = heldBytes.getAndUpdate(held -> held + bytes > maxBytes ? held : held + bytes);
    return before + bytes <= maxBytes;
  }

  /** A body has all the room it needs. */
  void whole() {
    taken.increment();
  }

  void give(int bytes) {
    heldBytes.addAndGet(-bytes);
  }

  /** Bytes that are taken now. */
  long heldBytes() {
    return heldBytes.get();
  }

  /** Bodies that came whole and found room, since the start. */
  long taken() {
    return taken.sum();
  }
}
