package dev.larder.coordinator;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A wall clock that does not believe a step at once. It follows the wall clock as long as that
 * agrees with the time that went by on a clock that only goes forward. When the wall clock steps,
 * it goes on by the forward clock, and believes the new time only once that has lasted for as long
 * as the old one had been right before, an hour at most: what was set wrong a moment ago is soon
 * put right, and what was right for days is not given up for a slip that somebody mends.
 *
 * <p>A step is noticed when the clock is looked at, and its age counts from there: look every now
 * and then. A wall clock that is wrong when this begins is taken for right.
 *
 * <p><b>Threads:</b> any.
 */
public final class SteadyClock implements InstantSource {
  private static final Logger log = LoggerFactory.getLogger(SteadyClock.class);

  /** What a clock that is put right little by little may differ by in any time. */
  private static final Duration TOLERANCE = Duration.ofSeconds(2);

  /** And beyond that for the time that went by: twice what NTP lets a clock run fast or slow. */
  private static final long DRIFT_DIVISOR = 1000;

  private static final long DOUBT_NANOS_MAX = Duration.ofHours(1).toNanos();

  private final InstantSource wall;
  private final LongSupplier nanos;

  /** The time this clock said at {@link #saidNanos}. */
  private Instant said;

  private long saidNanos;

  /** Since when the time said has agreed with the wall clock. */
  private long rightSinceNanos;

  private boolean isInDoubt;
  // Of the doubt: what the wall clock is ahead, since when by that much, since when at all, and how
  // long it must be so.
  private Duration off = Duration.ZERO;
  private long offSinceNanos;
  private long doubtSinceNanos;
  private long believedAfterNanos;

  /**
   * A clock that begins with the time of the wall clock.
   *
   * @param wall may step
   * @param nanos goes forward only, from any value
   */
  public SteadyClock(InstantSource wall, LongSupplier nanos) {
    this.wall = wall;
    this.nanos = nanos;
    this.saidNanos = nanos.getAsLong();
    this.said = wall.instant();
    this.rightSinceNanos = saidNanos;
  }

  @Override
  public synchronized Instant instant() {
    long now = nanos.getAsLong();
    Instant shown = wall.instant();
    long elapsed = now - saidNanos;
    Instant expected = said.plusNanos(elapsed);
    Duration ahead = Duration.between(expected, shown);
    if (isInDoubt) {
      look(now, elapsed, ahead);
    } else if (!isWithin(ahead, elapsed)) {
      doubt(now, ahead);
    }
    said = isInDoubt ? expected : shown;
    saidNanos = now;
    return said;
  }

  /**
   * Seconds by which the wall clock is ahead of this one while it is not believed, negative where
   * it is behind; 0 without doubt.
   */
  public synchronized double offSeconds() {
    Instant unused = instant();
    return isInDoubt ? off.toMillis() / 1000.0 : 0;
  }

  private void doubt(long now, Duration ahead) {
    isInDoubt = true;
    off = ahead;
    offSinceNanos = now;
    doubtSinceNanos = now;
    believedAfterNanos = Math.min(DOUBT_NANOS_MAX, now - rightSinceNanos);
    log.warn(
        "the clock of this host stepped seconds={}: pins, warm-ups and disputes go on by the time"
            + " before, unless it stays so for seconds={}",
        ahead.toSeconds(),
        Duration.ofNanos(believedAfterNanos).toSeconds());
  }

  private void look(long now, long elapsed, Duration ahead) {
    if (isWithin(ahead, now - doubtSinceNanos)) {
      isInDoubt = false;
      log.info("the clock of this host is back at the time before");
      return;
    }
    if (!isWithin(ahead.minus(off), elapsed)) {
      offSinceNanos = now;
    }
    off = ahead;
    if (now - offSinceNanos >= believedAfterNanos) {
      isInDoubt = false;
      rightSinceNanos = offSinceNanos;
      log.info(
          "the clock of this host is believed, as its step lasted seconds={}: pins, warm-ups and"
              + " disputes go on by it",
          ahead.toSeconds());
    }
  }

  private static boolean isWithin(Duration difference, long elapsedNanos) {
    Duration most = TOLERANCE.plusNanos(elapsedNanos / DRIFT_DIVISOR);
    return difference.abs().compareTo(most) <= 0;
  }
}
