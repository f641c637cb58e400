package dev.larder.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class EpochHintsTest {
  private static final long TICK = Duration.ofMillis(10).toNanos();

  /** Questions within an hour of a hint each tick. */
  private static int asked(boolean isTrue) {
    EpochHints hints = new EpochHints();
    int asked = 0;
    for (long now = Long.MAX_VALUE - 7 * TICK, left = 360_000; left > 0; left--, now += TICK) {
      if (hints.take(now)) {
        asked++;
        hints.answered(isTrue);
      }
    }
    return asked;
  }

  @Test
  void aTrueWordIsFollowedOnceASecond() {
    assertEquals(3600, asked(true), 1);
  }

  @Test
  void aFalseWordIsFollowedOnceAMinute() {
    int asked = asked(false);
    assertTrue(asked >= 60 && asked <= 67, "asked " + asked);
  }
}
