package dev.larder.agent.peer;

import static dev.larder.agent.peer.Fleet.MIB;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.cluster.ClusterView;
import dev.larder.agent.cluster.Peer;
import dev.larder.agent.read.BlobRead.Source;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.placement.PlacedMember;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Members, trackers and certificates that go away in the middle: readers only wait a little. */
class LostMembersTest {
  private static final int SIZE = 40 * MIB;

  /** Where the origin stops: two whole runs. */
  private static final int GATE = 16 * MIB;

  @TempDir Path directory;

  @Test
  void readersGoOnWhenTheLeaseHolderIsKilled() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = fleet.origin.add("big", SIZE, new Random(1));
      fleet.add("tracker");
      List.of("a", "b", "c")
          .forEach(id -> {
            fleet.add(id);
            fleet.weigh(id, 0);
          });
      fleet.publish();
      CountDownLatch gate = PeersTest.gateAt(fleet, GATE);
      fleet.reading("a", object, ReadIntent.SEQUENTIAL);
      Fleet.await("the lease holder is under way", () -> fleet.origin.bytesSent() >= 8 * MIB);
      Future<Map<Source, Long>> second = fleet.reading("b", object, ReadIntent.SEQUENTIAL);
      Future<Map<Source, Long>> third = fleet.reading("c", object, ReadIntent.SEQUENTIAL);
      awaitAllSent(fleet, object, "b");
      awaitAllSent(fleet, object, "c");
      fleet.kill("a");
      gate.countDown();
      Fleet.get(second);
      Fleet.get(third);
      // The killed node had nothing that the others have not.
      assertEquals(SIZE, fleet.origin.bytesSent());
    }
  }

  /** Until a node has all that the origin sent, and nothing is on its way. */
  private static void awaitAllSent(Fleet fleet, OriginObject object, String id) {
    Fleet.await(
        "cut through",
        () ->
            fleet.origin.bytesSent() == GATE
                && fleet.node(id).engine.presentBytes(object.key()) == GATE);
    assertEquals(GATE, fleet.node(id).peerBytes());
  }

  @Test
  void readersGoOnWhenAParentIsKilledThatReadsItself() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = fleet.origin.add("big", SIZE, new Random(2));
      fleet.add("tracker");
      List.of("a", "b", "c", "d", "e")
          .forEach(id -> {
            fleet.add(id);
            fleet.weigh(id, 0);
          });
      fleet.publish();
      CountDownLatch gate = PeersTest.gateAt(fleet, 16 * MIB);
      Future<Map<Source, Long>> first = fleet.reading("a", object, ReadIntent.WHOLE);
      Fleet.await("the lease holder is under way", () -> fleet.origin.bytesSent() >= 8 * MIB);
      // The fan-out of two makes d and e read from b or c.
      for (String id : List.of("b", "c")) {
        fleet.reading(id, object, ReadIntent.WHOLE);
        Fleet.await("cut through", () -> fleet.node(id).peerBytes() >= 4 * MIB);
      }
      Future<Map<Source, Long>> fourth = fleet.reading("d", object, ReadIntent.WHOLE);
      Future<Map<Source, Long>> fifth = fleet.reading("e", object, ReadIntent.WHOLE);
      Fleet.await("cut through", () -> fleet.node("d").peerBytes() >= 4 * MIB);
      Fleet.await("cut through", () -> fleet.node("e").peerBytes() >= 4 * MIB);
      fleet.kill("b");
      fleet.kill("c");
      gate.countDown();
      Fleet.get(first);
      Fleet.get(fourth);
      Fleet.get(fifth);
      assertEquals(SIZE, fleet.origin.bytesSent());
    }
  }

  @Test
  void readersGoOnWhenTheTrackerIsKilled() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = fleet.origin.add("big", SIZE, new Random(3));
      fleet.add("tracker");
      List.of("a", "b", "c")
          .forEach(id -> {
            fleet.add(id);
            fleet.weigh(id, 0);
          });
      fleet.publish();
      CountDownLatch gate = PeersTest.gateAt(fleet, GATE);
      Future<Map<Source, Long>> first = fleet.reading("a", object, ReadIntent.SEQUENTIAL);
      Fleet.await("under way", () -> fleet.origin.bytesSent() >= 8 * MIB);
      Future<Map<Source, Long>> second = fleet.reading("b", object, ReadIntent.SEQUENTIAL);
      awaitAllSent(fleet, object, "b");
      fleet.kill("tracker");
      gate.countDown();
      Fleet.get(first);
      Fleet.get(second);
      // Nobody tracks: past everybody, to the origin; what came from others is not asked for again.
      fleet.read(fleet.node("c"), object, ReadIntent.WHOLE);
      long sent = fleet.origin.bytesSent();
      assertTrue(sent <= 3L * SIZE - GATE, "from the origin: " + sent);
    }
  }

  /** As on a host without its network, which holds the lease and reaches the origin. */
  @Test
  @Timeout(90)
  void aTransferGoesOnWhileItsTrackersAreSilent() throws Exception {
    PeerConfig impatient = Fleet.peerConfig(Duration.ofMillis(500), Duration.ofMillis(1), false);
    try (Fleet fleet = new Fleet(directory);
        ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      fleet.add("a", "", impatient, Fleet.fillConfig(Duration.ofSeconds(5)));
      fleet.weigh("a", 0);
      List.of("t1", "t2", "t3")
          .forEach(id -> fleet.addForeign(id, "127.0.0.1:" + silent.getLocalPort(), 1));
      fleet.publish();
      OriginObject object = fleet.origin.add("big", 16 * MIB, new Random(11));
      long began = System.nanoTime();
      // An ask lasts for a second and a half, and 64 pieces come. At each of them it took 96 s.
      fleet.read(fleet.node("a"), object, ReadIntent.WHOLE);
      long seconds = Duration.ofNanos(System.nanoTime() - began).toSeconds();
      assertTrue(seconds < 40, seconds + " s");
      assertEquals(16 * MIB, fleet.origin.bytesSent());
    }
  }

  @Test
  void theNextRankKnowsWhereAStripeIsWhenTheFirstGoesLater() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      fleet.recording(false);
      OriginObject object = fleet.origin.add("big", SIZE, new Random(9));
      List.of("t1", "t2", "t3").forEach(fleet::add);
      List.of("a", "b", "c")
          .forEach(id -> {
            fleet.add(id);
            fleet.weigh(id, 0);
          });
      fleet.publish();
      fleet.read(fleet.node("a"), object, ReadIntent.WHOLE);
      for (String id : List.of("t1", "t2", "t3")) {
        Fleet.await(
            id + " knows of it",
            () -> fleet.node(id).peers.tracking().gauges().get("tracked_stripes") == 1);
      }
      List<PlacedMember> ranks = fleet.view().placement().ranked(object.key(), 0, 3);
      fleet.kill(ranks.get(0).id());
      fleet.read(fleet.node("b"), object, ReadIntent.WHOLE);
      fleet.kill(ranks.get(1).id());
      fleet.read(fleet.node("c"), object, ReadIntent.WHOLE);
      assertEquals(SIZE, fleet.origin.bytesSent());
    }
  }

  @Test
  void whoGotAStripeTellsTheNextRankWhenItsTrackerIsGone() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      fleet.recording(false);
      OriginObject object = fleet.origin.add("big", SIZE, new Random(10));
      List.of("t1", "t2", "t3").forEach(fleet::add);
      List.of("a", "b", "c")
          .forEach(id -> {
            fleet.add(id);
            fleet.weigh(id, 0);
          });
      fleet.publish();
      CountDownLatch gate = PeersTest.gateAt(fleet, 16 * MIB);
      Future<Map<Source, Long>> first = fleet.reading("a", object, ReadIntent.SEQUENTIAL);
      Fleet.await("under way", () -> fleet.origin.bytesSent() >= 8 * MIB);
      Future<Map<Source, Long>> second = fleet.reading("b", object, ReadIntent.SEQUENTIAL);
      Fleet.await("cut through", () -> fleet.node("b").peerBytes() >= 4 * MIB);
      List<PlacedMember> ranks = fleet.view().placement().ranked(object.key(), 0, 3);
      fleet.kill(ranks.get(0).id());
      gate.countDown();
      Fleet.get(first);
      Fleet.get(second);
      String next = ranks.get(1).id();
      Fleet.await(
          next + " knows of it",
          () -> fleet.node(next).peers.tracking().gauges().get("tracked_stripes") == 1);
      long before = fleet.origin.bytesSent();
      fleet.read(fleet.node("c"), object, ReadIntent.WHOLE);
      assertEquals(before, fleet.origin.bytesSent());
    }
  }

  @Test
  void theNextRankTracksWhenTheFirstIsGone() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = fleet.origin.add("big", SIZE, new Random(4));
      List.of("a", "b", "c").forEach(fleet::add);
      fleet.publish();
      String tracker = fleet.view().placement().tracker(object.key(), 0).orElseThrow().id();
      fleet.kill(tracker);
      List<String> left = List.copyOf(fleet.nodes.keySet());
      Future<Map<Source, Long>> one = fleet.reading(left.get(0), object, ReadIntent.WHOLE);
      Future<Map<Source, Long>> two = fleet.reading(left.get(1), object, ReadIntent.WHOLE);
      Fleet.get(one);
      Fleet.get(two);
      assertEquals(SIZE, fleet.origin.bytesSent());
    }
  }

  @Test
  void aNodeWithAnOldMemberListAsksForTheNewOne() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = fleet.origin.add("big", 8 * MIB, new Random(5));
      List.of("a", "b").forEach(fleet::add);
      fleet.publish();
      // In the list that b knows everything is tracked by a, which tracks nothing any more.
      List<Peer> old =
          fleet.view().peers().values().stream()
              .map(
                  peer -> peer.id().equals("a") ? peer : new Peer(peer.id(), peer.address(), "", 0))
              .toList();
      fleet.holdView("b", new ClusterView(1, old));
      fleet.add("c");
      fleet.weigh("a", 0);
      fleet.weigh("b", 0);
      fleet.publish();
      fleet.read(fleet.node("c"), object, ReadIntent.WHOLE);
      fleet.read(fleet.node("b"), object, ReadIntent.WHOLE);
      assertEquals(object.sizeBytes(), fleet.node("b").peerBytes());
      assertEquals(object.sizeBytes(), fleet.origin.bytesSent());
      assertTrue(fleet.hints.get("b") > 0);
    }
  }

  @Test
  void anOriginThatStallsIsWaitedForByOneAlone() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = fleet.origin.add("big", SIZE, new Random(8));
      fleet.add("tracker");
      for (String id : List.of("a", "b", "c")) {
        fleet.add(
            id,
            "",
            Fleet.peerConfig(Duration.ofSeconds(2), Duration.ofMinutes(5), false),
            Fleet.fillConfig(Duration.ofSeconds(60)));
        fleet.weigh(id, 0);
      }
      fleet.publish();
      CountDownLatch gate = PeersTest.gateAt(fleet, 16 * MIB);
      Future<Map<Source, Long>> first = fleet.reading("a", object, ReadIntent.SEQUENTIAL);
      Fleet.await("under way", () -> fleet.origin.bytesSent() >= 8 * MIB);
      Future<Map<Source, Long>> second = fleet.reading("b", object, ReadIntent.SEQUENTIAL);
      Future<Map<Source, Long>> third = fleet.reading("c", object, ReadIntent.SEQUENTIAL);
      for (String id : List.of("b", "c")) {
        Fleet.await("cut through", () -> fleet.node(id).peerBytes() >= 4 * MIB);
        long before = fleet.node(id).engine.counters().peerRequests.sum();
        Fleet.await(
            "asked again and again",
            () -> fleet.node(id).engine.counters().peerRequests.sum() >= before + 4);
      }
      gate.countDown();
      Fleet.get(first);
      Fleet.get(second);
      Fleet.get(third);
      assertEquals(SIZE, fleet.origin.bytesSent());
      assertEquals(0, fleet.node("b").peers.counters().get("peer_demotions_total"));
      assertEquals(0, fleet.node("c").peers.counters().get("peer_demotions_total"));
    }
  }

  @Test
  void certificatesRotateUnderARunningStream() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = fleet.origin.add("big", SIZE, new Random(6));
      List.of("a", "b", "c").forEach(fleet::add);
      fleet.publish();
      CountDownLatch gate = PeersTest.gateAt(fleet, 16 * MIB);
      Future<Map<Source, Long>> first = fleet.reading("a", object, ReadIntent.SEQUENTIAL);
      Fleet.await("under way", () -> fleet.origin.bytesSent() >= 8 * MIB);
      Future<Map<Source, Long>> second = fleet.reading("b", object, ReadIntent.SEQUENTIAL);
      awaitAllSent(fleet, object, "b");
      // No handshake falls in between: nobody trusts both, and b would leave a alone.
      Fleet.await(
          "both runs of the rest wait there",
          () -> fleet.node("a").peers.gauges().get("peer_requests_open") == 2);
      fleet.identify(fleet.authority("next"));
      Future<Map<Source, Long>> third = fleet.reading("c", object, ReadIntent.SEQUENTIAL);
      Fleet.await("by the new ones", () -> fleet.node("c").peerBytes() >= 4 * MIB);
      gate.countDown();
      Fleet.get(first);
      Fleet.get(second);
      Fleet.get(third);
      assertEquals(SIZE, fleet.origin.bytesSent());
    }
  }

  @Test
  void aMemberWithAnExpiredCertificateIsNotReadAndReadsTheOrigin() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject before = fleet.origin.add("before", 4 * MIB, new Random(7));
      OriginObject after = fleet.origin.add("after", 4 * MIB, new Random(8));
      for (String id : List.of("a", "b")) {
        fleet.add(
            id,
            "",
            Fleet.idleAfter(Duration.ofMillis(500)),
            Fleet.fillConfig(Duration.ofSeconds(5)));
      }
      fleet.weigh("b", 0);
      fleet.publish();
      // Both trust both authorities; only the date tells them apart.
      show(fleet, fleet.authority("new"), Instant.now());
      fleet.read(fleet.node("a"), before, ReadIntent.WHOLE);
      fleet.read(fleet.node("b"), before, ReadIntent.WHOLE);
      assertEquals(before.sizeBytes(), fleet.node("b").peerBytes());
      Fleet.await(
          "a new handshake", () -> fleet.node("a").peers.gauges().get("peer_connections") == 0);
      show(fleet, fleet.authority("newer"), Instant.now().minus(Duration.ofDays(800)));
      fleet.read(fleet.node("a"), after, ReadIntent.WHOLE);
      fleet.read(fleet.node("b"), after, ReadIntent.WHOLE);
      assertEquals(before.sizeBytes(), fleet.node("b").peerBytes());
      assertEquals(2 * after.sizeBytes() + before.sizeBytes(), fleet.origin.bytesSent());
    }
  }

  /** Node a by one authority, b by another one of that day, each trusting the other's. */
  private void show(Fleet fleet, DevCa authority, Instant day) {
    DevCa other =
        DevCa.create(
            directory.resolve("of-" + day.getEpochSecond()), Clock.fixed(day, ZoneOffset.UTC));
    TlsMaterial ofA = authority.agent("a");
    TlsMaterial ofB = other.agent("b");
    fleet.material("a", new TlsMaterial(ofA.keys(), ofB.trust()));
    fleet.material("b", new TlsMaterial(ofB.keys(), ofA.trust()));
  }
}
