package dev.larder.agent.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

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

  /** Longer than anybody waits here: what passes on was given back. */
  private static final Duration DEADLINE = Duration.ofMinutes(10);

  @Test
  void whoLeavesInDoubtGivesItsLeaseBack() {
    TrackerDesk desk = new TrackerDesk(new Tracker(DEADLINE, 1000), System::nanoTime);
    Views views = new Views(Cluster.alone("a"));
    PeerConfig config = Fleet.peerConfig();
    Demotions silent = new Demotions(System::nanoTime, config.demoteFor().toNanos());
    try (PeerClient client = new PeerClient(config, null);
        ClusterTracking tracking =
            new ClusterTracking(
                views,
                "",
                config,
                DEADLINE,
                desk,
                new TrackerLink(views, "", desk, client, silent),
                any -> BlockDigests.NONE)) {
      ClusterShare share = (ClusterShare) tracking.share(STRIPE);
      assertInstanceOf(Assignment.Lease.class, share.ask(Set.of()));
      assertEquals(new Assignment.Parent("a"), ask(desk));
      share.disputed();
      tracking.closed(STRIPE.key());
      Fleet.await("given back", () -> ask(desk) instanceof Assignment.Lease);
    }
  }

  private static Assignment ask(TrackerDesk desk) {
    return desk.ask(Asker.of("b"), STRIPE, "", 0).assignment();
  }
}
