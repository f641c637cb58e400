package dev.larder.agent.peer;

import dev.larder.agent.cluster.ClusterView;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.StripeReport;
import dev.larder.agent.tracker.StripeReport.Kind;
import dev.larder.agent.tracker.StripeReport.Standing;
import dev.larder.protocol.BlobKey;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.BlobStore.StoreListener;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells trackers which stripes are no longer here, so that they send nobody here for them. At most
 * {@code peer.stripes-max} blobs wait for their turn and as many words to trackers for theirs; what
 * goes beyond, or to a tracker that is silent, is lost: whoever is sent here all the same hears
 * that there is nothing and asks again.
 *
 * <p><b>Threads:</b> any; listeners' calls never wait. {@link #start} and {@link #close} once.
 */
final class Drops implements StoreListener, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Drops.class);

  private final ClusterTracking tracking;
  private final Predicate<StripeId> isHere;
  private final ArrayBlockingQueue<Gone> waiting;
  private final int untoldMax;
  private final Semaphore room;
  private final LongAdder told = new LongAdder();
  private final LongAdder lost = new LongAdder();
  private final Thread thread = Thread.ofVirtual().name("drops").unstarted(this::run);

  /** Blobs that wait, and the one whose words are being said. */
  private final AtomicInteger queued = new AtomicInteger();

  private volatile boolean isClosed;

  private record Gone(BlobKey key, int first, int end) {}

  /**
   * Drops that are not told yet.
   *
   * @param isHere whether the store has a stripe whole by now
   */
  Drops(ClusterTracking tracking, int max, Predicate<StripeId> isHere) {
    this.tracking = tracking;
    this.isHere = isHere;
    this.waiting = new ArrayBlockingQueue<>(max);
    this.untoldMax = max;
    this.room = new Semaphore(max);
  }

  void start() {
    thread.start();
  }

  @Override
  public void onSealed(SealedInfo info) {
    // The flight tells.
  }

  @Override
  public void onGone(BlobKey key, boolean whole) {
    // As stripes.
  }

  @Override
  public void onDropped(BlobKey key, int first, int end) {
    if (end <= first || isClosed) {
      return;
    }
    queued.incrementAndGet();
    if (!waiting.offer(new Gone(key, first, end))) {
      queued.decrementAndGet();
      lost.add(end - first);
    }
  }

  /** Stripes told to a tracker, each tracker counted. */
  long told() {
    return told.sum();
  }

  /** Stripes that some tracker was not told. */
  long lost() {
    return lost.sum();
  }

  /** Whatever waits to be told; 0 when all is told or lost. */
  long untold() {
    return queued.get() + untoldMax - room.availablePermits();
  }

  @Override
  public void close() {
    isClosed = true;
    thread.interrupt();
  }

  private void run() {
    try {
      while (!isClosed) {
        Gone gone = waiting.take();
        say(gone);
        queued.decrementAndGet();
      }
    } catch (InterruptedException e) {
      log.debug("no more drops are told");
    }
  }

  private void say(Gone gone) throws InterruptedException {
    for (int each = gone.first; each < gone.end; each++) {
      StripeId stripe = new StripeId(gone.key, each);
      ClusterView view = tracking.view();
      if (view.peers().size() < 2) {
        return;
      }
      List<String> trackers = tracking.trackers(view, stripe);
      for (String tracker : trackers) {
        room.acquire();
        Dropped word = new Dropped(stripe);
        if (!tracking.reporter(tracker).add(word)) {
          word.answered(tracker, null, null);
        }
      }
    }
  }

  /** One stripe for one tracker. */
  private final class Dropped implements Word {
    private final StripeId stripe;
    private final AtomicBoolean isSaid = new AtomicBoolean();

    Dropped(StripeId stripe) {
      this.stripe = stripe;
    }

    @Override
    public StripeId stripe() {
      return stripe;
    }

    @Override
    public boolean isLast() {
      return true;
    }

    /**
     * Nothing where the tracker knows better by now: it was asked anew, or the stripe came back.
     */
    @Override
    public @Nullable StripeReport report(String tracker) {
      return tracking.hasPlace(stripe, tracker) || isHere.test(stripe)
          ? null
          : new StripeReport(stripe, Kind.LEFT, 0, -1, BlockDigests.NONE);
    }

    @Override
    public void answered(
        String tracker, @Nullable StripeReport report, @Nullable Standing standing) {
      if (!isSaid.compareAndSet(false, true)) {
        return;
      }
      if (standing != null) {
        told.increment();
      } else if (report != null) {
        lost.increment();
      }
      room.release();
    }
  }
}
