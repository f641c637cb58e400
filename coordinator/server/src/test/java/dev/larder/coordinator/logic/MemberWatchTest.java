package dev.larder.coordinator.logic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.logic.MemberFacts.Fact;
import dev.larder.coordinator.logic.MemberWatch.Due;
import dev.larder.testkit.FakeClock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Who is gone, who is stable and when an epoch is due, on a clock of the test. */
class MemberWatchTest {
  private static final Duration DEADLINE = Duration.ofSeconds(30);
  private static final Duration STABLE = Duration.ofMinutes(1);
  private static final Duration EPOCH = Duration.ofSeconds(1);

  private final FakeClock clock = new FakeClock();
  private final MemberWatch watch = new MemberWatch(DEADLINE, STABLE, EPOCH, clock::nanos);

  private static MemberFacts facts(boolean unpublished, String... ids) {
    return new MemberFacts(Stream.of(ids).map(id -> new Fact(id, false)).toList(), unpublished);
  }

  @Test
  void theAbsentGoAfterTheDeadlineAndTheOthersStay() {
    watch.seen("a");
    watch.seen("b");
    clock.advance(DEADLINE);
    watch.seen("b");
    assertTrue(watch.due(facts(false, "a", "b")).isNothing());
    clock.advance(Duration.ofNanos(1));
    assertEquals(new Due(List.of("a"), List.of(), true), watch.due(facts(false, "a", "b")));
    assertEquals(Optional.of(Duration.ofNanos(1)), watch.silence("b"));
  }

  @Test
  void aNewLeaderGivesEverybodyAWholeDeadline() {
    watch.seen("a");
    clock.advance(Duration.ofHours(1));
    watch.begin();
    assertTrue(watch.due(facts(false, "a", "b")).isNothing());
    clock.advance(DEADLINE);
    assertTrue(watch.due(facts(false, "a", "b")).isNothing());
    clock.advance(Duration.ofNanos(1));
    assertEquals(List.of("a", "b"), watch.due(facts(false, "a", "b")).gone());
  }

  @Test
  void nobodyGoesForAWholeDeadlineAfterNothingCouldBeMadeDurable() {
    watch.seen("a");
    clock.advance(Duration.ofHours(1));
    watch.stopped();
    assertTrue(watch.due(facts(false, "a")).isNothing());
    clock.advance(DEADLINE);
    assertTrue(watch.due(facts(false, "a")).isNothing());
    clock.advance(Duration.ofNanos(1));
    assertEquals(List.of("a"), watch.due(facts(false, "a")).gone());
  }

  @Test
  void whoWasSeenForAMinuteIsStable() {
    for (int second = 0; second < 60; second += 10) {
      watch.seen("a");
      assertEquals(List.of(), watch.due(facts(false, "a")).stable());
      clock.advance(Duration.ofSeconds(10));
    }
    // Time alone makes nobody stable: the minute ends with a sign of life.
    assertEquals(List.of(), watch.due(facts(false, "a")).stable());
    watch.seen("a");
    assertEquals(List.of("a"), watch.due(facts(false, "a")).stable());
    MemberFacts known = new MemberFacts(List.of(new Fact("a", true)), false);
    assertTrue(watch.due(known).isNothing(), "once is enough");
  }

  @Test
  void epochsComeAtMostOnceASecond() {
    int epochs = 0;
    for (int i = 0; i < 100; i++) {
      epochs += watch.takeEpoch() ? 1 : 0;
      epochs += watch.due(facts(true, "a")).publish() ? 1 : 0;
      watch.seen("a");
      clock.advance(Duration.ofMillis(50));
    }
    assertEquals(5, epochs);
    assertFalse(watch.due(facts(false, "a")).publish(), "nothing changed");
  }
}
