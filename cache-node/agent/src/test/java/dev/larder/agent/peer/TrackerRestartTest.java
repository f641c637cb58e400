package dev.larder.agent.peer;

import static dev.larder.agent.peer.Fleet.MIB;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.fill.FillConfig;
import dev.larder.agent.read.BlobRead.Source;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.origin.OriginObject;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The process that tracks a stripe is killed in the middle of a burst and comes back knowing
 * nothing, while all other nodes read the object: right bytes at each, no fault, hardly a byte of
 * the origin twice, and no reader waits longer than for one silent member.
 */
@Timeout(240)
class TrackerRestartTest {
  private static final int SIZE = 60 * MIB;
  private static final int NODES = 6;

  /** What the origin may send, beside the object's size; 1.00 was seen twelve times of twelve. */
  private static final double FACTOR_MAX = 1.1;

  /** From when the origin goes on to the last reader's last byte: one silence, and the bytes. */
  private static final Duration REST_MAX = Duration.ofSeconds(15);

  @TempDir Path directory;

  @Test
  void readersOfAllNodesGoOn() throws Exception {
    burst(0, false, false);
  }

  @Test
  void readersThatComeAfterItIsBackFindTheOthers() throws Exception {
    burst(2, false, false);
  }

  /** Some have met the dead one and leave it alone; others meet the one that came back. */
  @Test
  void readersThatFoundItDeadAndThoseThatDoNotKnowReadTheSameBytes() throws Exception {
    burst(2, true, false);
  }

  /** Nobody takes an origin that stalls meanwhile for a member that has nothing. */
  @Test
  void readersWaitForAnOriginThatStallsMeanwhile() throws Exception {
    burst(2, false, true);
  }

  private void burst(int late, boolean isMissed, boolean isStalled) throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      // What holders vouch for must not hide what trackers forgot.
      fleet.recording(false);
      OriginObject object = fleet.origin.add("big", SIZE, new Random(31));
      PeerConfig peer = Fleet.peerConfig(Duration.ofSeconds(5), Duration.ofSeconds(30), false);
      // However long a busy machine takes to come to the gate: a lease that ends there is another
      // matter.
      FillConfig fill = Fleet.fillConfig(Duration.ofSeconds(60));
      for (int n = 0; n < NODES; n++) {
        fleet.add("n" + n, "", peer, fill);
      }
      fleet.publish();
      String tracker = fleet.view().placement().tracker(object.key(), 0).orElseThrow().id();
      List<String> readers = new ArrayList<>(fleet.nodes.keySet());
      readers.remove(tracker);
      CountDownLatch gate = PeersTest.gateAt(fleet, 24 * MIB);
      List<Future<Map<Source, Long>>> reads = new ArrayList<>();
      for (String id : readers.subList(late, readers.size())) {
        reads.add(fleet.reading(id, object, ReadIntent.SEQUENTIAL));
      }
      for (String id : readers.subList(late, readers.size())) {
        FleetNode node = fleet.node(id);
        Fleet.await(
            "under way", () -> node.peerBytes() >= 4 * MIB || node.originBytes() >= 4 * MIB);
      }
      fleet.kill(tracker);
      if (isMissed) {
        Fleet.await("missed", () -> failures(fleet) > 0);
      }
      fleet.restart(tracker, peer, fill);
      for (String id : readers.subList(0, late)) {
        reads.add(fleet.reading(id, object, ReadIntent.SEQUENTIAL));
      }
      for (String id : readers.subList(0, late)) {
        FleetNode node = fleet.node(id);
        Fleet.await(
            "under way", () -> node.peerBytes() >= 4 * MIB || node.originBytes() >= 4 * MIB);
      }
      if (isStalled) {
        for (String id : readers.subList(0, late)) {
          FleetNode node = fleet.node(id);
          long before = node.engine.counters().peerRequests.sum();
          Fleet.await(
              "asked again and again",
              () -> node.engine.counters().peerRequests.sum() >= before + 4);
        }
      }
      long began = System.nanoTime();
      gate.countDown();
      for (Future<Map<Source, Long>> read : reads) {
        // Every byte is compared.
        Map<Source, Long> unused = Fleet.get(read);
      }
      long rest = System.nanoTime() - began;
      double factor = fleet.origin.bytesSent() / (double) SIZE;
      System.err.println("origin " + factor + " of the object, " + rest / 1_000_000 + " ms");
      assertTrue(factor <= FACTOR_MAX, "from the origin: " + factor);
      assertTrue(rest < REST_MAX.toNanos(), "took " + rest / 1_000_000 + " ms");
    }
  }

  private static long failures(Fleet fleet) {
    return fleet.nodes.values().stream()
        .mapToLong(node -> node.peers.counters().get("tracker_failures_total"))
        .sum();
  }
}
