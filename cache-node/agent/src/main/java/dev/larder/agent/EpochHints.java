package dev.larder.agent;

import java.time.Duration;

/**
 * How often members' word of a newer member list has the coordinator asked for its epoch: once a
 * second where that was true, and ever less often, down to once a minute, where it was not. Any
 * thread.
 */
final class EpochHints {
  static final Duration PAUSE_MIN = Duration.ofSeconds(1);
  static final Duration PAUSE_MAX = Duration.ofMinutes(1);

  private long pauseNanos = PAUSE_MIN.toNanos();
  private long nextNanos;
  private boolean wasAsked;

  /** Whether to ask on a hint that comes now. */
  synchronized boolean take(long nowNanos) {
    if (wasAsked && nowNanos - nextNanos < 0) {
      return false;
    }
    wasAsked = true;
    nextNanos = nowNanos + pauseNanos;
    return true;
  }

  /** What the coordinator said to a hint. */
  synchronized void answered(boolean isNewer) {
    pauseNanos = isNewer ? PAUSE_MIN.toNanos() : Math.min(PAUSE_MAX.toNanos(), 2 * pauseNanos);
  }
}
