package dev.larder.keeper;

import java.util.concurrent.locks.LockSupport;

/** Waits for what another process or the kernel does in its own time. */
final class Waiting {
  private static final long LIMIT_NANOS = 60_000_000_000L;

  private Waiting() {}

  interface Condition {
    boolean holds() throws Exception;
  }

  static void until(String what, Condition condition) throws Exception {
    long end = System.nanoTime() + LIMIT_NANOS;
    while (!condition.holds()) {
      if (System.nanoTime() > end) {
        throw new AssertionError("it did not come true within 60 s: " + what);
      }
      LockSupport.parkNanos(2_000_000);
    }
  }
}
