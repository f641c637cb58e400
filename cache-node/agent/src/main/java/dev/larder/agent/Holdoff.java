package dev.larder.agent;

import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * When something that was refused is tried again: later each time, and not by all nodes at once.
 * Logs the first refusal of a row. One thread; {@link #problem} any.
 */
final class Holdoff {
  private static final Logger log = LoggerFactory.getLogger(Holdoff.class);

  /** A disk that has room again is found out within half a minute. */
  private static final Duration LONGEST = Duration.ofSeconds(30);

  private final String what;
  private final long firstNanos;
  private long waitNanos;
  private long dueNanos;
  private volatile String problem = "";

  Holdoff(String what, Duration first) {
    this.what = what;
    this.firstNanos = first.toNanos();
    this.dueNanos = System.nanoTime();
  }

  boolean isDue() {
    return System.nanoTime() - dueNanos >= 0;
  }

  /** Why the last try was refused; empty when it was not. */
  String problem() {
    return problem;
  }

  void passed() {
    if (!problem.isEmpty()) {
      log.info("the coordinator takes {} again", what);
    }
    problem = "";
    waitNanos = 0;
    dueNanos = System.nanoTime();
  }

  void refused(LarderException e) {
    if (problem.isEmpty()) {
      log.warn(
          "the coordinator does not take {} now, they wait code={}: {}",
          what,
          e.code(),
          e.getMessage());
    }
    problem = what + " wait: " + e.code() + ": " + e.getMessage();
    waitNanos = Math.min(LONGEST.toNanos(), Math.max(firstNanos, 2 * waitNanos));
    dueNanos =
        System.nanoTime() + waitNanos / 2 + ThreadLocalRandom.current().nextLong(waitNanos / 2 + 1);
  }
}
