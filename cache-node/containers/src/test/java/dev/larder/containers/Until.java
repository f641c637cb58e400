package dev.larder.containers;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Waits for what is expected, with a bound. */
final class Until {
  private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private Until() {}

  /** A look at the world; a fault counts as "not yet". */
  @FunctionalInterface
  interface Look {
    boolean holds() throws Exception;
  }

  /** Returns once it holds; the milliseconds that took. */
  static long holds(String what, Duration limit, Look look) {
    long began = System.nanoTime();
    Exception last = null;
    while (true) {
      try {
        if (look.holds()) {
          return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
        }
        last = null;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError("interrupted while waiting: " + what, e);
      } catch (Exception e) {
        last = e;
      }
      if (System.nanoTime() - began > limit.toNanos()) {
        throw new AssertionError("not within " + limit + ": " + what, last);
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
  }
}
