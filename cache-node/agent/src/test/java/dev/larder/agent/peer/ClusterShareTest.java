package dev.larder.agent.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.cluster.Cluster;
import dev.larder.agent.tracker.Asker;
import dev.larder.agent.tracker.Assignment;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.Tracker;
import dev.larder.agent.tracker.TrackerDesk;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.time.Duration;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** A share at this node's own tracker. */
class ClusterShareTest {
  private static final StripeId STRIPE = new StripeId(BlobKey.origin(new Digest(1, 2, 3, 4)), 0);

  private static final PeerConfig CONFIG = Fleet.peerConfig();

  /** Longer than anybody waits here: what passes on was given back. */
  private static final Duration DEADLINE = Duration.ofMinutes(10);

  @Test
  void whoLeavesInDoubtGivesItsLeaseBack() {
    TrackerDesk desk = new TrackerDesk(new Tracker(DEADLINE, 1000), System::nanoTime);
    try (PeerClient client = new PeerClient(CONFIG, null);
        ClusterTracking tracking = tracking(desk, client, DEADLINE)) {
      ClusterShare share = (ClusterShare) tracking.share(STRIPE);
      assertInstanceOf(Assignment.Lease.class, share.ask(Set.of()));
      assertEquals(new Assignment.Parent("a"), ask(desk));
      share.disputed();
      tracking.closed(STRIPE.key());
      Fleet.await("given back", () -> ask(desk) instanceof Assignment.Lease);
    }
  }

  /** As after a pause of the whole process: bytes are there at once, and no report was answered. */
  @Test
  void whoStoodStillAsksBeforeItGoesOn() {
    Duration deadline = Duration.ofSeconds(1);
    TrackerDesk desk = new TrackerDesk(new Tracker(deadline, 1000), System::nanoTime);
    try (PeerClient client = new PeerClient(CONFIG, null);
        ClusterTracking tracking = tracking(desk, client, deadline)) {
      ClusterShare share = (ClusterShare) tracking.share(STRIPE);
      assertInstanceOf(Assignment.Lease.class, share.ask(Set.of()));
      assertTrue(share.progress());
      Fleet.await("passed on", () -> ask(desk) instanceof Assignment.Lease);
      assertFalse(share.progress(), "another fetches it by now");
    }
  }

  private static ClusterTracking tracking(TrackerDesk desk, PeerClient client, Duration lease) {
    Views views = new Views(Cluster.alone("a"));
    Demotions silent = new Demotions(System::nanoTime, CONFIG.demoteFor().toNanos());
    return new ClusterTracking(
        views,
        "",
        CONFIG,
        lease,
        desk,
        new TrackerLink(views, "", desk, client, silent),
        any -> BlockDigests.NONE);
  }

  private static Assignment ask(TrackerDesk desk) {
    return desk.ask(Asker.of("b"), STRIPE, "", 0).assignment();
  }
}
