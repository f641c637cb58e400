package dev.larder.coordinator.api;

import java.util.ArrayList;
import java.util.List;

/** Cuts lists into parts of a bounded length. */
public final class Batches {
  private Batches() {}

  /** Consecutive parts of at most {@code max}; none for an empty list. */
  public static <T> List<List<T>> of(List<T> all, int max) {
    List<List<T>> parts = new ArrayList<>();
    for (int from = 0; from < all.size(); from += max) {
      parts.add(all.subList(from, Math.min(all.size(), from + max)));
    }
    return parts;
  }

  /**
   * Parts of a report with at most {@code max} keys each. The first part of a complete report
   * replaces what was known and the others add to it; until the last one the member seems to hold
   * less than it does, which is harmless.
   */
  public static List<HoldingReport> of(HoldingReport report, int max) {
    List<HoldingReport> parts = new ArrayList<>();
    boolean complete = report.complete();
    for (var gone : of(report.gone(), max)) {
      parts.add(new HoldingReport(List.of(), gone, false, report.usedBytes()));
    }
    for (var holding : of(report.nowHolding(), max)) {
      parts.add(new HoldingReport(holding, List.of(), complete, report.usedBytes()));
      complete = false;
    }
    if (parts.isEmpty()) {
      return List.of(report);
    }
    HoldingReport last = parts.removeLast();
    parts.add(
        new HoldingReport(
            last.nowHolding(), last.gone(), last.complete(), last.usedBytes(), report.progress()));
    return parts;
  }
}
