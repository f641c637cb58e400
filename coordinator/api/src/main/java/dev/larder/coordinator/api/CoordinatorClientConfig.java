package dev.larder.coordinator.api;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;

/**
 * How to reach a coordinator. The constructor checks: BAD_CONFIG names the key.
 *
 * @param host {@code coordinator.address}, its host
 * @param port and its port
 * @param deadline {@code coordinator.request-timeout}: longest a call lasts, repeats included
 * @param attemptsMax {@code coordinator.attempts-max}: tries of one call while the coordinator is
 *     unavailable
 * @param backoffMin {@code coordinator.backoff-min}: shortest pause before a repeat; doubles
 * @param backoffMax {@code coordinator.backoff-max}: longest pause
 * @param batchMax {@code coordinator.batch-max}: keys or roots in one request
 */
public record CoordinatorClientConfig(
    String host,
    int port,
    Duration deadline,
    int attemptsMax,
    Duration backoffMin,
    Duration backoffMax,
    int batchMax) {

  /** Checks all values. */
  public CoordinatorClientConfig {
    if (host.isEmpty() || port < 1 || port > 65_535) {
      throw bad("coordinator.address", "must be host:port");
    }
    if (deadline.isNegative() || deadline.isZero()) {
      throw bad("coordinator.request-timeout", "must be longer than 0");
    }
    if (attemptsMax < 1) {
      throw bad("coordinator.attempts-max", "must be at least 1");
    }
    if (backoffMin.isNegative() || backoffMin.isZero() || backoffMax.compareTo(backoffMin) < 0) {
      throw bad("coordinator.backoff-min", "must be longer than 0, and not above backoff-max");
    }
    if (batchMax < 1 || batchMax > 10_000) {
      throw bad("coordinator.batch-max", "must be 1 to 10000");
    }
  }

  /** Defaults for an address. */
  public static CoordinatorClientConfig of(String host, int port) {
    return new CoordinatorClientConfig(
        host, port, Duration.ofSeconds(15), 8, Duration.ofMillis(50), Duration.ofSeconds(2), 5_000);
  }

  private static LarderException bad(String key, String rule) {
    return new LarderException(ErrorCode.BAD_CONFIG, key + " " + rule);
  }
}
