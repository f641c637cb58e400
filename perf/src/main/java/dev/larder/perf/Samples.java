package dev.larder.perf;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/** Numbers of the rounds of one measure. One thread at a time. */
public final class Samples {
  private final List<Double> values = new ArrayList<>();

  /** Adds one. */
  public void add(double value) {
    if (!Double.isFinite(value)) {
      throw new IllegalArgumentException("a sample must be finite, got " + value);
    }
    values.add(value);
  }

  /** How many there are. */
  public int count() {
    return values.size();
  }

  /** The middle one, or the mean of the two in the middle. */
  public double median() {
    if (values.isEmpty()) {
      throw new IllegalStateException("no sample");
    }
    List<Double> sorted = new ArrayList<>(values);
    Collections.sort(sorted);
    int middle = sorted.size() / 2;
    return sorted.size() % 2 == 1
        ? sorted.get(middle)
        : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
  }

  /** The largest. */
  public double max() {
    return Collections.max(values);
  }

  /** The smallest. */
  public double min() {
    return Collections.min(values);
  }

  /** {@code median [min…max] of n}. */
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT, "%.4g [%.4g…%.4g] of %d", median(), min(), max(), values.size());
  }
}
