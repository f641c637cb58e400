package dev.larder.agent.peer;

import static dev.larder.agent.peer.Fleet.MIB;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.larder.agent.peer.Messages.Report;
import dev.larder.agent.peer.Messages.Sender;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.StripeReport;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Trackers hear of what members drop. */
@Timeout(120)
class DropsTest {
  @TempDir Path directory;

  @Test
  void whoDroppedABlobIsNamedNoMore() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      fleet.recording(false);
      List<OriginObject> objects =
          List.of(
              fleet.origin.add("small", 40_000, new Random(1)),
              fleet.origin.add("one", 3 * MIB, new Random(2)),
              fleet.origin.add("two", 70 * MIB, new Random(3)));
      List.of("t1", "t2").forEach(fleet::add);
      for (String id : List.of("a", "b", "c")) {
        fleet.add(id);
        fleet.weigh(id, 0);
      }
      fleet.publish();
      for (OriginObject object : objects) {
        for (String id : List.of("a", "b")) {
          fleet.read(fleet.node(id), object, ReadIntent.WHOLE);
          Fleet.await("sealed", () -> fleet.node(id).isSealed(object));
        }
      }
      for (String id : List.of("t1", "t2")) {
        Fleet.await("known", () -> tracked(fleet, id) == 4);
      }
      long before = fleet.origin.bytesSent();
      for (String id : List.of("a", "b")) {
        objects.forEach(object -> fleet.node(id).store.delete(object.key()));
        Fleet.await("told", () -> fleet.node(id).peers.gauges().get("tracker_drops_untold") == 0);
        // Four stripes, each to two trackers.
        assertEquals(8, fleet.node(id).peers.counters().get("tracker_drops_told_total"));
        assertEquals(0, fleet.node(id).peers.counters().get("tracker_drops_lost_total"));
      }
      assertEquals(0, tracked(fleet, "t1"));
      assertEquals(0, tracked(fleet, "t2"));
      objects.forEach(object -> fleet.read(fleet.node("c"), object, ReadIntent.WHOLE));
      assertEquals(2 * before, fleet.origin.bytesSent());
      assertEquals(0, fleet.node("c").engine.counters().peerRequests.sum(), "sent for nothing");
    }
  }

  @Test
  void nobodyDropsForAnother() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      fleet.recording(false);
      OriginObject object = fleet.origin.add("object", 3 * MIB, new Random(4));
      fleet.add("tracker");
      for (String id : List.of("a", "b")) {
        fleet.add(id);
        fleet.weigh(id, 0);
      }
      fleet.publish();
      fleet.read(fleet.node("a"), object, ReadIntent.WHOLE);
      Fleet.await("sealed", () -> fleet.node("a").isSealed(object));
      assertThrows(
          LarderException.class, () -> drop(fleet, "a", fleet.materialOf("forger"), object));
      fleet.read(fleet.node("b"), object, ReadIntent.WHOLE);
      assertEquals(object.sizeBytes(), fleet.origin.bytesSent());
      Fleet.await("sealed", () -> fleet.node("b").isSealed(object));
      assertEquals(1, tracked(fleet, "tracker"));
      // A certificate that is renewed speaks for the same member.
      drop(fleet, "a", fleet.certify("a"), object);
      drop(fleet, "b", fleet.materialOf("b"), object);
      assertEquals(0, tracked(fleet, "tracker"));
    }
  }

  private static void drop(Fleet fleet, String member, TlsMaterial shows, OriginObject object) {
    StripeReport report =
        new StripeReport(
            new StripeId(object.key(), 0), StripeReport.Kind.LEFT, 0, -1, BlockDigests.NONE);
    try (PeerClient client = new PeerClient(Fleet.peerConfig(), new PeerTls(() -> shows))) {
      client.post(
          fleet.door("tracker"),
          "/peer/v1/report",
          Wire.write(new Report(new Sender(member, "", 1), 0, List.of(report))),
          0);
    }
  }

  private static long tracked(Fleet fleet, String id) {
    return fleet.node(id).peers.tracking().gauges().get("tracked_stripes");
  }
}
