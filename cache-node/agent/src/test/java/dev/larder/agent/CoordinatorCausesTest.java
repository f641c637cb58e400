package dev.larder.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.http.NodeState.CoordinatorCause;
import dev.larder.agent.read.ReadRig;
import dev.larder.coordinator.api.CoordinatorStatus;
import dev.larder.coordinator.api.CoordinatorStatus.Health;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is told of the coordinators, for how long, and that no coordinator holds it up. */
@Timeout(30)
class CoordinatorCausesTest {
  private static final Duration EVERY = Duration.ofSeconds(2);
  private static final Health AHEAD = new Health(3600, 0, Map.of());

  // Close to where it runs over, as a clock that only goes forward may be.
  private final AtomicLong nanos = new AtomicLong(Long.MAX_VALUE - 5);

  private CoordinatorCauses causes(CoordinatorCauses.Asking asking) {
    return new CoordinatorCauses(asking, () -> EVERY, nanos::get);
  }

  private static CoordinatorStatus status(String id, Health health, String... full) {
    return status(id, 3, health, full);
  }

  private static CoordinatorStatus status(String id, int size, Health health, String... full) {
    return new CoordinatorStatus(
        "c1",
        1,
        1,
        1,
        0,
        0,
        0,
        0,
        0,
        0,
        CoordinatorStatus.Disputes.NONE,
        List.of(full),
        new CoordinatorStatus.Group(id, size, 0, true, List.of()),
        CoordinatorStatus.Used.NONE,
        health);
  }

  private static List<String> told(CoordinatorCauses causes) {
    return causes.causes().stream()
        .map(each -> each.coordinator() + " " + each.cause() + ": " + each.detail())
        .toList();
  }

  @Test
  void saysInPlainWordsWhatEachFoundAmiss() {
    CoordinatorCauses causes =
        causes(wait ->
            List.of(
                status("c3", new Health(-7.6, 1, Map.of("role", 1L, "busy", 0L))),
                status(
                    "c2",
                    new Health(3600.2, 2, Map.of("role", 2L, "busy", 1L, "name", 0L)),
                    "coordinator.roots-max",
                    CoordinatorStatus.DISK_FULL)));
    causes.heard(status("c1", Health.NONE, "coordinator.roots-max"));
    causes.look();
    assertEquals(
        List.of(
            "c2 full: its disk has less than coordinator.free-space-min, it takes no changes where"
                + " it leads; make room",
            "c2 clock: its host's clock is 3600 s ahead and is not believed; set it right",
            "c2 snapshots: 2 snapshots of its state were damaged and set aside as invalid-…;"
                + " its disk may be failing",
            "c2 refused: refused 3 calls since its start: busy 1, role 2",
            "c3 clock: its host's clock is 8 s behind and is not believed; set it right",
            "c3 snapshots: 1 snapshot of its state was damaged and set aside as invalid-…;"
                + " its disk may be failing",
            "c3 refused: refused 1 call since its start: role 1"),
        told(causes));
    causes.heard(status("c2", Health.NONE));
    assertEquals(3, causes.causes().size(), "what is mended is told no more");
  }

  @Test
  void whatIsNotSaidAgainIsDroppedAfterAFewRounds() {
    CoordinatorCauses causes = causes(wait -> List.of());
    causes.heard(status("c2", AHEAD));
    causes.heard(status("c3", AHEAD));
    long kept = CoordinatorCauses.ROUNDS_KEPT * EVERY.plus(CoordinatorCauses.WAIT_MAX).toNanos();
    nanos.addAndGet(kept);
    assertEquals(2, causes.causes().size());
    causes.heard(status("c3", AHEAD));
    nanos.addAndGet(1);
    assertEquals(
        List.of("c3"), causes.causes().stream().map(CoordinatorCause::coordinator).toList());
  }

  @Test
  void keepsAndShowsSoManyAtMost() {
    CoordinatorCauses causes = causes(wait -> List.of());
    for (int i = 0; i < 2 * CoordinatorCauses.KEPT_MAX; i++) {
      causes.heard(status("d%03d".formatted(i), new Health(5, 1, Map.of("role", 1L))));
    }
    assertEquals(CoordinatorCauses.SHOWN_MAX, causes.causes().size());
    for (int i = 0; i < CoordinatorCauses.KEPT_MAX; i++) {
      causes.heard(status("d%03d".formatted(i), Health.NONE));
    }
    assertEquals(List.of(), causes.causes(), "no more were kept");
  }

