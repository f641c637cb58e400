package dev.larder.agent.peer;

import static dev.larder.agent.peer.Fleet.MIB;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.fill.FillConfig;
import dev.larder.agent.read.BlobRead.Source;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.testkit.Records;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Nodes that read the same cold data take each byte from the origin once. */
class PeersTest {
  @TempDir Path directory;

  @Test
  void fourNodesThatReadAtOnceFetchEachByteOnce() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = fleet.origin.add("big", 200 * MIB, new Random(1));
      List.of("a", "b", "c", "d").forEach(fleet::add);
      fleet.publish();
      List<Future<Map<Source, Long>>> reads = new ArrayList<>();
      for (String id : fleet.nodes.keySet()) {
        reads.add(fleet.reading(id, object, ReadIntent.WHOLE));
      }
      long fromPeers = 0;
      for (Future<Map<Source, Long>> read : reads) {
        fromPeers += Fleet.get(read).getOrDefault(Source.PEER, 0L);
      }
      assertEquals(object.sizeBytes(), fleet.origin.bytesSent());
      assertTrue(fromPeers > 2 * object.sizeBytes(), "from peers: " + fromPeers);
      fleet.nodes.values().forEach(node -> Fleet.await("sealed", () -> node.isSealed(object)));
    }
  }

  /** A quarter of the others' rate and less is left for somebody else, never for the origin. */
  @Test
  void theOnlyOneThatHasAStripeMayBeSlow() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = fleet.origin.add("big", 76 * MIB, new Random(12));
      // Nothing is read ahead into the other's stripe.
      FillConfig fill = withoutReadAhead(Fleet.fillConfig(Duration.ofSeconds(5)));
      FleetNode quick = fleet.add("quick", "", Fleet.capped(48 * MIB, 0), fill);
      FleetNode slow = fleet.add("slow", "", Fleet.capped(2 * MIB, 0), fill);
      FleetNode reader = fleet.add("reader");
      fleet.weigh("slow", 0);
      fleet.weigh("reader", 0);
      fleet.publish();
      fleet.read(quick, object, ReadIntent.RANDOM, 0, 64 * MIB);
      fleet.read(slow, object, ReadIntent.RANDOM, 64 * MIB, 76 * MIB);
      assertEquals(object.sizeBytes(), fleet.origin.bytesSent());
      fleet.read(reader, object, ReadIntent.WHOLE);
      assertEquals(object.sizeBytes(), fleet.origin.bytesSent());
      // A block begun when the slow one was left comes twice.
      assertTrue(reader.peerBytes() >= object.sizeBytes(), "from peers: " + reader.peerBytes());
      assertTrue(reader.peers.counters().get("peer_demotions_total") >= 1, "nobody was slow");
    }
  }

  @Test
  void whoComesLateJoinsTheDownloadInProgress() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = fleet.origin.add("big", 40 * MIB, new Random(2));
      List.of("a", "b", "c").forEach(fleet::add);
      fleet.publish();
      CountDownLatch gate = gateAt(fleet, 16 * MIB);
      Future<Map<Source, Long>> first = fleet.reading("a", object, ReadIntent.SEQUENTIAL);
      Fleet.await("half of it", () -> fleet.origin.bytesSent() >= 8 * MIB);
      Future<Map<Source, Long>> late = fleet.reading("b", object, ReadIntent.SEQUENTIAL);
      Fleet.await("cut through", () -> fleet.node("b").peerBytes() >= 4 * MIB);
      gate.countDown();
      Fleet.get(first);
      assertEquals(Map.of(Source.PEER, object.sizeBytes()), withoutLocal(Fleet.get(late)));
      assertEquals(object.sizeBytes(), fleet.origin.bytesSent());
      // After everybody else is done: from the holders, and by the recorded root.
      Fleet.await("sealed", () -> fleet.node("a").isSealed(object));
      assertEquals(
          Map.of(Source.PEER, object.sizeBytes()),
          withoutLocal(fleet.read(fleet.node("c"), object, ReadIntent.WHOLE)));
      assertEquals(object.sizeBytes(), fleet.origin.bytesSent());
    }
  }

  /**
   * Not by default: on a busy machine one node may ask for every stripe before the others start.
   */
  @Test
  @Tag("long")
  void aBurstIsLedByMoreThanOneNode() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = fleet.origin.add("big", 200 * MIB, new Random(9));
      List.of("a", "b", "c").forEach(fleet::add);
      fleet.publish();
      // No faster than an origin is: at most 50 MB/s a request.
      fleet.origin.onPiece((any, at) -> LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5)));
      List<Future<Map<Source, Long>>> reads = new ArrayList<>();
      for (String id : fleet.nodes.keySet()) {
        reads.add(fleet.reading(id, object, ReadIntent.WHOLE));
      }
      for (Future<Map<Source, Long>> read : reads) {
        Fleet.get(read);
      }
      assertEquals(object.sizeBytes(), fleet.origin.bytesSent());
      for (FleetNode node : fleet.nodes.values()) {
        assertTrue(node.originBytes() <= 136L * MIB, node.id + " fetched " + node.originBytes());
      }
    }
  }

  @Test
  void aHolderServesWhatNoTrackerRemembers() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = fleet.origin.add("big", 70 * MIB, new Random(3));
      fleet.add("a");
      fleet.publish();
      fleet.read(fleet.node("a"), object, ReadIntent.WHOLE);
      Fleet.await("sealed", () -> fleet.node("a").isSealed(object));
      // A tracker that was not there then.
      fleet.weigh("a", 0);
      fleet.add("b");
      fleet.publish();
      fleet.read(fleet.node("b"), object, ReadIntent.WHOLE);
      assertEquals(object.sizeBytes(), fleet.origin.bytesSent());
      assertEquals(object.sizeBytes(), fleet.node("b").peerBytes());
    }
  }

  @Test
  void randomReadersOfOneObjectFetchEachBlockOnce() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = fleet.origin.add("big", 24 * MIB, new Random(4));
      List.of("a", "b", "c").forEach(fleet::add);
      fleet.publish();
      List<Future<Boolean>> reads = new ArrayList<>();
      for (FleetNode node : fleet.nodes.values()) {
        reads.add(
            fleet.run(() -> {
              Random random = new Random(node.id.hashCode());
              for (int i = 0; i < 30; i++) {
                long from = random.nextInt(24 * MIB - 100_000);
                fleet.read(node, object, ReadIntent.RANDOM, from, from + 100_000);
              }
              return true;
            }));
      }
      for (Future<Boolean> read : reads) {
        Fleet.get(read);
      }
      assertTrue(
          fleet.origin.bytesSent() <= object.sizeBytes(),
          "from the origin: " + fleet.origin.bytesSent());
    }
  }

  @Test
  void zonesFetchAcrossOnce() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = fleet.origin.add("big", 24 * MIB, new Random(5));
      for (String id : List.of("a1", "a2", "a3", "b1", "b2", "b3")) {
        fleet.add(
            id, id.substring(0, 1), Fleet.peerConfig(), Fleet.fillConfig(Duration.ofSeconds(15)));
      }
      fleet.publish();
      List<Future<Map<Source, Long>>> reads = new ArrayList<>();
      for (String id : fleet.nodes.keySet()) {
        reads.add(fleet.reading(id, object, ReadIntent.WHOLE));
      }
      for (Future<Map<Source, Long>> read : reads) {
        Fleet.get(read);
      }
      assertEquals(object.sizeBytes(), fleet.origin.bytesSent());
      long far = fleet.nodes.values().stream().mapToLong(FleetNode::farBytes).sum();
      System.err.printf("between zones: %.2f%n", (double) far / object.sizeBytes());
      assertTrue(far > 0, "whoever asked the origin is in one of them");
      assertTrue(far <= 1.25 * object.sizeBytes(), far + " bytes between zones");
    }
  }

  @Test
  void uploadIsCapped() throws Exception {
    takesAtLeastASecond(Fleet.capped(8 * MIB, 0), Fleet.peerConfig());
  }

  @Test
  void downloadIsCapped() throws Exception {
    takesAtLeastASecond(Fleet.peerConfig(), Fleet.capped(0, 8 * MIB));
  }

  private void takesAtLeastASecond(PeerConfig from, PeerConfig to) throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      FillConfig fill = Fleet.fillConfig(Duration.ofSeconds(15));
      FleetNode parent = fleet.add("a", "", from, fill);
      FleetNode reader = fleet.add("b", "", to, fill);
      fleet.weigh("b", 0);
      fleet.publish();
      OriginObject object = fleet.origin.add("object", 8 * MIB, new Random(6));
      fleet.read(parent, object, ReadIntent.WHOLE);
      Fleet.await("sealed", () -> parent.isSealed(object));
      long began = System.nanoTime();
      fleet.read(reader, object, ReadIntent.WHOLE);
      double seconds = (System.nanoTime() - began) / 1e9;
      assertEquals(object.sizeBytes(), reader.peerBytes());
      assertTrue(seconds > 0.9, "8 MiB at 8 MiB/s took " + seconds + " s");
    }
  }

  /** The origin stops before an offset until it is let go on. */
  static CountDownLatch gateAt(Fleet fleet, long offset) {
    CountDownLatch gate = new CountDownLatch(1);
    fleet.origin.pieceMax(64 << 10);
    fleet.origin.onPiece((object, at) -> {
      try {
        if (at >= offset && !gate.await(60, TimeUnit.SECONDS)) {
          throw new LarderException(ErrorCode.ORIGIN_UNAVAILABLE, "the test let nobody go on");
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new LarderException(ErrorCode.CANCELLED, "interrupted", e);
      }
    });
    return gate;
  }

  private static Map<Source, Long> withoutLocal(Map<Source, Long> bySource) {
    Map<Source, Long> rest = new EnumMap<>(bySource);
    rest.merge(Source.PEER, rest.getOrDefault(Source.LOCAL, 0L), Long::sum);
    rest.remove(Source.LOCAL);
    return rest;
  }

  private static FillConfig withoutReadAhead(FillConfig fill) {
    return Records.with(fill, "readAheadMaxBytes", 0L);
  }
}
