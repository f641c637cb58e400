package dev.larder.protocol;

import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/** Lengths of time as people write them: 250ms, 5s, 2m, 24h, 7d. */
public final class TimeSpan {
  private TimeSpan() {}

  /** A whole number and a unit, in any case; empty for anything else. */
  public static Optional<Duration> parse(String text) {
    String plain = text.strip().toLowerCase(Locale.ROOT);
    int digits = 0;
    while (digits < plain.length() && plain.charAt(digits) >= '0' && plain.charAt(digits) <= '9') {
      digits++;
    }
    try {
      long number = Long.parseLong(plain.substring(0, digits));
      return switch (plain.substring(digits).strip()) {
        case "ms" -> Optional.of(Duration.ofMillis(number));
        case "s" -> Optional.of(Duration.ofSeconds(number));
        case "m", "min" -> Optional.of(Duration.ofMinutes(number));
        case "h" -> Optional.of(Duration.ofHours(number));
        case "d" -> Optional.of(Duration.ofDays(number));
        default -> Optional.empty();
      };
    } catch (NumberFormatException | ArithmeticException e) {
      return Optional.empty();
    }
  }
}
