package dev.larder.containers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Links that are cut in the middle of a transfer: a cable, one direction, one door. */
@ExtendWith(SharedRig.class)
@Timeout(240)
class CutLinksTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final int MIB = 1 << 20;
  private static final String LONE = "agent-2";
  private static final List<String> OTHERS = List.of("agent-1", "agent-3", "agent-4");

  @Test
  void aNodeWithoutItsClusterReadsFromTheOrigin(Rig rig) throws Exception {
    Dataset steady = rig.steady();
    Dataset leads = rig.create("agent-1", "unplugged-leads", 1, 40 * MIB);
    Dataset follows = rig.create("agent-1", "unplugged-follows", 1, 40 * MIB);
    Links.slow(rig.origin().box(), "100mbit");
    try (Readers readers = Readers.start(rig, steady, Rig.AGENTS)) {
      // Of one it fetches the bytes for all others, of the other one it gets them from there.
      List<Burst> bursts = new ArrayList<>();
      bursts.add(begin(rig, leads, List.of(LONE)));
      bursts.add(begin(rig, follows, OTHERS));
      bursts.add(Burst.start(rig, leads, OTHERS));
      bursts.add(Burst.start(rig, follows, List.of(LONE)));
      rig.box(LONE).unplug();
      for (Burst burst : bursts) {
        burst.awaitRight();
      }
      for (Dataset cold : List.of(leads, follows)) {
        long sent = rig.origin().sentBytes(cold.name());
        System.err.printf("%s: the origin sent %.2f%n", cold.name(), (double) sent / cold.bytes());
        assertTrue(sent <= 2 * cold.bytes() + 4 * MIB, sent + " bytes for two that cannot meet");
      }
      Until.holds(
          "it says so",
          PATIENCE,
          () -> rig.status(LONE).path("coordinator").path("state").asText().equals("unavailable"));
      assertEquals(0, rig.metric(LONE, "larder_node_coordinator_available"));
      Until.holds(
          "the others see that it is gone",
          PATIENCE,
          () -> !rig.nodes("agent-1").containsKey(LONE) && rig.nodes("agent-1").size() == 3);
      readers.check();
      rig.box(LONE).plug();
      rig.awaitWell();
      readers.check();
    } finally {
      Links.fast(rig.origin().box());
    }
  }

  /** A burst whose first bytes came. */
  private static Burst begin(Rig rig, Dataset cold, List<String> agents) {
    Burst burst = Burst.start(rig, cold, agents);
    Until.holds(
        "it has read a part", PATIENCE, () -> rig.origin().sentBytes(cold.name()) > 4 * MIB);
    return burst;
  }

  @Test
  void ofTwoNodesOneDoesNotReachTheOther(Rig rig) throws Exception {
    Dataset steady = rig.steady();
    double failures = trouble(rig);
    Set<String> named = new TreeSet<>();
    try (Readers readers = Readers.start(rig, steady, Rig.AGENTS)) {
      for (String other : OTHERS) {
        // It reaches nobody's door, and everybody reaches its own.
        Links.cut(rig.box(LONE), rig.box(other).lastAddress(), Rig.PEER_PORT);
      }
      for (String name : List.of("asymmetric-1", "asymmetric-2")) {
        Dataset cold = rig.create("agent-1", name, 3, 5 * MIB);
        Burst burst = Burst.start(rig, cold, Rig.AGENTS);
        burst.awaitRight(Rig.AGENTS);
        long sent = rig.origin().sentBytes(cold.name());
        System.err.printf("%s: the origin sent %.2f%n", name, (double) sent / cold.bytes());
        // Who cannot be reached by one is taken for dead by it, so a lease may pass on once more.
        assertTrue(sent <= 3 * cold.bytes(), sent + " bytes, as if each read for itself");
        named.addAll(rig.leftBy(LONE));
      }
      assertTrue(trouble(rig) > failures, "the cause shows in its figures");
      // It leaves them alone for some seconds only, and may have been asked too late.
      int[] more = {0};
      Until.holds(
          "its status names whom it does not reach",
          PATIENCE,
          () -> {
            Dataset next = rig.create("agent-1", "asymmetric-again-" + ++more[0], 3, 2 * MIB);
            Burst.start(rig, next, Rig.AGENTS).awaitRight(Rig.AGENTS);
            return named.addAll(rig.leftBy(LONE)) || !named.isEmpty();
          });
      assertTrue(OTHERS.containsAll(named), named.toString());
      assertEquals("ok", rig.status(LONE).path("coordinator").path("state").asText());
      readers.check();
    } finally {
      Links.heal(rig.box(LONE));
    }
    int[] round = {0};
    Until.holds(
        "all meet again and read once",
        PATIENCE,
        () -> {
          Dataset after = rig.create("agent-1", "symmetric-" + ++round[0], 2, 2 * MIB);
          Burst.start(rig, after, Rig.AGENTS).awaitRight(Rig.AGENTS);
          return rig.origin().sentBytes(after.name()) == after.bytes();
        });
  }

  private static double trouble(Rig rig) throws Exception {
    return rig.metric(LONE, "larder_node_peer_faults_total")
        + rig.metric(LONE, "larder_node_tracker_failures_total");
  }

  @Test
  void aNodeThatDoesNotReachTheCoordinatorsReadsFromItsPeers(Rig rig) throws Exception {
    Dataset steady = rig.steady();
    Dataset cold = rig.create("agent-1", "no-coordinators", 3, 5 * MIB);
    try (Readers readers = Readers.start(rig, steady, Rig.AGENTS)) {
      for (String coordinator : Rig.COORDINATORS) {
        Links.cut(rig.box(LONE), rig.box(coordinator).address(), Rig.DOOR_PORT);
      }
      Burst burst = Burst.start(rig, cold, Rig.AGENTS);
      burst.awaitRight(Rig.AGENTS);
      assertEquals(cold.bytes(), rig.origin().sentBytes(cold.name()), "its peers still serve it");
      Until.holds(
          "it says so",
          PATIENCE,
          () -> rig.status(LONE).path("coordinator").path("state").asText().equals("unavailable"));
      String status = rig.box(LONE).larder("status");
      assertTrue(status.contains("unavailable: reads go on"), status);
      readers.check();
    } finally {
      Links.heal(rig.box(LONE));
    }
    rig.awaitWell();
  }
}
