package dev.larder.origin;

import dev.larder.protocol.OriginKeys;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Version tokens of origins that speak HTTP: the ETag without quotes and {@code W/}, else the time
 * of last change as ISO 8601 ({@code 2025-01-31T12:00:00Z}).
 */
final class Versions {
  private Versions() {}

  static String token(@Nullable String etag, Instant lastModified) {
    String token = etag == null ? "" : OriginKeys.versionOfEtag(etag);
    return token.isEmpty() ? lastModified.toString() : token;
  }

  /** The time a token stands for, where it stands for one. */
  static Optional<Instant> time(String token) {
    // ETags are no dates; the check keeps the parser's exception off the hot path.
    if (!token.endsWith("Z") || token.indexOf('T') != 10) {
      return Optional.empty();
    }
    try {
      return Optional.of(Instant.parse(token));
    } catch (DateTimeParseException notTime) {
      return Optional.empty();
    }
  }

  /**
   * Whether an answer is of the version a token names. Listings give milliseconds where headers
   * give seconds, so times are compared to the second.
   */
  static boolean matches(String token, @Nullable String etag, Optional<Instant> lastModified) {
    if (etag != null && OriginKeys.versionOfEtag(etag).equals(token)) {
      return true;
    }
    Optional<Instant> time = time(token).map(at -> at.truncatedTo(ChronoUnit.SECONDS));
    return time.isPresent()
        && time.equals(lastModified.map(at -> at.truncatedTo(ChronoUnit.SECONDS)));
  }
}
