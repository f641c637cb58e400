package dev.larder.agent.fill;

import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * How fast the parents of one blob deliver, so that one slow member is told from a slow source: who
 * gives less than a quarter of what the others give meanwhile is left for another member. A blob
 * whose parents are all slow has nobody better. Any thread; times come from the caller.
 */
public final class ParentRates {
  /** Long enough for a pause in the sending, short beside a reader's patience. */
  public static final long WINDOW_NANOS = Duration.ofSeconds(2).toNanos();

  private static final long FRESH_NANOS = Duration.ofSeconds(10).toNanos();

  /** Who gave the others' bytes may be done long before who crawls is left. */
  private static final long CRAWLING_FRESH_NANOS = Duration.ofSeconds(60).toNanos();

  private static final int SLOW_FACTOR = 4;

  /**
   * A member so far behind for long is as good as silent: better the same bytes once more from the
   * origin than all readers behind one broken link. Where all links are full a reader of a reader
   * has seen six seconds of it ({@code perf/run peer-four}: up to 6 % of an object came twice), so
   * those are a reason to ask for somebody else, and three times as long one to do without.
   */
  private static final int CRAWLING_FACTOR = 16;

  /** Windows in a row after which another is asked for in place of a crawling member. */
  public static final int CRAWLING_WINDOWS_MAX = 3;

  private static final int MEMBERS_MAX = 64;

  private final Map<String, Rate> rates = new HashMap<>();

  private record Rate(double bytesPerSecond, long atNanos) {}

  /** A member delivered so much in so long. */
  public synchronized void note(String member, long bytes, long nanos, long nowNanos) {
    rates.values().removeIf(rate -> nowNanos - rate.atNanos > CRAWLING_FRESH_NANOS);
    if (nanos > 0 && (rates.size() < MEMBERS_MAX || rates.containsKey(member))) {
      rates.put(member, new Rate(bytes * 1e9 / nanos, nowNanos));
    }
  }

  /** Whether the others give much more than this one. */
  public synchronized boolean isSlow(String member, long nowNanos) {
    return isBehind(member, SLOW_FACTOR, FRESH_NANOS, nowNanos);
  }

  /** Whether the others give so much more that it is next to nothing. */
  public synchronized boolean isCrawling(String member, long nowNanos) {
    return isBehind(member, CRAWLING_FACTOR, CRAWLING_FRESH_NANOS, nowNanos);
  }

  /** What a member gave last and the middle of what the others gave, for the log. */
  public synchronized String comparison(String member, long nowNanos) {
    Rate own = rates.get(member);
    return String.format(
        Locale.ROOT,
        "it gives %.1f MB/s, others %.1f",
        own == null ? 0 : own.bytesPerSecond / 1e6,
        Math.max(0, others(member, CRAWLING_FRESH_NANOS, nowNanos) / 1e6));
  }

  private boolean isBehind(String member, int factor, long freshNanos, long nowNanos) {
    Rate own = rates.get(member);
    double others = others(member, freshNanos, nowNanos);
    return own != null && others >= 0 && own.bytesPerSecond * factor < others;
  }

  /** Negative for no others. */
  private double others(String member, long freshNanos, long nowNanos) {
    double[] others =
        rates.entrySet().stream()
            .filter(each -> !each.getKey().equals(member))
            .filter(each -> nowNanos - each.getValue().atNanos <= freshNanos)
            .mapToDouble(each -> each.getValue().bytesPerSecond)
            .sorted()
            .toArray();
    // The lower of two in the middle: to leave a member costs more than to stay.
    return others.length == 0 ? -1 : others[(others.length - 1) / 2];
  }
}
