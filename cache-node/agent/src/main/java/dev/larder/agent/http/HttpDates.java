package dev.larder.agent.http;

import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Locale;
import java.util.Optional;

/** Dates as HTTP writes them (RFC 9110, 5.6.7): IMF-fixdate only. Any thread. */
final class HttpDates {
  private static final DateTimeFormatter FORMAT =
      DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.US);

  // One Date a second for all connections; a lost race formats the same text twice.
  private static volatile Now now = new Now(-1, "");

  private HttpDates() {}

  static String format(Instant time) {
    return FORMAT.format(time.atOffset(ZoneOffset.UTC));
  }

  /** The time as written, empty for anything else: a recipient ignores dates it cannot read. */
  static Optional<Instant> parse(String text) {
    try {
      return Optional.of(LocalDateTime.parse(text.strip(), FORMAT).toInstant(ZoneOffset.UTC));
    } catch (DateTimeParseException e) {
      return Optional.empty();
    }
  }

  /** The value of {@code Date}. */
  static String now() {
    long second = System.currentTimeMillis() / 1000;
    Now held = now;
    if (held.second != second) {
      held = new Now(second, format(Instant.ofEpochSecond(second)));
      now = held;
    }
    return held.text;
  }

  private record Now(long second, String text) {}
}
