package dev.larder.agent.fill;

import dev.larder.agent.tracker.Asker;
import dev.larder.agent.tracker.Assignment;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.TrackerDesk;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A node alone: its own tracker grants it every stripe. Any thread. */
public final class LocalTracking implements Tracking {
  /** The one member there is. */
  private static final String SELF = "self";

  private final TrackerDesk desk;

  /** Over a tracker. */
  public LocalTracking(TrackerDesk desk) {
    this.desk = desk;
  }

  @Override
  public StripeShare share(StripeId stripe) {
    return new Own(stripe);
  }

  @Override
  public void completed(StripeId stripe, Supplier<BlockDigests> digests) {
    // Nobody else is told.
  }

  @Override
  public void closed(BlobKey key) {
    // Leases end with the last run of their stripe.
  }

  @Override
  public void forget(BlobKey key, long sizeBytes) {
    desk.forget(key, sizeBytes);
  }

  @Override
  public void misled(StripeId stripe, Set<String> members, BlockDigests right) {
    throw new IllegalStateException("misled by " + members + " although nobody is there");
  }

  @Override
  public Map<String, Long> gauges() {
    return Map.of("tracked_stripes", (long) desk.size());
  }

  private final class Own implements StripeShare {
    private final StripeId stripe;
    private volatile long lease;

    Own(StripeId stripe) {
      this.stripe = stripe;
    }

    @Override
    public Assignment ask(Set<String> avoid) {
      Assignment answer = desk.ask(Asker.of(SELF), stripe, "", -1).assignment();
      lease = answer instanceof Assignment.Lease granted ? granted.lease() : 0;
      return answer;
    }

    @Override
    public boolean progress() {
      long held = lease;
      // A lease that ran out while the origin stalled is asked for again.
      return held == 0
          || desk.progress(SELF, stripe, held)
          || !(ask(Set.of()) instanceof Assignment.Parent);
    }

    @Override
    public void came(int place, Digest digest) {
      // Nobody else is told.
    }

    @Override
    public @Nullable Digest awaitDigest(int place) {
      return null;
    }

    @Override
    public void failed(String parent, ParentFault fault) {
      throw new IllegalStateException("sent to " + parent + " by a tracker of one");
    }

    @Override
    public boolean isSlow(String member) {
      return false;
    }

    @Override
    public void idle() {
      if (lease != 0) {
        desk.end(SELF, stripe, lease, false);
      }
    }
  }
}
