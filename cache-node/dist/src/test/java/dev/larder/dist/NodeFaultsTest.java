package dev.larder.dist;

import static dev.larder.dist.WarmCluster.DATA;
import static dev.larder.dist.WarmCluster.NAME;
import static dev.larder.dist.WarmCluster.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.NodeServices;
import dev.larder.agent.dataset.Datasets.DatasetInfo;
import dev.larder.agent.dataset.Datasets.SnapshotInfo;
import dev.larder.agent.job.Jobs.PinInfo;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberList;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What goes wrong with one node's certificate or clock, with readers that bring every byte in again
 * each round and compare it.
 */
@Timeout(300)
class NodeFaultsTest {
  private static final int MIB = 1 << 20;
  private static final Duration EXPIRES = Duration.ofSeconds(25);

  @TempDir Path root;

  @Test
  void aCertificateThatExpiresUnderReadersStopsNobodyAndANewOneHeals() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 1)) {
      cluster.objects("large", 2, 3 * MIB + 5);
      cluster.objects("small", 4, 20_000);
      // So that connections between members are made anew all the time.
      String idle = "peer.idle-timeout=200ms";
      String soon = "peer.demote-for=1s";
      cluster.startNode("a", "node.zone=z", idle, soon);
      cluster.startNode("b", "node.zone=z", idle, soon);
      final Instant end = Instant.now().plus(EXPIRES);
      NodeServices c = cluster.startNodeExpiring("c", EXPIRES, "node.zone=z", idle, soon);
      cluster.awaitMembers(3);
      cluster.dataset("a");
      List<String> nodes = List.of("a", "b", "c");
      nodes.forEach(id -> await(id + " knows the dataset", () -> cluster.knows(id)));
      try (ClusterReaders readers = ClusterReaders.cold(cluster.content(), cluster, nodes)) {
        await("c reads from others", () -> c.counters().get("peer_bytes_total") > 0);
        assertTrue(Instant.now().isBefore(end), "too slow to see it before its end");
        assertTrue(c.gauges().get("certificate_seconds_left") > 0);

        await("it is over", () -> c.gauges().get("certificate_seconds_left") < -1);
        assertTrue(c.certificateEnd().orElseThrow().isBefore(Instant.now()));
        readers.awaitRounds(2);
        long before = c.counters().get("origin_bytes_total");
        readers.awaitRounds(2);
        assertTrue(c.counters().get("origin_bytes_total") > before, "c reads the origin");
        // Whoever is to be let in anew is told why it is not.
        cluster.stopCoordinator("c1");
        cluster.startCoordinatorAgain("c1");
        await("c says why", () -> c.coordinatorProblem().contains("expired"));
        await("and metrics do", () -> c.gauges().get("coordinator_available") == 0);
        await("others are well", () -> cluster.node("b").coordinatorProblem().isEmpty());
        await("c is off the list", () -> !ids(cluster.client().members()).contains("c"));
        readers.awaitRounds(2);

        cluster.renew("c");
        await("it was read", () -> c.gauges().get("certificate_seconds_left") > 0);
        await("no problem", () -> c.coordinatorProblem().isEmpty());
        await("a member", () -> ids(cluster.client().members()).contains("c"));
        long old = c.counters().get("peer_bytes_total");
        await("c reads from others again", () -> c.counters().get("peer_bytes_total") > old);
        long served = c.counters().get("peer_served_bytes_total");
        await("and others from it", () -> c.counters().get("peer_served_bytes_total") > served);
        readers.awaitRounds(1);
      }
    }
  }

  @Test
  void aNodesClockThatStepsByAnHourChangesNothing() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 1)) {
      cluster.objects("large", 2, 3 * MIB + 5);
      cluster.objects("small", 4, 20_000);
      Map<String, byte[]> read = new TreeMap<>(cluster.content());
      cluster.objects("kept", 1, 50_000);
      List<String> nodes = List.of("a", "b", "c");
      nodes.forEach(id -> cluster.startNode(id, "node.zone=z"));
      cluster.awaitMembers(3);
      cluster.dataset("a");
      nodes.forEach(id -> await(id + " knows the dataset", () -> cluster.knows(id)));
      NodeServices b = cluster.node("b");
      // Its end is the coordinators' to count, whatever b's clock says.
      b.jobsOfNode().pin(DATA, "kept", Duration.ofMinutes(30));
      b.jobsOfNode().warm(DATA, "kept");
      await("kept is here", () -> cluster.local("b", "kept") == 50_000);
      PinInfo pin = b.jobsOfNode().pins().getFirst();
      try (ClusterReaders readers = ClusterReaders.cold(read, cluster, nodes)) {
        readers.awaitRounds(2);
        final MemberList before = cluster.client().members();
        final Map<String, Long> demotions = demotions(cluster, nodes);
        int later = 0;
        for (Duration step : List.of(Duration.ofHours(1), Duration.ofHours(-1), Duration.ZERO)) {
          cluster.ahead("b", step);
          readers.awaitRounds(2);
          assertEquals(ids(before), ids(cluster.client().members()));
          assertEquals(before.epoch(), cluster.client().members().epoch(), step.toString());
          assertEquals(1, b.gauges().get("coordinator_available"));
          assertEquals(demotions, demotions(cluster, nodes), "nobody is slower than before");
          assertEquals(pin, b.jobsOfNode().pins().getFirst());
          assertEquals(1, cluster.pinned("b", "kept"));
          assertTrue(b.uptime().compareTo(Duration.ofMinutes(30)) < 0, b.uptime().toString());
          // A listing by that clock is signed, made, and the newest for all.
          cluster.objects("later" + later++, 1, 1_000);
          DatasetInfo listed = b.datasetsOfNode().refresh(NAME, progress -> {});
          SnapshotInfo newest = listed.snapshots().getLast();
          await("a has it", () -> newestOf(cluster, "a") == newest.number());
        }
        await("all have the last one", () -> newestOf(cluster, "c") == 4);
      }
      assertFalse(cluster.client().pins().isEmpty());
    }
  }

  private static long newestOf(WarmCluster cluster, String node) {
    return cluster.node(node).datasetsOfNode().list().stream()
        .filter(each -> each.name().equals(NAME))
        .findFirst()
        .orElseThrow()
        .snapshots()
        .getLast()
        .number();
  }

  private static Map<String, Long> demotions(WarmCluster cluster, List<String> nodes) {
    Map<String, Long> all = new TreeMap<>();
    nodes.forEach(id -> all.put(id, cluster.node(id).counters().get("peer_demotions_total")));
    return all;
  }

  private static List<String> ids(MemberList list) {
    return list.members().stream().map(MemberInfo::id).toList();
  }
}
