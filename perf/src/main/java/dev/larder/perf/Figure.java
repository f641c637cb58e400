package dev.larder.perf;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * One line of the result.
 *
 * @param name the measure's name, or that and a suffix
 * @param unit unit of value and baseline
 * @param value median of the rounds
 * @param baseline the same of what it is compared with, in the same run; null where there is none
 * @param goal what it should reach; null for a figure that only informs
 */
public record Figure(
    String name, String unit, double value, @Nullable Double baseline, @Nullable Goal goal) {

  /** A figure with nothing to compare with. */
  public static Figure alone(String name, String unit, double value, @Nullable Goal goal) {
    return new Figure(name, unit, value, null, goal);
  }

  /** Value over baseline; null without a baseline. */
  public @Nullable Double ratio() {
    return baseline == null || baseline == 0 ? null : value / baseline;
  }

  /** Whether the goal is reached; null when there is none or it could not be judged. */
  public @Nullable Boolean holds() {
    if (goal == null) {
      return null;
    }
    Double ratio = ratio();
    return switch (goal.kind()) {
      case VALUE_AT_MOST -> value <= goal.bound();
      case VALUE_AT_LEAST -> value >= goal.bound();
      case RATIO_AT_LEAST -> ratio == null ? null : Boolean.valueOf(ratio >= goal.bound());
      case RATIO_AT_MOST -> ratio == null ? null : Boolean.valueOf(ratio <= goal.bound());
    };
  }

  /** The goal for people: {@code ≥0.95×} or {@code ≤2.5}; empty without one. */
  public String goalText() {
    if (goal == null) {
      return "";
    }
    return switch (goal.kind()) {
      case VALUE_AT_MOST -> "≤" + number(goal.bound());
      case VALUE_AT_LEAST -> "≥" + number(goal.bound());
      case RATIO_AT_LEAST -> "≥" + number(goal.bound()) + "×";
      case RATIO_AT_MOST -> "≤" + number(goal.bound()) + "×";
    };
  }

  /** One JSON object on one line. */
  public String json() {
    return "{\"name\":\""
        + name
        + "\",\"unit\":\""
        + unit
        + "\",\"value\":"
        + number(value)
        + ",\"baseline\":"
        + number(baseline)
        + ",\"ratio\":"
        + number(ratio())
        + ",\"goal\":"
        + number(goal == null ? null : (Double) goal.bound())
        + ",\"holds\":"
        + holds()
        + "}";
  }

  /** Four significant digits without an exponent, {@code null} for null. */
  static String number(@Nullable Double value) {
    if (value == null) {
      return "null";
    }
    if (value == 0) {
      return "0";
    }
    int digits = 3 - (int) Math.floor(Math.log10(Math.abs(value)));
    String text = String.format(Locale.ROOT, "%." + Math.clamp(digits, 0, 12) + "f", value);
    return text.contains(".") ? text.replaceFirst("\\.?0+$", "") : text;
  }
}
