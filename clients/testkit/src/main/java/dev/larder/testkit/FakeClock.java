package dev.larder.testkit;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;

/**
 * A clock that stands still until it is moved. Sleeping moves it by the time asked for and returns
 * at once, so that a test of waiting takes no time. Any thread.
 */
public final class FakeClock implements InstantSource {
  private final Instant start = Instant.parse("2025-01-01T00:00:00Z");
  private final List<Duration> sleeps = new ArrayList<>();
  private long nanos;

  @Override
  public synchronized Instant instant() {
    return start.plusNanos(nanos);
  }

  /** Nanoseconds since the clock was made. */
  public synchronized long nanos() {
    return nanos;
  }

  /** Moves the clock. */
  public synchronized void advance(Duration duration) {
    nanos += duration.toNanos();
  }

  /**
   * Moves the clock by this long and remembers that somebody waited.
   *
   * @throws InterruptedException where the thread is interrupted, as a real sleep would
   */
  public synchronized void sleep(Duration duration) throws InterruptedException {
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    sleeps.add(duration);
    if (duration.isPositive()) {
      nanos += duration.toNanos();
    }
  }

  /** Every sleep so far, in order. */
  public synchronized List<Duration> sleeps() {
    return List.copyOf(sleeps);
  }
}
