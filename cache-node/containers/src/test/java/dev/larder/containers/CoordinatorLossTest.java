package dev.larder.containers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Coordinators that are paused, killed and cut off, while every node reads. What is cached is read
 * on, and so is what no node has yet; a change that was acknowledged is there afterwards.
 */
@ExtendWith(SharedRig.class)
@Timeout(240)
class CoordinatorLossTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final int MIB = 1 << 20;

  /**
   * A change; made again while an election goes on, as a person would. Milliseconds until it was.
   */
  private static long change(Rig rig, String agent, String name) {
    long began = System.nanoTime();
    Until.holds(
        name + " is made",
        PATIENCE,
        () -> {
          try {
            rig.define(agent, name, "steady");
          } catch (LarderException e) {
            // The one before may have been made, though nobody heard so.
            if (e.code() != ErrorCode.ALREADY_EXISTS) {
              throw e;
            }
          }
          return true;
        });
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
  }

  private static void assertKnown(Rig rig, List<String> names) {
    for (String agent : Rig.AGENTS) {
      Until.holds(
          agent + " knows " + names,
          PATIENCE,
          () ->
              rig.client(agent).control().datasets().stream()
                  .map(each -> each.name())
                  .toList()
                  .containsAll(names));
    }
  }

  @Test
  void aLeaderThatIsPausedIsReplacedAndFollowsAfterwards(Rig rig) throws Exception {
    String old = rig.leader("agent-1");
    try (Readers readers = Readers.start(rig, rig.steady(), Rig.AGENTS);
        ColdReads cold = ColdReads.begin(rig, "cold-paused")) {
      rig.box(old).pause();
      long millis = change(rig, "agent-1", "while-paused");
      System.err.printf("a change went through %d ms after the leader was paused%n", millis);
      Until.holds("another leads", PATIENCE, () -> !rig.leader("agent-2").equals(old));
      Until.holds(
          "its silence shows",
          PATIENCE,
          () -> rig.coordinators("agent-2").get(old).path("silentMillis").asLong() > 2000);
      assertTrue(rig.status("agent-3").path("coordinator").path("majority").asBoolean());
      readers.check();
      cold.assertUnderWay();
      rig.box(old).unpause();
      Until.holds(
          "it is heard again",
          PATIENCE,
          () -> {
            JsonNode each = rig.coordinators("agent-1").get(old);
            return each.path("leader").asBoolean()
                || each.path("silentMillis").asLong(Long.MAX_VALUE) < 2000;
          });
      change(rig, "agent-2", "after-pause");
      readers.check();
      cold.end();
    }
    assertKnown(rig, List.of("while-paused", "after-pause"));
  }

  @Test
  void aLeaderThatIsKilledIsReplacedAndComesBack(Rig rig) throws Exception {
    String old = rig.leader("agent-1");
    try (Readers readers = Readers.start(rig, rig.steady(), Rig.AGENTS);
        ColdReads cold = ColdReads.begin(rig, "cold-killed")) {
      change(rig, "agent-1", "before-kill");
      rig.box(old).kill();
      long millis = change(rig, "agent-2", "after-kill");
      System.err.printf("a change went through %d ms after the leader was killed%n", millis);
      Until.holds("another leads", PATIENCE, () -> !rig.leader("agent-1").equals(old));
      Until.holds(
          "the status names it",
          PATIENCE,
          () -> rig.box("agent-1").larder("status").contains("; " + old + " does not answer"));
      String list = rig.box("agent-1").larder("coordinators", "list");
      assertEquals(4, list.lines().count(), list);
      readers.check();
      cold.end();
      rig.box(old).startAgain();
    }
    rig.awaitWell();
    assertKnown(rig, List.of("before-kill", "after-kill"));
  }

  @Test
  void withoutAMajorityReadsGoOnAndChangesSayWhy(Rig rig) throws Exception {
    Dataset later = rig.create("agent-1", "cold-then", 2, 3 * MIB);
    assertKnown(rig, List.of(later.name()));
    change(rig, "agent-3", "acknowledged-before");
    String leader = rig.leader("agent-1");
    String follower = Rig.COORDINATORS.stream().filter(id -> !id.equals(leader)).findFirst().get();
    try (Readers readers = Readers.start(rig, rig.steady(), Rig.AGENTS);
        ColdReads cold = ColdReads.begin(rig, "cold-without-majority")) {
      rig.box(leader).kill();
      rig.box(follower).kill();
      final long killed = System.nanoTime();
      for (String agent : Rig.AGENTS) {
        Until.holds(
            agent + " says that no majority answers",
            PATIENCE,
            () -> !rig.status(agent).path("coordinator").path("state").asText().equals("ok"));
        assertEquals(0, rig.metric(agent, "larder_node_coordinator_majority"), agent);
      }
      System.err.printf(
          "all say so after %d ms%n", TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - killed));
      cold.end();
      String status = rig.box("agent-1").larder("status");
      assertTrue(status.contains("reads go on, changes wait"), status);

      long began = System.nanoTime();
      LarderException refused =
          assertThrows(LarderException.class, () -> rig.define("agent-2", "never", "steady"));
      long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
      assertEquals(ErrorCode.COORDINATOR_UNAVAILABLE, refused.code(), refused.toString());
      assertTrue(String.valueOf(refused.getMessage()).contains("majority"), refused.toString());
      System.err.printf("refused after %d ms: %s%n", millis, refused.getMessage());

      // Begun only now: the nodes still find each other by the last list.
      Burst burst = Burst.start(rig, later, Rig.AGENTS);
      burst.awaitRight(Rig.AGENTS);
      assertEquals(later.bytes(), rig.origin().sentBytes(later.name()), "once, by the last list");
      readers.check();
      rig.box(leader).startAgain();
      rig.box(follower).startAgain();
      rig.awaitWell();
      readers.check();
    }
    change(rig, "agent-4", "acknowledged-after");
    assertKnown(rig, List.of("acknowledged-before", "acknowledged-after", later.name()));
  }

  @Test
  void aLeaderThatHearsAndIsNotHeardIsReplaced(Rig rig) throws Exception {
    String old = rig.leader("agent-1");
    try (Readers readers = Readers.start(rig, rig.steady(), Rig.AGENTS);
        ColdReads cold = ColdReads.begin(rig, "cold-muted")) {
      // To the others alone: agents still reach it, and it must not tell them that it leads.
      for (String other : Rig.COORDINATORS) {
        if (!other.equals(old)) {
          Links.mute(rig.box(old), rig.box(other).address());
        }
      }
      long millis = change(rig, "agent-1", "while-muted");
      System.err.printf("a change went through %d ms after the leader was muted%n", millis);
      Until.holds("another leads", PATIENCE, () -> !rig.leader("agent-3").equals(old));
      readers.check();
      cold.end();
      Links.heal(rig.box(old));
    }
    rig.awaitWell();
    assertNotEquals("", rig.leader("agent-1"));
    assertKnown(rig, List.of("while-muted"));
  }
}
