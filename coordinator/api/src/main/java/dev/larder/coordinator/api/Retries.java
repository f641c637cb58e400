package dev.larder.coordinator.api;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** Repeats a call while the coordinator is unavailable, within a number of tries and a deadline. */
final class Retries {
  private final CoordinatorClientConfig config;

  Retries(CoordinatorClientConfig config) {
    this.config = config;
  }

  /** One try; {@code nanosLeft} is what remains of the deadline. */
  @FunctionalInterface
  interface Try<T> {
    T once(long nanosLeft);
  }

  <T> T call(Try<T> attempt) {
    long end = System.nanoTime() + config.deadline().toNanos();
    long pause = config.backoffMin().toNanos();
    for (int tries = 1; ; tries++) {
      long left = end - System.nanoTime();
      if (left <= 0) {
        throw new LarderException(
            ErrorCode.DEADLINE, "the coordinator gave no answer within " + config.deadline());
      }
      try {
        return attempt.once(left);
      } catch (RuntimeException e) {
        LarderException fault =
            e instanceof LarderException known ? known : GrpcStatuses.fromGrpc(e);
        // Half to whole of the pause, so that callers who failed together come back apart.
        long wait = ThreadLocalRandom.current().nextLong(pause / 2, pause + 1);
        boolean again =
            fault.code() == ErrorCode.COORDINATOR_UNAVAILABLE
                && tries < config.attemptsMax()
                && end - System.nanoTime() > wait;
        if (!again) {
          throw fault;
        }
        pause(wait);
        pause = Math.min(2 * pause, config.backoffMax().toNanos());
      }
    }
  }

  /** What one of several coordinators says of itself, as seen by who can ask another. */
  static LarderException unavailableHere(LarderException fault) {
    return switch (fault.code()) {
      case CLOSED, DEADLINE ->
          new LarderException(
              ErrorCode.COORDINATOR_UNAVAILABLE, String.valueOf(fault.getMessage()), fault);
      default -> fault;
    };
  }

  private static void pause(long nanos) {
    try {
      TimeUnit.NANOSECONDS.sleep(nanos);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(
          ErrorCode.CANCELLED,
          "interrupted after " + Duration.ofNanos(nanos) + " of waiting for the coordinator",
          e);
    }
  }
}