  @Test
  void aSilentOneHoldsUpNobodyAndTheLookEndsWithTheLink() throws Exception {
    AtomicInteger looks = new AtomicInteger();
    CountDownLatch began = new CountDownLatch(1);
    CountDownLatch ended = new CountDownLatch(1);
    CoordinatorCauses causes =
        causes(wait -> {
          looks.incrementAndGet();
          began.countDown();
          try {
            new CountDownLatch(1).await();
          } catch (InterruptedException e) {
            ended.countDown();
            Thread.currentThread().interrupt();
          }
          throw new LarderException(ErrorCode.CANCELLED, "interrupted");
        });
    causes.start();
    causes.heard(status("c1", AHEAD));
    assertEquals(1, causes.causes().size());
    assertTrue(began.await(10, TimeUnit.SECONDS));
    causes.close();
    assertTrue(ended.await(10, TimeUnit.SECONDS));
    assertEquals(1, looks.get());
    causes.close();
  }

  @Test
  void goesOnAfterALookThatFailed() throws Exception {
    AtomicInteger looks = new AtomicInteger();
    CountDownLatch third = new CountDownLatch(3);
    CountDownLatch asked = new CountDownLatch(1);
    CoordinatorCauses causes =
        new CoordinatorCauses(
            wait -> {
              third.countDown();
              if (looks.get() == 1) {
                awaitDeaf(asked);
              }
              switch (looks.incrementAndGet()) {
                case 1 -> throw new LarderException(ErrorCode.CLOSED, "closed");
                case 2 -> throw new IllegalStateException("a defect");
                default -> {
                  return List.of(status("c2", AHEAD));
                }
              }
            },
            () -> Duration.ofMillis(1),
            nanos::get);
    causes.start();
    assertEquals(List.of(), causes.causes());
    asked.countDown();
    assertTrue(third.await(10, TimeUnit.SECONDS));
    causes.close();
    assertTrue(looks.get() >= 3);
  }

  @Test
  void theyAreAskedOnlyWhileSomebodyWantsToKnow() throws Exception {
    Semaphore looked = new Semaphore(0);
    CoordinatorCauses causes =
        new CoordinatorCauses(
            wait -> {
              looked.release();
              return List.of(status("c2", AHEAD));
            },
            () -> Duration.ofMillis(1),
            nanos::get);
    causes.start();
    causes.heard(status("c1", Health.NONE));
    assertEquals(List.of("c2"), coordinators(causes), "who asks first waits for a look");
    assertTrue(looked.tryAcquire(5, 10, TimeUnit.SECONDS), "looks go on");
    nanos.addAndGet(CoordinatorCauses.WANTED_FOR.toNanos());
    ReadRig.await("looks end", causes::isResting);
    assertEquals(List.of("c2"), coordinators(causes), "and begin again");
    assertTrue(looked.tryAcquire(1, 10, TimeUnit.SECONDS));
    causes.close();
  }

  private static List<String> coordinators(CoordinatorCauses causes) {
    return causes.causes().stream().map(CoordinatorCause::coordinator).toList();
  }

  @Test
  void whoAsksFirstHearsTheLivingBesideASilentOne() {
    CoordinatorCauses causes =
        causes(wait -> {
          // As long as one that does not answer is waited for.
          LockSupport.parkNanos(wait.toNanos());
          return List.of(status("c2", AHEAD));
        });
    causes.start();
    assertEquals(List.of("c2"), coordinators(causes));
    causes.close();
  }

  private static void awaitDeaf(CountDownLatch gate) {
    try {
      assertTrue(gate.await(10, TimeUnit.SECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void theOnlyOneOfAGroupIsNotAskedTwice() {
    AtomicInteger looks = new AtomicInteger();
    CoordinatorCauses causes =
        causes(wait -> {
          looks.incrementAndGet();
          return List.of();
        });
    causes.heard(status("c1", 1, AHEAD));
    causes.look();
    assertEquals(0, looks.get());
    assertEquals(1, causes.causes().size());
    causes.heard(status("c1", 3, AHEAD));
    causes.look();
    assertEquals(1, looks.get());
  }
}
