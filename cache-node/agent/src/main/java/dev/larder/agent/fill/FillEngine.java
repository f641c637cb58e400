package dev.larder.agent.fill;

import dev.larder.agent.fill.FillReader.ReadShape;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.Tracker;
import dev.larder.agent.tracker.TrackerDesk;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.BlobStore.StoreListener;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Fills blobs on this node: one flight a blob, within the node's bounds. Owns the threads and the
 * buffers; the store belongs to the caller and must be closed after this.
 *
 * <p><b>Threads:</b> any. The constructor starts nothing; {@link #start} does.
 */
public final class FillEngine implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(FillEngine.class);
  private static final long TICK_MILLIS = 250;
  private static final Duration CLOSE_WAIT = Duration.ofSeconds(20);

  private final FillConfig config;
  private final BlobStore store;
  private final Roots roots;
  private final FillCounters counters;
  private final BufferPool buffers;
  private final Suspects suspects;
  private final ConcurrentHashMap<BlobKey, BlobFill> blobs = new ConcurrentHashMap<>();
  private final ExecutorService transfers =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("fill-", 0).factory());
  private final ExecutorService hashers;
  private final ExecutorService sealers =
      Executors.newFixedThreadPool(2, Thread.ofPlatform().daemon().name("seal-", 0).factory());
  private final ScheduledExecutorService ticker =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("fill-ticker").factory());

  /** Flights that failed, or whose bytes were found wrong, while somebody still reads. */
  private final Set<BlobFill> replaced = ConcurrentHashMap.newKeySet();

  /** Guards {@code budget} and {@code waiting}; nothing else is called under it. */
  private final Object decisions = new Object();

  private final FillBudget budget;

  /** Who wants room, by the ordinal of the priority. */
  private final List<LinkedHashSet<BlobFill>> waiting = new ArrayList<>();

  private final Tracking tracking;
  private final Members members;

  private volatile long storeDownUntilNanos;
  private volatile boolean isStoreDown;
  private volatile boolean isClosed;
  private volatile @Nullable SmallFills smalls;

  /** An engine of a node alone; {@code roots} says what the coordinator knows. */
  public FillEngine(FillConfig config, BlobStore store, Roots roots, FillMeter meter) {
    this(
        config,
        store,
        roots,
        meter,
        new LocalTracking(
            new TrackerDesk(
                new Tracker(config.leaseDeadline(), config.trackedStripesMax()), System::nanoTime)),
        Members.NOBODY);
  }

  /** An engine over a store that takes what it can from other members. */
  public FillEngine(
      FillConfig config,
      BlobStore store,
      Roots roots,
      FillMeter meter,
      Tracking tracking,
      Members members) {
    this.tracking = tracking;
    this.members = members;
    this.counters = new FillCounters(meter);
    this.config = config;
    this.store = store;
    this.roots = roots;
    this.buffers = new BufferPool(FillConfig.PIECE_BYTES, config.buffersMaxBytes());
    this.suspects = new Suspects(config.blobsMax());
    this.budget = new FillBudget(config.parallelMax(), config.inflightMaxBytes());
    this.hashers =
        Executors.newFixedThreadPool(
            config.hashThreadsOrCores(), Thread.ofPlatform().daemon().name("hash-", 0).factory());
    for (FillPriority priority : FillPriority.values()) {
      waiting.add(priority.ordinal(), new LinkedHashSet<>());
    }
  }

  /** Starts looking after idle flights, and listens to the store. */
  public void start() {
    store.addListener(new Damage());
    ticker.scheduleWithFixedDelay(this::tick, TICK_MILLIS, TICK_MILLIS, TimeUnit.MILLISECONDS);
  }

  /**
   * A reader of a blob larger than 64 KiB; joins the flight that is under way or starts one.
   *
   * @throws LarderException TOO_MANY beyond {@code fill.blobs-max} flights; STORE_* when the store
   *     cannot open the fill, or members do not agree on its root: read past it
   */
  public FillReader open(FillSource source, ReadShape shape) {
    while (true) {
      checkUndisputed(source.key());
      if (isClosed) {
        throw new LarderException(ErrorCode.CLOSED, "the agent is shutting down");
      }
      BlobFill blob = blobs.get(source.key());
      if (blob == null) {
        if (blobs.size() >= config.blobsMax()) {
          makeRoom();
        }
        blob = blobs.computeIfAbsent(source.key(), any -> new BlobFill(this, source));
      }
      Optional<FillReader> reader;
      try {
        reader = blob.attach(source, shape);
      } catch (LarderException e) {
        blob.shutDown();
        blobs.remove(source.key(), blob);
        // It may have stood in the way of an earlier flight's end.
        closed(blob);
        storeFailed(e);
        throw e;
      }
      if (reader.isPresent()) {
        return reader.get();
      }
      forget(blob);
    }
  }

  /**
   * A reader for another member of a blob that is being filled; empty when there is no such flight.
   * It may make the flight fetch what is missing, but starts none.
   */
  public Optional<FillReader> join(BlobKey key) {
    BlobFill blob = blobs.get(key);
    return blob == null || isClosed || isDisputed(key) ? Optional.empty() : blob.join();
  }

  /** Whether members do not agree on a blob's root, so that it is to be read past the store. */
  boolean isDisputed(BlobKey key) {
    return roots.isDisputed(key);
  }

  /** Members do not agree on a blob's root: nothing that was told of it counts any more. */
  public void disputed(BlobKey key, long sizeBytes) {
    tracking.forget(key, sizeBytes);
  }

  void checkUndisputed(BlobKey key) {
    if (isDisputed(key)) {
      throw new LarderException(
          ErrorCode.STORE_CORRUPT,
          "members sealed different roots for "
              + key
              + "; it is read past the store until the"
              + " origin was read again");
    }
  }

  void smallsBy(SmallFills fills) {
    smalls = fills;
  }

  /**
   * The content of a small blob that is here or on its way, for another member; waits for it.
   *
   * @param nanosMax longest wait
   * @return empty when there is none
   */
  public Optional<ByteBuffer> small(BlobKey key, long nanosMax) {
    SmallFills fills = smalls;
    return fills == null || isClosed || isDisputed(key)
        ? Optional.empty()
        : fills.forMember(key, nanosMax);
  }

  /** Totals. */
  public FillCounters counters() {
    return counters;
  }

  /** Present figures by metric name, without prefix. */
  public Map<String, Long> gauges() {
    Map<String, Long> out = new LinkedHashMap<>();
    synchronized (decisions) {
      out.put("fills_in_flight", (long) blobs.size());
      out.put("runs_in_flight", (long) budget.runs());
      out.put("fill_inflight_bytes", budget.bytes());
    }
    out.put("fill_buffer_bytes", buffers.usedBytes());
    out.put("store_down", isStoreDown() ? 1L : 0L);
    out.putAll(tracking.gauges());
    return out;
  }

  /** Bytes of a blob present in the store, counting those of an unfinished fill. */
  public long presentBytes(BlobKey key) {
    return store.find(key).map(BlobStore.BlobInfo::presentBytes).orElse(0L);
  }

  /** Whether writes are held back after the store refused one; ends by itself. Any thread. */
  public boolean isStoreDown() {
    if (!isStoreDown) {
      return false;
    }
    if (System.nanoTime() - storeDownUntilNanos < 0) {
      return true;
    }
    isStoreDown = false;
    return false;
  }

  /** The store refused a write: read past it for a while. */
  public void storeFailed(LarderException failure) {
    counters.storeErrors.increment();
    if (!isStoreDown()) {
      log.warn("store refused code={}: {}; reading past it", failure.code(), failure.getMessage());
    }
    storeDownUntilNanos = System.nanoTime() + config.storeRetryAfter().toNanos();
    isStoreDown = true;
  }

  @Override
  public void close() {
    if (isClosed) {
      return;
    }
    isClosed = true;
    ticker.shutdownNow();
    blobs.values().forEach(BlobFill::shutDown);
    long deadline = System.nanoTime() + CLOSE_WAIT.toNanos();
    List<BlobFill> all = new ArrayList<>(blobs.values());
    all.addAll(replaced);
    for (BlobFill blob : all) {
      while (!blob.isQuiet() && System.nanoTime() < deadline) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
      }
      if (!blob.isQuiet()) {
        log.warn("fill did not end in time key={}", blob.key());
      }
      blob.closeNow();
    }
    blobs.clear();
    transfers.shutdownNow();
    sealers.shutdown();
    hashers.shutdown();
  }

  FillConfig config() {
    return config;
  }

  BlobStore store() {
    return store;
  }

  Roots roots() {
    return roots;
  }

  /** Whether stripes of a blob wanted whole come in an order of this node's own. */
  boolean hasOwnOrder(long sizeBytes) {
    return !members.isAlone() && Blocks.stripeCount(sizeBytes) > 1;
  }

  Tracking tracking() {
    return tracking;
  }

  Members members() {
    return members;
  }

  /** Digests of the blocks of a stripe that the store has. */
  BlockDigests presentDigests(StripeId stripe) {
    return presentDigests(store, stripe);
  }

  /** Digests of the blocks of a stripe that a store has. */
  public static BlockDigests presentDigests(BlobStore store, StripeId stripe) {
    return store
        .digests(stripe.key(), stripe.stripe())
        .map(known -> BlockDigests.ofPresent(known.blocks()))
        .orElse(BlockDigests.NONE);
  }

  /** Whether a store has a stripe whole. */
  public static boolean hasWholeStripe(BlobStore store, StripeId stripe) {
    Optional<BlobStore.BlobInfo> blob = store.find(stripe.key());
    if (blob.isEmpty()) {
      return false;
    }
    return blob.get().state() == BlobStore.State.SEALED
        || Long.bitCount(presentDigests(store, stripe).mask())
            == Blocks.blocksInStripe(blob.get().sizeBytes(), stripe.stripe());
  }

  Suspects suspects() {
    return suspects;
  }

  BufferPool buffers() {
    return buffers;
  }

  Executor hashThreads() {
    return hashers;
  }

  long nanoTime() {
    return System.nanoTime();
  }

  /** Takes room for a run, or remembers who wants it. */
  boolean tryStart(BlobFill blob, BlockRun run) {
    synchronized (decisions) {
      boolean isDemandWaiting = !waiting.get(FillPriority.DEMAND.ordinal()).isEmpty();
      boolean started = budget.tryStart(run.priority(), run.lengthBytes(), isDemandWaiting);
      if (!started) {
        waiting.get(run.priority().ordinal()).add(blob);
      }
      return started;
    }
  }

  /** A run is over; {@code endsLease} says that no other run of its stripe is at work. */
  void runEnded(RunTransfer transfer, boolean endsLease, long unstoredBytes) {
    synchronized (decisions) {
      budget.endRun(transfer.blockRun().priority());
      budget.endBytes(unstoredBytes);
    }
    if (endsLease) {
      transfer.share().idle();
    }
  }

  void bytesEnded(long bytes) {
    synchronized (decisions) {
      budget.endBytes(bytes);
    }
  }

  /** Lets those who waited for room try again, readers first; {@code also} is tried in any case. */
  void pumpWaiting(@Nullable BlobFill also) {
    List<BlobFill> turn = new ArrayList<>();
    synchronized (decisions) {
      for (LinkedHashSet<BlobFill> each : waiting) {
        turn.addAll(each);
        each.clear();
      }
    }
    turn.forEach(BlobFill::pump);
    if (also != null) {
      also.pump();
    }
  }

  void execute(RunTransfer transfer) {
    transfers.execute(transfer);
  }

  /** Threads for what the store calls back. */
  Executor callbacks() {
    return transfers;
  }

  void sealLater(BlobFill blob) {
    try {
      sealers.execute(blob::seal);
    } catch (RejectedExecutionException e) {
      throw new LarderException(ErrorCode.CLOSED, "the agent is shutting down", e);
    }
  }

  void sealed(SealedInfo info) {
    counters.sealedBlobs.increment();
    roots.sealed(info);
  }

  /**
   * Asks for the checksum beside the first bytes, so that it costs them nothing; under the blob's
   * lock. The blob is told in any case.
   */
  void askChecksum(BlobFill blob, FillSource source, ChecksumWatch checksum) {
    // A key that is the content's digest needs nobody else's word.
    if (source.sizeBytes() < config.checksumMinBytes()
        || source.key().kind() == BlobKey.Kind.SHA256) {
      return;
    }
    checksum.asked();
    try {
      transfers.execute(() -> {
        Optional<ContentChecksum> found = Optional.empty();
        try {
          found = source.origin().checksum(source.object());
        } catch (LarderException e) {
          log.warn("no checksum key={} code={}: {}", blob.key(), e.code(), e.getMessage());
        } catch (RuntimeException e) {
          log.error("asking for a checksum broke key={}", blob.key(), e);
        } finally {
          blob.checksumAnswered(found);
        }
      });
    } catch (RejectedExecutionException e) {
      log.debug("no checksum is asked for any more key={}", blob.key());
      blob.checksumAnswered(Optional.empty());
    }
  }

  /**
   * A flight is over, and with it this node's part in the blob, unless another flight took its
   * place: that one goes on with the same shares, whose leases must not be given back. Nobody takes
   * its place while this looks.
   */
  void closed(BlobFill over) {
    blobs.compute(
        over.key(),
        (key, now) -> {
          if (now == null || now == over) {
            tracking.closed(key);
          }
          return now;
        });
  }

  /** Ends a flight at once when it is over: what it has open cannot be evicted. */
  void forgetIfOver(BlobFill blob) {
    if (blob.tick(System.nanoTime(), config.lingerFor().toNanos())) {
      blobs.remove(blob.key(), blob);
      replaced.remove(blob);
    }
  }

  /**
   * The store is full: ends flights that nobody reads, so that their blobs may be evicted, and
   * waits up to {@code fill.linger} for those that are about to be final. Call it without a lock.
   */
  void endIdleFlights() {
    long deadline = System.nanoTime() + config.lingerFor().toNanos();
    boolean isAnyEnding = true;
    while (isAnyEnding) {
      long now = System.nanoTime();
      blobs.values().removeIf(blob -> blob.tick(now, 0));
      replaced.removeIf(blob -> blob.tick(now, 0));
      isAnyEnding =
          now - deadline < 0
              && (blobs.values().stream().anyMatch(BlobFill::isEnding)
                  || replaced.stream().anyMatch(BlobFill::isEnding));
      if (isAnyEnding) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
      }
    }
  }

  private void tick() {
    try {
      long now = System.nanoTime();
      long linger = config.lingerFor().toNanos();
      blobs.values().removeIf(blob -> blob.tick(now, linger));
      replaced.removeIf(blob -> blob.tick(now, linger));
      pumpWaiting(null);
    } catch (RuntimeException e) {
      log.error("looking after fills failed; going on", e);
    }
  }

  private void makeRoom() {
    for (BlobFill blob : blobs.values()) {
      if (blob.tick(System.nanoTime(), 0)) {
        blobs.remove(blob.key(), blob);
        return;
      }
    }
    throw new LarderException(
        ErrorCode.TOO_MANY, "fill.blobs-max: " + config.blobsMax() + " blobs are being filled");
  }

  private void forget(BlobFill blob) {
    if (blobs.remove(blob.key(), blob)) {
      replaced.add(blob);
    }
  }

  /** A flight knows its blocks to be right, and so would hand out a damaged file for ever. */
  private final class Damage implements StoreListener {
    @Override
    public void onSealed(SealedInfo info) {
      // The flight sealed it.
    }

    @Override
    public void onGone(BlobKey key, boolean whole) {
      // What was evicted is right, and readers may go on with it.
    }

    @Override
    public void onWrong(BlobKey key) {
      SmallFills fills = smalls;
      if (fills != null) {
        fills.foundWrong(key);
      }
      BlobFill blob = blobs.get(key);
      if (blob != null) {
        blob.foundWrong();
        suspects.note(key, blob.beliefs().hearsay());
        forget(blob);
      }
    }
  }
}
