package dev.larder.linux;

import java.util.concurrent.locks.LockSupport;

/** Waits for what the kernel does in its own time. */
final class Waiting {
  private static final long LIMIT_NANOS = 20_000_000_000L;

  private Waiting() {}

  interface Condition {
    boolean holds() throws Exception;
  }

  static void until(Condition condition) throws Exception {
    long end = System.nanoTime() + LIMIT_NANOS;
    while (!condition.holds()) {
      if (System.nanoTime() > end) {
        throw new AssertionError("it did not come true within 20 s");
      }
      LockSupport.parkNanos(1_000_000);
    }
  }
}
