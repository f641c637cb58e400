package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;

/** Counts the failures of one call and waits between its attempts. One thread. */
final class Retries {
  private final Requests requests;
  private int failures;

  Retries(Requests requests) {
    this.requests = requests;
  }

  /** The call got on: its failures so far are forgiven. */
  void progressed() {
    failures = 0;
  }

  /** Returns after a wait when another attempt is due, else throws the failure. */
  void next(OriginFailure failure) {
    failures++;
    OriginLimits limits = requests.context().limits();
    if (!failure.isRetryable()) {
      throw failure.toLarder();
    }
    if (failures >= limits.attemptsMax()) {
      throw new LarderException(
          failure.code(),
          failure.getMessage() + " (after " + failures + " attempts, origin.attempts-max)",
          failure);
    }
    Duration wait = backOff(limits);
    if (failure.retryAfter().isPresent()) {
      Duration asked = failure.retryAfter().get();
      if (asked.compareTo(requests.retryAfterMax()) > 0) {
        throw new LarderException(
            ErrorCode.ORIGIN_UNAVAILABLE,
            failure.getMessage() + " (it asks to come back in " + asked.toSeconds() + " s)",
            failure);
      }
      wait = asked.plus(wait);
    }
    requests.context().metrics().retry(failure.code());
    requests.pause(wait);
  }

  // Full jitter: anything from nothing to the doubled delay, so that a crowd comes back spread out.
  private Duration backOff(OriginLimits limits) {
    long first = Math.max(1, limits.retryDelayMin().toNanos());
    int doublings = Math.min(failures - 1, 30);
    long ceiling =
        Math.min(
            limits.retryDelayMax().toNanos(),
            first > (Long.MAX_VALUE >> doublings) ? Long.MAX_VALUE : first << doublings);
    return Duration.ofNanos((long) (ceiling * requests.context().timing().random()));
  }
}
