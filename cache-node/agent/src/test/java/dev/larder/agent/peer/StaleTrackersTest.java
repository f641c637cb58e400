package dev.larder.agent.peer;

import static dev.larder.agent.peer.Fleet.MIB;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.cluster.ClusterView;
import dev.larder.agent.read.BlobRead.Source;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.origin.OriginObject;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Everybody drops what everybody has, and reads it again: nobody waits for anybody in a ring. */
@Timeout(240)
class StaleTrackersTest {
  /** Less than the shortest wait in a ring: half of what a member keeps an answer open. */
  private static final Duration PROGRESS = Duration.ofSeconds(16);

  private static final Duration LONGEST = PROGRESS.dividedBy(2);

  /** One wait in a ring, and some. */
  private static final Duration LONGEST_UNTOLD = Duration.ofSeconds(20);

  private static final int ROUNDS = 4;
  private static final int FILES = 6;

  @TempDir Path directory;

  @Test
  void membersOfOneZoneDoNotWaitForEachOther() throws Exception {
    readAndDrop(LONGEST, true, PROGRESS, "", "", "");
  }

  @Test
  void membersOfSeveralZonesDoNotWaitForEachOther() throws Exception {
    readAndDrop(LONGEST, true, PROGRESS, "x", "y", "z");
  }

  @Test
  void membersOfTwoZonesDoNotWaitForEachOther() throws Exception {
    readAndDrop(LONGEST, true, PROGRESS, "x", "x", "y", "y");
  }

  /** Telling is no promise: where it is lost a reader waits once, not for ever. */
  @Test
  void dropsThatTrackersDoNotHearOfCostOneWait() throws Exception {
    readAndDrop(LONGEST_UNTOLD, false, Duration.ofSeconds(8), "x", "y", "z");
  }

  private void readAndDrop(Duration most, boolean isTold, Duration progress, String... zones)
      throws Exception {
    long seed = System.nanoTime();
    System.err.println("seed " + seed);
    Random random = new Random(seed);
    try (Fleet fleet = new Fleet(directory)) {
      List<OriginObject> objects = new ArrayList<>();
      for (int i = 0; i < FILES; i++) {
        objects.add(fleet.origin.add("f" + i, 3 * MIB, random));
      }
      for (int n = 0; n < zones.length; n++) {
        fleet.add(
            "n" + n,
            zones[n],
            Fleet.peerConfig(progress, Duration.ofSeconds(30), false),
            Fleet.fillConfig(Duration.ofSeconds(10)));
      }
      fleet.publish();
      long longest = 0;
      for (int round = 0; round < ROUNDS; round++) {
        List<Future<Map<Source, Long>>> reads = new ArrayList<>();
        long began = System.nanoTime();
        for (OriginObject object : objects) {
          fleet
              .nodes
              .keySet()
              .forEach(id -> reads.add(fleet.reading(id, object, ReadIntent.WHOLE)));
        }
        for (Future<Map<Source, Long>> read : reads) {
          Map<Source, Long> unused = Fleet.get(read);
        }
        longest = Math.max(longest, System.nanoTime() - began);
        drop(fleet, objects, isTold);
      }
      long told = sum(fleet, "tracker_drops_told_total");
      System.err.println(
          "longest round "
              + longest / 1_000_000
              + " ms, drops told "
              + told
              + ", of the origin "
              + fleet.origin.bytesSent() / (double) (ROUNDS * FILES * 3 * MIB));
      assertTrue(longest < most.toNanos(), "a round took " + longest / 1_000_000 + " ms");
      if (isTold) {
        assertEquals(0, sum(fleet, "tracker_drops_lost_total"));
        assertTrue(told >= ROUNDS * FILES * zones.length, "told " + told);
      }
    }
  }

  private static void drop(Fleet fleet, List<OriginObject> objects, boolean isTold) {
    for (FleetNode node : fleet.nodes.values()) {
      for (OriginObject object : objects) {
        Fleet.await("sealed", () -> node.isSealed(object));
      }
    }
    // A node that knows of nobody tells nobody.
    fleet
        .nodes
        .keySet()
        .forEach(id -> fleet.holdView(id, isTold ? fleet.view() : ClusterView.empty()));
    for (FleetNode node : fleet.nodes.values()) {
      objects.forEach(object -> assertTrue(node.store.delete(object.key())));
    }
    for (FleetNode node : fleet.nodes.values()) {
      Fleet.await("told", () -> node.peers.gauges().get("tracker_drops_untold") == 0);
    }
    fleet.nodes.keySet().forEach(id -> fleet.holdView(id, fleet.view()));
  }

  private static long sum(Fleet fleet, String counter) {
    return fleet.nodes.values().stream()
        .mapToLong(node -> node.peers.counters().get(counter))
        .sum();
  }
}
