package dev.larder.agent.tracker;

import dev.larder.agent.tracker.StripeReport.Standing;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * The one {@link Tracker} of a node with its lock: this node's own fills ask it, and other members
 * through the peer door.
 *
 * <p><b>Threads:</b> any; nothing here waits. Watchers are called without the lock.
 */
public final class TrackerDesk {
  private final Object lock = new Object();
  private final Tracker tracker;
  private final LongSupplier nanoClock;
  private final Map<StripeId, List<Runnable>> watchers = new HashMap<>();

  /** The desk of a tracker that nobody else uses. */
  public TrackerDesk(Tracker tracker, LongSupplier nanoClock) {
    this.tracker = tracker;
    this.nanoClock = nanoClock;
  }

  /** An answer and what the tracker knows of the stripe's digests, as in {@link Standing}. */
  public record Answer(Assignment assignment, boolean isLive, BlockDigests news) {}

  /**
   * Says where a member gets a stripe.
   *
   * @param lost whom it was sent to before and found gone or wrong; empty for nobody
   * @param known blocks whose digests it knows already
   */
  public Answer ask(Asker asker, StripeId stripe, String lost, long known) {
    synchronized (lock) {
      long now = nanoClock.getAsLong();
      if (!lost.isEmpty()) {
        tracker.failed(asker.member(), lost, stripe);
      }
      Assignment assignment = tracker.ask(asker, stripe, now);
      return new Answer(
          assignment,
          tracker.lessee(stripe, now).isPresent(),
          tracker.digests(stripe).without(known));
    }
  }

  /** Takes a report of a member in that proves nothing. */
  public Standing report(String member, String zone, StripeReport report) {
    return report(member, zone, 0, report);
  }

  /** Takes a report in; {@code voice} as in {@link Tracker#left(String, long, StripeId, long)}. */
  public Standing report(String member, String zone, long voice, StripeReport report) {
    List<Runnable> woken = List.of();
    Standing standing;
    synchronized (lock) {
      long now = nanoClock.getAsLong();
      StripeId stripe = report.stripe();
      long before = tracker.digests(stripe).mask();
      // Before the lease ends: only its holder may tell digests.
      tracker.tell(member, stripe, report.lease(), report.told(), now);
      String teller =
          report.kind() == StripeReport.Kind.DISPUTED
              ? tracker.dispute(member, voice, stripe, report.told())
              : "";
      boolean stands = takeIn(member, zone, voice, report, now);
      boolean isOver =
          switch (report.kind()) {
            case LEFT, COMPLETE, DISPUTED -> true;
            case WATCH, PROGRESS -> false;
          };
      if (isOver || tracker.digests(stripe).mask() != before) {
        List<Runnable> waiting = watchers.remove(stripe);
        woken = waiting == null ? List.of() : waiting;
      }
      standing =
          new Standing(
              stands,
              tracker.lessee(stripe, now).isPresent(),
              tracker.digests(stripe).without(report.known()),
              teller);
    }
    woken.forEach(Runnable::run);
    return standing;
  }

  /** Bytes arrived under a lease; whether it still stands. */
  public boolean progress(String member, StripeId stripe, long lease) {
    synchronized (lock) {
      return tracker.progress(member, stripe, lease, nanoClock.getAsLong());
    }
  }

  /** Gives a lease back. */
  public void end(String member, StripeId stripe, long lease, boolean complete) {
    synchronized (lock) {
      tracker.end(member, stripe, lease, complete);
    }
  }

  /** Calls once, when the stripe has new digests or its fetcher leaves; may call for nothing. */
  public void watch(StripeId stripe, Runnable watcher) {
    synchronized (lock) {
      watchers.computeIfAbsent(stripe, any -> new ArrayList<>(2)).add(watcher);
    }
  }

  /** Forgets a watcher that was not called yet. */
  public void unwatch(StripeId stripe, Runnable watcher) {
    synchronized (lock) {
      List<Runnable> waiting = watchers.get(stripe);
      if (waiting != null && waiting.remove(watcher) && waiting.isEmpty()) {
        watchers.remove(stripe);
      }
    }
  }

  /** Forgets who has a blob and what its digests are. */
  public void forget(BlobKey key, long sizeBytes) {
    List<Runnable> woken = new ArrayList<>();
    synchronized (lock) {
      for (int each = 0; each < Blocks.stripeCount(sizeBytes); each++) {
        StripeId stripe = new StripeId(key, each);
        tracker.forget(stripe);
        List<Runnable> waiting = watchers.remove(stripe);
        if (waiting != null) {
          woken.addAll(waiting);
        }
      }
    }
    woken.forEach(Runnable::run);
  }

  /** Stripes remembered. */
  public int size() {
    synchronized (lock) {
      return tracker.size();
    }
  }

  private boolean takeIn(String member, String zone, long voice, StripeReport report, long now) {
    StripeId stripe = report.stripe();
    return switch (report.kind()) {
      case WATCH, DISPUTED -> true;
      case PROGRESS ->
          report.lease() == 0
              ? tracker.progress(member, stripe, now)
              : tracker.progress(member, stripe, report.lease(), now);
      case COMPLETE -> {
        tracker.end(member, stripe, report.lease(), true);
        tracker.holding(member, zone, voice, stripe, now);
        // Told under a lease that is over, they were not taken: nobody could read there.
        yield report.told().without(tracker.digests(stripe).mask()).isEmpty();
      }
      case LEFT -> {
        tracker.left(member, voice, stripe, report.lease());
        yield false;
      }
    };
  }
}
