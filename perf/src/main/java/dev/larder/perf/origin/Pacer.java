package dev.larder.perf.origin;

import java.util.concurrent.locks.LockSupport;

/** Holds the bytes of all connections together to a rate. Any thread. */
final class Pacer {
  /** What may be caught up after a pause; longer would let a reader burst above the rate. */
  private static final long CATCH_UP_NANOS = 2_000_000;

  private final long bytesPerSecond;
  private long nextNanos = System.nanoTime();

  /**
   * @param bytesPerSecond the rate; 0 for none
   */
  Pacer(long bytesPerSecond) {
    this.bytesPerSecond = bytesPerSecond;
  }

  /** The most bytes to take at once. */
  int partBytes() {
    return bytesPerSecond == 0 ? 8 << 20 : 64 << 10;
  }

  /** Waits until so many bytes may be sent. */
  void take(long bytes) {
    if (bytesPerSecond == 0) {
      return;
    }
    long wait;
    synchronized (this) {
      long now = System.nanoTime();
      long start = Math.max(nextNanos, now - CATCH_UP_NANOS);
      nextNanos = start + (long) (bytes * 1e9 / bytesPerSecond);
      wait = start - now;
    }
    while (wait > 0) {
      long before = System.nanoTime();
      LockSupport.parkNanos(wait);
      wait -= System.nanoTime() - before;
    }
  }
}
