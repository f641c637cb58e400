package dev.larder.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class RemountPlanTest {
  private static final Duration EVERY = Duration.ofSeconds(5);

  private final RemountPlan plan = new RemountPlan(EVERY, 0);
  private long now;

  @Test
  void oneChangeIsOneRemount() {
    assertFalse(nextRound());
    plan.changed();
    plan.changed();
    assertTrue(nextRound());
    assertFalse(nextRound());
  }

  @Test
  void wrongBytesRemountRoundAfterRound() {
    plan.foundWrong();
    int due = 0;
    for (int round = 0; round < 100; round++) {
      due += nextRound() ? 1 : 0;
    }
    assertEquals(60, due);
  }

  @Test
  void slowOpensRemountAtGrowingDistances() {
    int due = 0;
    for (int round = 0; round < 1000; round++) {
      plan.openedSlowly();
      due += nextRound() ? 1 : 0;
    }
    // 1 + 2 + 4 + ... + 32, then every 64 rounds.
    assertEquals(6 + (1000 - 63) / 64, due);
  }

  @Test
  void aChangeMakesSlowOpensUrgentAgain() {
    for (int round = 0; round < 200; round++) {
      plan.openedSlowly();
      boolean unused = nextRound();
    }
    plan.changed();
    assertTrue(nextRound());
    plan.openedSlowly();
    assertTrue(nextRound(), "held open at the remount that followed the change");
    assertFalse(nextRound(), "nobody opened it slowly since");
  }

  private boolean nextRound() {
    now += EVERY.toNanos();
    return plan.takeDue(now);
  }
}
