package dev.larder.coordinator.api;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;

/**
 * How long what was proved at a handshake is believed. The constructor checks: BAD_CONFIG names the
 * key.
 *
 * @param ageMax {@code tls.connection-age-max}: a connection is made anew after so long, a little
 *     sooner so that not all are at once; what its certificates prove ends sooner where they do
 * @param grace {@code tls.connection-grace}: how long calls that are at work then may go on
 */
public record ConnectionBounds(Duration ageMax, Duration grace) {
  private static final Duration AGE_LEAST = Duration.ofSeconds(2);
  private static final Duration MOST = Duration.ofDays(365);

  /** Checks the values. */
  public ConnectionBounds {
    if (ageMax.compareTo(AGE_LEAST) < 0 || ageMax.compareTo(MOST) > 0) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "tls.connection-age-max must be between 2s and 365d");
    }
    if (grace.isNegative() || grace.isZero() || grace.compareTo(MOST) > 0) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "tls.connection-grace must be above 0 and at most 365d");
    }
  }

  /** An hour, which costs each pair of nodes a handshake an hour; calls end within a minute. */
  public static ConnectionBounds defaults() {
    return new ConnectionBounds(Duration.ofHours(1), Duration.ofMinutes(1));
  }
}
