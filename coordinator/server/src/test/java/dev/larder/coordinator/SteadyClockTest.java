package dev.larder.coordinator;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import org.junit.jupiter.api.Test;

/** What is believed of a wall clock that steps, on clocks of the test. */
class SteadyClockTest {
  private static final long HOUR = 3600;

  private final Hand hand = new Hand();
  private SteadyClock clock = new SteadyClock(hand, () -> hand.nanos);

  /** Both clocks by hand; the wall clock is off by a step. */
  private static final class Hand implements InstantSource {
    static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
    // Where a forward clock begins says nothing, and it may go over the end of the numbers.
    static final long FIRST = Long.MAX_VALUE - Duration.ofMinutes(3).toNanos();

    long nanos = FIRST;
    Duration off = Duration.ZERO;

    @Override
    public Instant instant() {
      return START.plusNanos(nanos - FIRST).plus(off);
    }
  }

  /**
   * Time goes by, a look every ten seconds; then the wall clock is off so much, and is looked at.
   *
   * @param counted seconds that the time counted by is ahead of the true one
   * @param off seconds shown as not believed
   */
  private record Step(long seconds, long wallOff, long counted, long off) {}

  private static Step step(long seconds, long wallOff, long counted, long off) {
    return new Step(seconds, wallOff, counted, off);
  }

  private void check(Step... steps) {
    for (Step step : steps) {
      Duration left = Duration.ofSeconds(step.seconds);
      while (left.isPositive()) {
        Duration next = left.compareTo(Duration.ofSeconds(10)) > 0 ? Duration.ofSeconds(10) : left;
        hand.nanos += next.toNanos();
        left = left.minus(next);
        if (left.isPositive()) {
          Instant unused = clock.instant();
        }
      }
      hand.off = Duration.ofSeconds(step.wallOff);
      Instant truth = Hand.START.plusNanos(hand.nanos - Hand.FIRST);
      assertEquals(truth.plusSeconds(step.counted), clock.instant(), step.toString());
      assertEquals(step.off, clock.offSeconds(), step.toString());
    }
  }

  @Test
  void aClockThatGoesAsItShouldIsFollowed() {
    check(step(0, 0, 0, 0), step(5, 0, 0, 0), step(3 * HOUR, 0, 0, 0));
  }

  @Test
  void littleStepsAreFollowedToo() {
    check(step(60, 2, 2, 0), step(60, 0, 0, 0), step(10, -2, -2, 0), step(0, 0, 0, 0));
  }

  @Test
  void aClockThatRunsALittleFastIsFollowed() {
    long off = 0;
    for (int day = 0; day < 10; day++) {
      // A look a day, as of a host that nobody asks: 86 seconds are a thousandth of it.
      hand.nanos += Duration.ofDays(1).toNanos();
      off += 80;
      check(step(0, off, off, 0));
    }
  }

  @Test
  void aStepOfAnHourAndBackMovesNothing() {
    check(
        step(2 * HOUR, HOUR, 0, HOUR),
        step(HOUR - 1, HOUR, 0, HOUR),
        step(0, 0, 0, 0),
        step(5 * HOUR, -HOUR, 0, -HOUR),
        step(HOUR - 1, -HOUR, 0, -HOUR),
        step(0, 0, 0, 0),
        step(HOUR, 0, 0, 0));
  }

  @Test
  void aStepThatLastsIsBelievedAfterAnHourAtMost() {
    check(
        step(24 * HOUR, HOUR, 0, HOUR),
        step(HOUR - 1, HOUR, 0, HOUR),
        step(1, HOUR, HOUR, 0),
        // Right for an hour by now: what comes then must last as long.
        step(10, 0, HOUR, -HOUR),
        step(HOUR - 1, 0, HOUR, -HOUR),
        step(1, 0, 0, 0));
  }

  @Test
  void aClockThatBeganWrongIsPutRightAsSoonAsItWasWrong() {
    check(
        step(0, 0, 0, 0),
        step(10, 365 * 24 * HOUR, 0, 365 * 24 * HOUR),
        step(9, 365 * 24 * HOUR, 0, 365 * 24 * HOUR),
        step(1, 365 * 24 * HOUR, 365 * 24 * HOUR, 0),
        step(HOUR, 365 * 24 * HOUR, 365 * 24 * HOUR, 0));
  }

  @Test
  void eachFurtherStepMustLastByItself() {
    check(
        step(600, HOUR, 0, HOUR),
        step(590, 2 * HOUR, 0, 2 * HOUR),
        step(590, -HOUR, 0, -HOUR),
        step(590, -HOUR, 0, -HOUR),
        step(10, -HOUR, -HOUR, 0));
  }

  @Test
  void aLookBeforeAnyTimeWentByIsOneOfTheStart() {
    hand.off = Duration.ofHours(-1);
    clock = new SteadyClock(hand, () -> hand.nanos);
    check(step(0, -HOUR, -HOUR, 0), step(60, -HOUR, -HOUR, 0), step(0, 0, -HOUR, HOUR));
  }
}
