package dev.larder.origin;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.ThreadLocalRandom;

/** Time and chance, so that tests hold them. */
interface Timing {
  /** A clock that only goes forward, in nanoseconds from anywhere. */
  long nanos();

  /** The wall clock. */
  Instant now();

  /** Waits; negative and zero return at once. */
  void sleep(Duration duration) throws InterruptedException;

  /** A number from 0 (inclusive) to 1 (exclusive). */
  double random();

  /** The machine's own, with this wall clock. */
  static Timing system(Clock clock) {
    return new Timing() {
      @Override
      public long nanos() {
        return System.nanoTime();
      }

      @Override
      public Instant now() {
        return clock.instant();
      }

      @Override
      public void sleep(Duration duration) throws InterruptedException {
        Thread.sleep(duration);
      }

      @Override
      public double random() {
        return ThreadLocalRandom.current().nextDouble();
      }
    };
  }
}
