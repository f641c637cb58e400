package dev.larder.agent.fill;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/**
 * How fast the parents of one blob deliver, so that one slow member is told from a slow source: who
 * gives less than a quarter of what the others give meanwhile is left. A blob whose parents are all
 * slow has nobody better. Any thread; times come from the caller.
 */
public final class ParentRates {
  /** Long enough for a pause in the sending, short beside a reader's patience. */
  public static final long WINDOW_NANOS = Duration.ofSeconds(2).toNanos();

  private static final long FRESH_NANOS = Duration.ofSeconds(10).toNanos();
  private static final int SLOW_FACTOR = 4;
  private static final int MEMBERS_MAX = 64;

  private final Map<String, Rate> rates = new HashMap<>();

  private record Rate(double bytesPerSecond, long atNanos) {}

  /** A member delivered so much in so long. */
  public synchronized void note(String member, long bytes, long nanos, long nowNanos) {
    rates.values().removeIf(rate -> nowNanos - rate.atNanos > FRESH_NANOS);
    if (nanos > 0 && (rates.size() < MEMBERS_MAX || rates.containsKey(member))) {
      rates.put(member, new Rate(bytes * 1e9 / nanos, nowNanos));
    }
  }

  /** Whether the others give much more than this one. */
  public synchronized boolean isSlow(String member, long nowNanos) {
    Rate own = rates.get(member);
    double[] others =
        rates.entrySet().stream()
            .filter(each -> !each.getKey().equals(member))
            .filter(each -> nowNanos - each.getValue().atNanos <= FRESH_NANOS)
            .mapToDouble(each -> each.getValue().bytesPerSecond)
            .sorted()
            .toArray();
    // The lower of two in the middle: to leave a member costs more than to stay.
    return own != null
        && others.length > 0
        && own.bytesPerSecond * SLOW_FACTOR < others[(others.length - 1) / 2];
  }
}
