package dev.larder.coordinator.api;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.List;

/**
 * How to reach the coordinators. The constructor checks: BAD_CONFIG names the key.
 *
 * @param addresses {@code coordinator.addresses}: host:port of their doors, in any order
 * @param deadline {@code coordinator.request-timeout}: longest a call lasts, repeats included
 * @param silenceMax {@code coordinator.silence-max}: after which a coordinator that is asked and
 *     gives no sign of life is left for another; one that lives and works on is not
 * @param attemptsMax {@code coordinator.attempts-max}: tries of one call while no coordinator can
 *     answer it
 * @param backoffMin {@code coordinator.backoff-min}: shortest pause before a repeat; doubles
 * @param backoffMax {@code coordinator.backoff-max}: longest pause
 * @param batchMax {@code coordinator.batch-max}: keys or roots in one request
 */
public record CoordinatorClientConfig(
    List<String> addresses,
    Duration deadline,
    Duration silenceMax,
    int attemptsMax,
    Duration backoffMin,
    Duration backoffMax,
    int batchMax) {
  private static final int ADDRESSES_MAX = 16;
  private static final Duration SILENCE_LEAST = Duration.ofMillis(300);

  /** Checks all values. */
  public CoordinatorClientConfig {
    addresses = List.copyOf(addresses);
    if (addresses.isEmpty() || addresses.size() > ADDRESSES_MAX) {
      throw bad("coordinator.addresses", "must name 1 to " + ADDRESSES_MAX + " of host:port");
    }
    for (String address : addresses) {
      if (!isHostPort(address)) {
        throw bad("coordinator.addresses", "must be host:port, got \"" + address + "\"");
      }
    }
    if (deadline.isNegative() || deadline.isZero()) {
      throw bad("coordinator.request-timeout", "must be longer than 0");
    }
    if (silenceMax.compareTo(SILENCE_LEAST) < 0) {
      throw bad("coordinator.silence-max", "must be at least " + SILENCE_LEAST.toMillis() + "ms");
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
    return of(List.of(host + ":" + port));
  }

  /** Defaults for addresses; the tries outlast an election. */
  public static CoordinatorClientConfig of(List<String> addresses) {
    return new CoordinatorClientConfig(
        addresses,
        Duration.ofSeconds(15),
        Duration.ofSeconds(3),
        60,
        Duration.ofMillis(50),
        Duration.ofMillis(300),
        5_000);
  }

  private static boolean isHostPort(String text) {
    int colon = text.lastIndexOf(':');
    String port = text.substring(colon + 1);
    return colon > 0
        && !port.isEmpty()
        && port.length() <= 5
        && port.chars().allMatch(ch -> ch >= '0' && ch <= '9')
        && Integer.parseInt(port) >= 1
        && Integer.parseInt(port) <= 65_535;
  }

  private static LarderException bad(String key, String rule) {
    return new LarderException(ErrorCode.BAD_CONFIG, key + " " + rule);
  }
}
