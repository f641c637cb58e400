package dev.larder.perf;

/**
 * What a figure should reach.
 *
 * @param kind what is bounded
 * @param bound the bound itself, in the figure's unit or as a ratio
 */
public record Goal(Kind kind, double bound) {

  /** What a goal speaks of. */
  public enum Kind {
    /** The ratio to the baseline is at least this. */
    RATIO_AT_LEAST,
    /** The ratio to the baseline is at most this. */
    RATIO_AT_MOST,
    /** The value is at least this. */
    VALUE_AT_LEAST,
    /** The value is at most this. */
    VALUE_AT_MOST
  }

  /** A least ratio to the baseline. */
  public static Goal ratioAtLeast(double bound) {
    return new Goal(Kind.RATIO_AT_LEAST, bound);
  }

  /** A largest ratio to the baseline. */
  public static Goal ratioAtMost(double bound) {
    return new Goal(Kind.RATIO_AT_MOST, bound);
  }

  /** A least value. */
  public static Goal atLeast(double bound) {
    return new Goal(Kind.VALUE_AT_LEAST, bound);
  }

  /** A largest value. */
  public static Goal atMost(double bound) {
    return new Goal(Kind.VALUE_AT_MOST, bound);
  }
}
