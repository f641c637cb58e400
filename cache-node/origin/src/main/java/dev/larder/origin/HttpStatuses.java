package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The one table from HTTP statuses to error codes; every provider speaks HTTP in the end. */
final class HttpStatuses {
  // RFC 9110, 5.6.7: two digits for the day, where Java's own format has one or two.
  private static final DateTimeFormatter HTTP_DATE =
      DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.ENGLISH)
          .withZone(ZoneOffset.UTC);

  private static final Pattern LENGTH = Pattern.compile("\\d{1,18}");

  private HttpStatuses() {}

  static OriginFailure failure(
      int status, String message, @Nullable String retryAfter, Instant now) {
    OriginFailure failure =
        isPassing(status)
            ? OriginFailure.passing(code(status), message)
            : OriginFailure.lasting(code(status), message);
    return failure.after(retryAfter(retryAfter, now));
  }

  static ErrorCode code(int status) {
    return switch (status) {
      case 401, 403, 407 -> ErrorCode.ORIGIN_DENIED;
      case 404, 410 -> ErrorCode.ORIGIN_GONE;
      // 416: the range lay inside of the object that was listed, so this is another one.
      case 409, 412, 416 -> ErrorCode.ORIGIN_CHANGED;
      case 408, 425, 429 -> ErrorCode.ORIGIN_UNAVAILABLE;
      default -> status >= 500 ? ErrorCode.ORIGIN_UNAVAILABLE : ErrorCode.BAD_ORIGIN;
    };
  }

  static boolean isPassing(int status) {
    return code(status) == ErrorCode.ORIGIN_UNAVAILABLE && status != 501 && status != 505;
  }

  /** Parses Retry-After: seconds or a date (RFC 9110, 10.2.3). Anything else is ignored. */
  static Optional<Duration> retryAfter(@Nullable String value, Instant now) {
    if (value == null || value.isBlank()) {
      return Optional.empty();
    }
    try {
      return Optional.of(Duration.ofSeconds(Math.max(0, Long.parseLong(value.strip()))));
    } catch (NumberFormatException notSeconds) {
      return httpDate(value).map(date -> Duration.between(now, date)).filter(Duration::isPositive);
    }
  }

  /** Parses Content-Length; -1 where it is missing or malformed: the body's end will show it. */
  static long length(@Nullable String value) {
    return value != null && LENGTH.matcher(value).matches() ? Long.parseLong(value) : -1;
  }

  /** A time as headers write it: whole seconds, cut off. */
  static String httpDate(Instant time) {
    return HTTP_DATE.format(time);
  }

  /** Parses a date header; empty where it is missing or malformed. */
  static Optional<Instant> httpDate(@Nullable String value) {
    if (value == null) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          ZonedDateTime.parse(value.strip(), DateTimeFormatter.RFC_1123_DATE_TIME).toInstant());
    } catch (DateTimeParseException malformed) {
      return Optional.empty();
    }
  }
}
