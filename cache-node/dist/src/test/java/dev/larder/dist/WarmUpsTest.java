package dev.larder.dist;

import static dev.larder.dist.WarmCluster.DATA;
import static dev.larder.dist.WarmCluster.NAME;
import static dev.larder.dist.WarmCluster.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.api.HandOver;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberState;
import dev.larder.coordinator.api.NewWarmUp;
import dev.larder.coordinator.api.PathPin;
import dev.larder.coordinator.api.WarmUpOverview;
import dev.larder.coordinator.api.WarmUpProgress;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Warm-ups over nodes, pins with an end and drains, on a cluster with a real S3 server. */
@Timeout(300)
class WarmUpsTest {
  private static final int MIB = 1 << 20;

  @TempDir Path root;

  private static NewWarmUp wish(String glob, String nodes, Duration ttl) {
    return new NewWarmUp(NAME, 1, glob, nodes, ttl, !ttl.isZero(), "");
  }

  private static void awaitReady(WarmCluster cluster, String id, Set<String> nodes) {
    await(
        id + " is ready",
        () -> {
          WarmUpOverview now = cluster.warmUp(id);
          return now.state().equals("ready") && now.nodes().keySet().equals(nodes);
        });
  }

  @Test
  void threeNodesBringEachByteFromTheOriginOnceAndALaterOneToo() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 1)) {
      cluster.objects("large", 3, 20 * MIB + 17);
      cluster.objects("small", 50, 9_000);
      cluster.startNode("a");
      cluster.startNode("b", "jobs.bandwidth-max=16MiB");
      cluster.startNode("c");
      cluster.awaitMembers(3);
      cluster.dataset("a");
      String id = cluster.client().warmUp(wish("", "all", Duration.ZERO)).id();
      awaitReady(cluster, id, Set.of("a", "b", "c"));
      assertEquals(cluster.bytes(), cluster.originBytes(), "1.00 times the dataset");
      for (WarmUpProgress node : cluster.warmUp(id).nodes().values()) {
        assertEquals(cluster.bytes(), node.bytes());
        assertEquals(cluster.bytes(), node.bytesWanted());
        assertEquals(53, node.files());
      }
      for (String node : List.of("a", "b", "c")) {
        assertEquals(cluster.bytes(), cluster.local(node, ""), "ready is true at " + node);
      }
      cluster.startNode("d");
      awaitReady(cluster, id, Set.of("a", "b", "c", "d"));
      assertEquals(cluster.bytes(), cluster.local("d", ""));
      // The later one tracks some stripes at once here, and does not know who has their blobs.
      System.err.printf(
          "with one more node %.2f of the dataset%n",
          (double) cluster.originBytes() / cluster.bytes());
      assertTrue(cluster.originBytes() < 2 * cluster.bytes(), "it read from the others too");
      assertTrue(cluster.node("d").counters().get("peer_bytes_total") > 0);
      final long fromOrigin = cluster.originBytes();

      // What is evicted is not ready; it comes again, from the others.
      long before = cluster.client().status().appliedIndex();
      cluster.evict("b", "large/0001.bin");
      await("it is said", () -> cluster.warmUp(id).state().equals("filling"));
      awaitReady(cluster, id, Set.of("a", "b", "c", "d"));
      assertEquals(cluster.bytes(), cluster.local("b", ""));
      assertTrue(cluster.originBytes() <= fromOrigin + 20 * MIB + 17, "that file at most");
      assertTrue(
          cluster.client().status().appliedIndex() < before + 20, "progress is no log entry");
    }
  }

  @Test
  void nodesThatWarmTogetherBringEachAPart() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 1)) {
      cluster.objects("small", 300, 9_000);
      for (String id : List.of("a", "b", "c")) {
        cluster.startNode(id, "jobs.parallel-max=2");
      }
      cluster.awaitMembers(3);
      cluster.dataset("a");
      String id = cluster.client().warmUp(wish("", "all", Duration.ZERO)).id();
      awaitReady(cluster, id, Set.of("a", "b", "c"));
      for (String node : List.of("a", "b", "c")) {
        long own = cluster.node(node).counters().get("origin_bytes_total").longValue();
        assertTrue(own > cluster.bytes() / 10, node + " brought " + own);
      }
    }
  }

  @Test
  void aLostLeaderAndARestartedNodeEndNothing() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 3)) {
      cluster.objects("large", 20, 2 * MIB);
      String[] slow = {"jobs.bandwidth-max=4MiB", "jobs.parallel-max=1"};
      for (String id : List.of("a", "b", "c")) {
        cluster.startNode(id, slow);
      }
      cluster.awaitMembers(3);
      cluster.dataset("a");
      String id = cluster.client().warmUp(wish("", "all", Duration.ofHours(1))).id();
      await(
          "it is under way",
          () ->
              cluster.warmUp(id).nodes().values().stream()
                  .allMatch(node -> node.bytes() > MIB && node.bytes() < node.bytesWanted()));
      cluster.stopLeader();
      cluster.stop("b");
      await(
          "the new leader hears of the others",
          () -> cluster.warmUp(id).nodes().getOrDefault("a", none(id)).bytes() > MIB);
      cluster.startNode("b");
      awaitReady(cluster, id, Set.of("a", "b", "c"));
      for (String node : List.of("a", "b", "c")) {
        assertEquals(cluster.bytes(), cluster.local(node, ""));
        assertEquals(20, cluster.pinned(node, ""), "kept for its time");
      }
      // What b tracked nobody knows to be elsewhere any more: about a third, once more.
      System.err.printf(
          "with a node that restarts %.2f of the dataset%n",
          (double) cluster.originBytes() / cluster.bytes());
      assertTrue(
          cluster.originBytes() < 9 * cluster.bytes() / 5,
          cluster.originBytes() + " of " + cluster.bytes());
    }
  }

  private static WarmUpProgress none(String id) {
    return WarmUpProgress.unheard(id);
  }

  @Test
  void aCancelledOneStopsAndOneWhoseTimeIsOverLetsGo() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 1)) {
      cluster.objects("large", 30, 2 * MIB);
      cluster.objects("kept", 10, 5_000);
      String[] slow = {"jobs.bandwidth-max=2MiB", "jobs.parallel-max=1"};
      cluster.startNode("a", slow);
      cluster.startNode("b", slow);
      cluster.awaitMembers(2);
      cluster.dataset("a");
      String id = cluster.client().warmUp(wish("large", "b", Duration.ZERO)).id();
      await("it is under way", () -> cluster.warmUp(id).nodes().get("b").bytes() > 0);
      assertEquals(Set.of("b"), cluster.warmUp(id).nodes().keySet());
      cluster.client().cancelWarmUp(id);
      await(
          "it is no longer worked on",
          () -> cluster.node("b").gauges().get("warm_ups_standing") == 0);
      assertEquals("cancelled", cluster.warmUp(id).state());
      assertTrue(cluster.local("b", "large") < 30L * 2 * MIB, "it was cut short");
      assertEquals(
          ErrorCode.NO_SUCH_PATH,
          assertThrows(LarderException.class, () -> cluster.client().cancelWarmUp("wu-99")).code());

      String kept = cluster.client().warmUp(wish("kept", "all", Duration.ofHours(2))).id();
      awaitReady(cluster, kept, Set.of("a", "b"));
      cluster.node("a").jobsOfNode().pin(DATA, "kept", Duration.ofHours(2));
      assertEquals(10, cluster.pinned("a", "kept"));
      assertEquals(10, cluster.pinned("b", "kept"));
      // The node's own clock says nothing: it is the coordinator's that counts.
      cluster.later(Duration.ofMinutes(119));
      await("pins are listed", () -> cluster.client().pins().size() == 1);
      assertEquals("ready", cluster.warmUp(kept).state());
      assertEquals(10, cluster.pinned("b", "kept"));
      cluster.later(Duration.ofMinutes(2));
      await("its time is over", () -> cluster.warmUp(kept).state().equals("expired"));
      await("b let go", () -> cluster.pinned("b", "kept") == 0);
      await("a let go", () -> cluster.pinned("a", "kept") == 0);
      assertEquals(List.of(), cluster.client().pins());
      assertEquals(List.of(), cluster.node("a").jobsOfNode().pins());
      assertEquals(50_000, cluster.local("b", "kept"), "what is there stays until it is evicted");
    }
  }

  @Test
  void aNodeThatCannotSaysWhyAndGoesOnTrying() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 1)) {
      cluster.objects("large", 3, 40 * MIB);
      cluster.startNode("a");
      cluster.startNode("b", "store.disk-max=64MiB");
      cluster.awaitMembers(2);
      cluster.dataset("a");
      String id = cluster.client().warmUp(wish("", "all", Duration.ZERO)).id();
      await(
          "it failed at b",
          () ->
              cluster.warmUp(id).nodes().get("b").state() == WarmUpProgress.State.FAILED
                  && cluster.warmUp(id).nodes().get("a").state() == WarmUpProgress.State.READY);
      String error = cluster.warmUp(id).nodes().get("b").error();
      assertTrue(error.startsWith("STORE_FULL: "), error);
      assertEquals("failed", cluster.warmUp(id).state());
      await(
          "it is tried again",
          () -> cluster.node("b").counters().get("warm_up_retries_total") >= 2);
    }
  }

  @Test
  void aDrainedNodeHandsOverWhatItKeeps() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 1)) {
      cluster.objects("pinned", 3, 3 * MIB);
      cluster.objects("warm", 3, 2 * MIB);
      for (String id : List.of("a", "b", "c")) {
        cluster.startNode(id);
      }
      cluster.awaitMembers(3);
      cluster.dataset("a");
      String warm = cluster.client().warmUp(wish("warm", "1", Duration.ofHours(3))).id();
      await("it is ready on one", () -> cluster.warmUp(warm).state().equals("ready"));
      String leaving = cluster.warmUp(warm).nodes().keySet().iterator().next();
      cluster.node(leaving).jobsOfNode().pin(DATA, "pinned", Duration.ofHours(5));
      cluster.node(leaving).jobsOfNode().pin(DATA, "warm/0000.bin");
      String job = cluster.node(leaving).jobsOfNode().warm(DATA, "pinned").id();
      await(
          "the pinned files are there",
          () -> cluster.node(leaving).jobsOfNode().find(job).orElseThrow().endedAt().isPresent());
      // Each of three nodes is one of the three ranks that track a file, and is told who has it.
      await(
          "trackers know of all files",
          () ->
              List.of("a", "b", "c").stream()
                  .allMatch(node -> cluster.node(node).gauges().get("tracked_stripes") == 6));
      final long fromOrigin = cluster.originBytes();

      cluster.client().drain(leaving, false);
      await(
          "it is drained",
          () -> {
            HandOver state = cluster.client().members().handOvers().get(leaving);
            return state != null && state.isDone() && state.pins() == 2 && state.warmUps() == 1;
          });
      List<PathPin> pins = cluster.client().pins();
      assertEquals(2, pins.size());
      for (PathPin pin : pins) {
        String owner = pin.pin().owner();
        assertFalse(owner.equals(leaving), "it has another owner");
        await(
            "it is kept there",
            () ->
                cluster.pinned(owner, pin.pin().glob()) == pin.pin().files()
                    && cluster.local(owner, pin.pin().glob()) == pin.pin().bytes());
        assertEquals(pin.pin().glob().equals("pinned"), pin.pin().expiresAt().isPresent());
      }
      String successor = cluster.warmUp(warm).nodes().keySet().iterator().next();
      assertFalse(successor.equals(leaving));
      assertEquals(3, cluster.pinned(successor, "warm"));
      assertEquals(0, cluster.pinned(leaving, "pinned"), "it let go");
      assertEquals(0, cluster.pinned(leaving, "warm"));
      assertEquals(List.of(), cluster.node(leaving).jobsOfNode().pins());
      // Who tracks a file changes with the drain, and whoever does then was told before.
      assertEquals(fromOrigin, cluster.originBytes(), "all of it came from the node that goes");
      await(
          "the helping warm-ups ended",
          () ->
              cluster.client().warmUps().stream().filter(each -> each.job().isStanding()).count()
                  == 1);
      cluster.stop(leaving);
      cluster.awaitMembers(2);
    }
  }

  /**
   * With the origin gone nothing but the drained node has what is to be kept. Of blobs as large as
   * these the coordinator knows who has them, whatever trackers know.
   */
  @Test
  void whatADrainedNodeHandsOverComesFromItself() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 1)) {
      cluster.objects("pinned", 2, 70 * MIB + 17);
      for (String id : List.of("a", "b", "c")) {
        cluster.startNode(id);
      }
      cluster.awaitMembers(3);
      cluster.dataset("a");
      cluster.node("a").jobsOfNode().pin(DATA, "pinned", Duration.ofHours(5));
      String job = cluster.node("a").jobsOfNode().warm(DATA, "pinned").id();
      await(
          "the pinned files are there",
          () -> cluster.node("a").jobsOfNode().find(job).orElseThrow().endedAt().isPresent());
      Map<String, byte[]> files = cluster.content();
      List<BlobKey> keys = files.keySet().stream().map(path -> cluster.key("a", path)).toList();
      await(
          "it is known who has them, and what they are",
          () ->
              cluster.knows("b")
                  && cluster.knows("c")
                  && cluster.client().roots(keys).size() == 2
                  && keys.stream()
                      .allMatch(key -> cluster.client().holders(key).equals(List.of("a"))));
      assertEquals(cluster.bytes(), cluster.originBytes());

      final Map<String, Long> before = Map.of("b", kept(cluster, "b"), "c", kept(cluster, "c"));
      cluster.loseObjects();
      cluster.client().drain("a", false);
      await(
          "it is drained",
          () -> {
            HandOver state = cluster.client().members().handOvers().get("a");
            return state != null && state.isDone() && state.pins() == 1;
          });
      String owner = cluster.client().pins().getFirst().pin().owner();
      assertFalse(owner.equals("a"), "it has another owner");
      assertEquals(2, cluster.pinned(owner, "pinned"));
      assertEquals(
          cluster.bytes(),
          kept(cluster, owner) - before.get(owner),
          "all of it from the node that goes");
      assertEquals(cluster.bytes(), cluster.originBytes(), "and nothing more from the origin");
      cluster.stop("a");
      cluster.awaitMembers(2);
      try (ClusterReaders readers = new ClusterReaders(files, cluster, List.of(owner))) {
        readers.awaitRounds(1);
      }
    }
  }

  /** Bytes that came to a node from others, and were right. */
  private static long kept(WarmCluster cluster, String node) {
    return cluster.node(node).counters().get("peer_kept_bytes_total").longValue();
  }

  /** The only node "a", which pins something, is to go: nobody is there to take it. */
  private static void drainAlone(WarmCluster cluster) throws Exception {
    cluster.objects("pinned", 2, 70_000);
    cluster.startNode("a");
    cluster.awaitMembers(1);
    cluster.dataset("a");
    cluster.node("a").jobsOfNode().pin(DATA, "pinned");
    cluster.client().drain("a", false);
  }

  @Test
  void aPinThatNobodyCanTakeSaysSoAndStays() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 1)) {
      drainAlone(cluster);
      await(
          "it says why",
          () -> {
            HandOver state = cluster.client().members().handOvers().get("a");
            return state != null && state.error().contains("no other node");
          });
      assertEquals(1, cluster.client().pins().size());
      cluster.client().drain("a", true);
      await(
          "what was begun ended",
          () ->
              cluster.client().members().handOvers().isEmpty()
                  && cluster.client().warmUps().stream()
                      .noneMatch(each -> each.job().isStanding()));
      assertEquals("a", cluster.client().pins().getFirst().pin().owner());
    }
  }

  @Test
  void aNodeThatStopsBeforeAllIsHandedOverGoesOnAfterAStart() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 1)) {
      drainAlone(cluster);
      await("it hands over", () -> isHandingOver(cluster, "a"));
      cluster.stop("a");
      assertEquals(Map.of("a", MemberState.DRAINING), states(cluster));
      cluster.startNode("a");
      await("it goes on", () -> isHandingOver(cluster, "a"));
      assertEquals(Map.of("a", MemberState.DRAINING), states(cluster));
      cluster.startNode("b");
      await(
          "it is drained",
          () -> {
            HandOver state = cluster.client().members().handOvers().get("a");
            return state != null && state.isDone();
          });
      assertEquals("b", cluster.client().pins().getFirst().pin().owner());
      assertEquals(2, cluster.pinned("b", "pinned"));
      cluster.stop("a");
      // A node that ends does not wait for the list without it, which is out within an epoch's
      // time. Long before a silent one is removed, or this would not say who did it.
      assertEquals(Set.of("b"), statesOfNow(cluster, "b").keySet(), "it left by itself");
    }
  }

  /**
   * The members once the list says all that happened to them until now; a node that is there is
   * asked for nothing new, only which list that will be.
   */
  private static Map<String, MemberState> statesOfNow(WarmCluster cluster, String there) {
    long epoch = cluster.client().drain(there, true);
    await("epoch " + epoch, () -> cluster.client().members().epoch() >= epoch);
    return states(cluster);
  }

  private static boolean isHandingOver(WarmCluster cluster, String node) {
    HandOver said = cluster.client().members().handOvers().get(node);
    return said != null
        && !said.isDone()
        && cluster
            .node(node)
            .jobsOfNode()
            .standing()
            .progress()
            .handOver()
            .filter(state -> !state.isDone())
            .isPresent();
  }

  private static Map<String, MemberState> states(WarmCluster cluster) {
    return cluster.client().members().members().stream()
        .collect(Collectors.toMap(MemberInfo::id, MemberInfo::state));
  }
}
