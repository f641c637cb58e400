package dev.larder.agent.fill;

import dev.larder.agent.fill.FillReader.ReadShape;
import dev.larder.agent.tracker.StripeId;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore.Fill;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The single flight of one blob on this node: all its readers, the runs that bring it in, and what
 * is present. A block is fetched by at most one run at a time, and readers take its bytes as they
 * come.
 *
 * <p><b>Threads:</b> any.
 */
final class BlobFill {
  /*
   * Concurrency. `lock` guards every field that is not final or volatile. Transfers publish their
   * watermark without it and take it only while a reader waits (`awaited`): a reader counts itself as
   * waiting before it looks at the watermark for the last time, so a signal cannot be missed.
   *
   * Blocks. Only bytes of blocks this process hashed, on the way in or from disk, and bytes below a
   * watermark are handed out. A block the store has, and this process has not hashed, is hashed first.
   *
   * Failure. A run that failed leaves a note with a number; a reader that waited since before the note
   * and needs one of its blocks gets the fault, a later reader starts a new run.
   */
  private static final Logger log = LoggerFactory.getLogger(BlobFill.class);

  private final FillEngine engine;
  private final BlobKey key;
  private final long sizeBytes;
  private final ReentrantLock lock;

  /**
   * Held around each write: the kernel writes a file for one thread at a time, and the others would
   * spin there instead of receiving and hashing.
   */
  private final ReentrantLock writing = new ReentrantLock();

  private final Condition changed;
  private final BlobPlan plan;
  private final Beliefs beliefs;
  private final ParentRates rates = new ParentRates();
  private final BlobReading reading;
  private final BlockTable blocks;
  private final ChecksumWatch checksum;
  private final ActiveRuns runs;
  private final FailureLog failures;
  private final AtomicInteger awaited;

  /** Set once under the lock; closed once, when no reader and no run is left. */
  private volatile @Nullable Fill fill;

  /**
   * Whether the store set the blob aside. Not under the lock: who tells holds the store's, and this
   * class takes the store's under its own.
   */
  private volatile boolean isWrong;

  private FillSource source;
  private State state = State.NEW;
  private @Nullable LarderException fault;
  private long lastReader;
  private int readers;
  private int commits;
  private long idleSinceNanos;
  private long drops;
  private boolean isSealing;
  private boolean isSealed;

  private enum State {
    NEW,
    OPEN,
    CLOSED
  }

  BlobFill(FillEngine engine, FillSource source) {
    this.engine = engine;
    this.source = source;
    this.key = source.key();
    this.sizeBytes = source.sizeBytes();
    FillConfig config = engine.config();
    this.plan =
        new BlobPlan(
            sizeBytes,
            (int) (config.runMaxBytes() / Blocks.BLOCK_BYTES),
            config.blobParallelMax(),
            engine.members().spread(key));
    BlobShared shared = BlobShared.of(key, sizeBytes, plan, config);
    this.lock = shared.lock();
    this.changed = shared.changed();
    this.blocks = shared.blocks();
    this.runs = shared.runs();
    this.failures = shared.failures();
    this.checksum = shared.checksum();
    this.awaited = shared.awaited();
    this.beliefs = new Beliefs(engine, key, sizeBytes);
    this.reading = new BlobReading(this, engine, source, shared);
    this.idleSinceNanos = engine.nanoTime();
  }

  BlobKey key() {
    return key;
  }

  /** A new reader, or empty when this flight is over and another one must be started. */
  Optional<FillReader> attach(FillSource from, ReadShape shape) {
    lock.lock();
    try {
      if (state == State.CLOSED || fault != null || isWrong) {
        return Optional.empty();
      }
      if (state == State.NEW) {
        fill = engine.store().openFill(key, sizeBytes);
        state = State.OPEN;
        isSealed = fill.isSealed();
        if (!isSealed) {
          engine.askChecksum(this, from, checksum);
        }
      }
      source = from;
      readers++;
      return Optional.of(new FillReader(this, ++lastReader, shape, blocks.filledHere()));
    } finally {
      lock.unlock();
    }
  }

  /** A reader for another member, which may want more of this flight but not start one. */
  Optional<FillReader> join() {
    lock.lock();
    try {
      if (state != State.OPEN || fault != null || isWrong) {
        return Optional.empty();
      }
      readers++;
      return Optional.of(
          new FillReader(this, ++lastReader, ReadShape.RANDOM, blocks.filledHere(), true));
    } finally {
      lock.unlock();
    }
  }

  void detach(FillReader reader) {
    lock.lock();
    try {
      plan.leave(reader.id());
      blocks.left(reader.id());
      readers--;
      idleSinceNanos = engine.nanoTime();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    engine.forgetIfOver(this);
  }

  /** See {@link FillReader#next}. */
  Found next(FillReader reader, long offset, long lengthMax) {
    return reading.next(reader, offset, lengthMax);
  }

  /** Under the lock: whether the blob is final. */
  boolean isSealed() {
    return isSealed;
  }

  void awaitComplete(FillReader reader) {
    lock.lock();
    try {
      long since = failures.now();
      while (!isSealed) {
        checkUsable(reader);
        LarderException failure = failures.since(since, 0, Long.MAX_VALUE);
        if (failure != null) {
          throw failure;
        }
        if (engine.isStoreDown()) {
          throw new LarderException(ErrorCode.STORE_FULL, "the store takes no writes now");
        }
        plan.want(
            reader.id(),
            new BlobPlan.Want(0, sizeBytes, reader.isWarm(), engine.hasOwnOrder(sizeBytes)));
        sealIfComplete();
        pump();
        reading.awaitChange(BlobReading.LOOK_AGAIN_NANOS);
      }
    } finally {
      lock.unlock();
    }
  }

  long presentBytes() {
    lock.lock();
    try {
      Fill opened = fill;
      if (opened == null) {
        return 0;
      }
      return blocks.presentBytes(opened);
    } finally {
      lock.unlock();
    }
  }

  ParentRates rates() {
    return rates;
  }

  Beliefs beliefs() {
    return beliefs;
  }

  ReentrantLock writing() {
    return writing;
  }

  /** Whether a reader waits, so that bytes should go out early. Any thread. */
  boolean isAwaited() {
    return awaited.get() > 0;
  }

  /** A transfer's watermark moved. */
  void signalProgress() {
    if (isAwaited()) {
      lock.lock();
      try {
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  /** The origin was asked for its checksum; empty where it has none or did not say. */
  void checksumAnswered(Optional<ContentChecksum> found) {
    lock.lock();
    try {
      checksum.answered(found);
      sealIfComplete();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** The origin's checksum of the whole content is known. */
  void checksumKnown(ContentChecksum known) {
    checksum.known(known);
  }

  /** A transfer is over; {@code digests} are those of the whole blocks it brought in. */
  void runEnded(RunTransfer transfer, List<Digest> digests, @Nullable LarderException failure) {
    BlockRun run = transfer.blockRun();
    beliefs.came(run.firstBlock(), digests);
    LarderException fault = failure;
    CompletableFuture<Void> commit = null;
    if (!digests.isEmpty()) {
      try {
        commit = openFill().complete(run.firstBlock(), digests);
      } catch (RuntimeException e) {
        fault = Faults.of(e);
      }
    }
    boolean endsLease;
    int stored = commit == null ? 0 : digests.size();
    long storedBytes =
        stored == 0
            ? 0
            : BlockRun.of(sizeBytes, run.firstBlock(), stored, run.priority()).lengthBytes();
    if (fault != null && fault.code() == ErrorCode.CANCELLED) {
      engine.counters().cancelledRuns.increment();
    }
    lock.lock();
    try {
      runs.remove(transfer);
      if (commit != null) {
        long peer = blocks.filled(run.firstBlock(), stored, transfer::isFromPeer);
        engine.counters().peerKeptBytes.add(peer);
        commits++;
      }
      if (fault != null && fault.code() == ErrorCode.STORE_FULL && isHelped(transfer, fault)) {
        fault = null;
      }
      if (fault != null && fault.code() != ErrorCode.CANCELLED) {
        pauseAhead(run);
        count(fault, run);
        failures.note(transfer.begun(), run.firstBlock() + stored, run.endBlock(), fault);
      }
      endsLease = !plan.isAtWork(run.stripe());
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    engine.runEnded(transfer, endsLease, run.lengthBytes() - storedBytes);
    if (commit != null) {
      // Not on the store's thread: it must never wait for our lock.
      commit.whenCompleteAsync(
          (done, error) -> committed(run, stored, storedBytes, error), engine.callbacks());
    }
    engine.pumpWaiting(this);
  }

  private void committed(BlockRun run, int stored, long bytes, @Nullable Throwable error) {
    engine.bytesEnded(bytes);
    boolean isStripeWhole = false;
    lock.lock();
    try {
      commits--;
      isStripeWhole = error == null && isWhole(run.stripe());
      if (error != null) {
        LarderException fault = Faults.of(error);
        count(fault, run);
        blocks.lost(run.firstBlock(), stored);
        plan.lost(run.firstBlock());
        failures.note(run.firstBlock(), run.firstBlock() + stored, fault);
      }
      sealIfComplete();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    if (isStripeWhole) {
      StripeId stripe = new StripeId(key, run.stripe());
      engine.tracking().completed(stripe, () -> engine.presentDigests(stripe));
    }
    engine.pumpWaiting(null);
  }

  private boolean isWhole(int stripe) {
    Fill opened = fill;
    return opened != null && !plan.isAtWork(stripe) && blocks.isWhole(opened, stripe);
  }

  /** Starts what the plan says, as far as the node's budget goes. */
  void pump() {
    lock.lock();
    try {
      Fill opened = fill;
      while (opened != null && isUsable() && !engine.isStoreDown()) {
        Optional<BlockRun> next = plan.next(block -> blocks.isHere(opened, block));
        if (next.isEmpty()
            || runs.isPaused(next.get(), engine.nanoTime())
            || !engine.tryStart(this, next.get())) {
          return;
        }
        start(next.get(), opened);
      }
    } finally {
      lock.unlock();
    }
  }

  private boolean isUsable() {
    return state == State.OPEN && fault == null && !isWrong;
  }

  private void start(BlockRun run, Fill opened) {
    RunTransfer transfer =
        new RunTransfer(
            this,
            engine,
            run,
            source,
            opened,
            engine.tracking().share(new StripeId(key, run.stripe())),
            new RunTransfer.Begun(failures.begin(), drops, wantedBytes(run, opened)));
    runs.add(transfer);
    engine.execute(transfer);
  }

  /** What will be fetched after a run, as far as the store makes room ahead. */
  private long wantedBytes(BlockRun run, Fill opened) {
    long all = plan.wantedBytes(block -> blocks.isHere(opened, block), FillConfig.AHEAD_BLOCKS);
    return all - run.lengthBytes();
  }

  /** Ends what nobody wants; answers whether this flight is over and may be forgotten. */
  boolean tick(long nowNanos, long lingerNanos) {
    lock.lock();
    try {
      runs.cancelUnwanted(nowNanos, lingerNanos);
      sealIfComplete();
      boolean isQuiet = readers == 0 && runs.isEmpty() && commits == 0 && !isSealing;
      boolean isHeld = lingerNanos > 0 && checksum.isHolding(nowNanos);
      boolean isIdle = nowNanos - idleSinceNanos > lingerNanos && !isHeld;
      boolean isOver = isSealed || fault != null || isWrong || isIdle;
      if (!isQuiet || !isOver || state == State.CLOSED) {
        return state == State.CLOSED;
      }
      state = State.CLOSED;
    } finally {
      lock.unlock();
    }
    closeFill();
    return true;
  }

  /** Whether nobody reads it and it is about to be final, or its last bytes to be stored. */
  boolean isEnding() {
    lock.lock();
    try {
      return state == State.OPEN && readers == 0 && (isSealing || commits > 0);
    } finally {
      lock.unlock();
    }
  }

  /** Ends everything: readers get CLOSED. The store's fill is closed once the last run is over. */
  void shutDown() {
    lock.lock();
    try {
      if (fault == null) {
        fault = new LarderException(ErrorCode.CLOSED, "the agent is shutting down");
      }
      runs.cancelAll();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  boolean isQuiet() {
    lock.lock();
    try {
      return runs.isEmpty() && commits == 0 && !isSealing;
    } finally {
      lock.unlock();
    }
  }

  /** Drops the store's fill, whoever reads; only after {@link #shutDown} and the last run. */
  void closeNow() {
    lock.lock();
    try {
      state = State.CLOSED;
    } finally {
      lock.unlock();
    }
    closeFill();
  }

  private void closeFill() {
    Fill toClose = fill;
    fill = null;
    if (toClose != null) {
      toClose.close();
      engine.closed(this);
    }
  }

  /** Runs on a sealing thread. */
  void seal() {
    Sealing.Outcome outcome = Sealing.seal(engine, this::openFill, checksum, beliefs.hearsay());
    lock.lock();
    try {
      isSealing = false;
      isSealed = outcome.sealed().isPresent();
      changed.signalAll();
      outcome.failure().ifPresent(this::sealFailed);
    } finally {
      lock.unlock();
    }
    beliefs.ended(outcome.sealed().isPresent());
    if (outcome.sealed().isPresent()) {
      engine.sealed(outcome.sealed().get());
      engine.forgetIfOver(this);
    }
  }

  private void sealFailed(LarderException failure) {
    log.warn("seal failed key={} code={}: {}", key, failure.code(), failure.getMessage());
    switch (failure.code()) {
      case ORIGIN_CORRUPT -> {
        blocks.lostAll();
        if (beliefs.hearsay().isEmpty()) {
          engine.counters().originWasWrong();
          fault = failure;
        }
      }
      case INTERNAL -> fault = failure;
      case UNKNOWN_BLOB, STORE_CORRUPT -> {
        blocks.lostAll();
        plan.lost(0);
      }
      default -> engine.storeFailed(failure);
    }
  }

  /** Under the lock. */
  void sealIfComplete() {
    Fill opened = fill;
    if (opened != null
        && !isSealing
        && !isSealed
        && fault == null
        && commits == 0
        && runs.isEmpty()
        && !engine.isStoreDown()
        && opened.isComplete()
        && !checksum.isAwaited(engine.nanoTime())) {
      engine.sealLater(this);
      isSealing = true;
    }
  }

  /** Under the lock: throws when the reader cannot go on. */
  void checkUsable(FillReader reader) {
    if (reader.isClosed()) {
      throw new LarderException(ErrorCode.CANCELLED, "the read was closed");
    }
    if (fault != null) {
      throw Faults.again(fault);
    }
    if (isWrong) {
      throw Faults.setAside(key, reader.hasHearsay() && !isSealed);
    }
  }

  /** The bytes it has were found wrong: no reader gets any more of them. Never waits. */
  void foundWrong() {
    isWrong = true;
  }

  /** The store's fill; CLOSED when it is no more. */
  Fill openFill() {
    Fill opened = fill;
    if (opened == null) {
      throw new LarderException(ErrorCode.CLOSED, "the fill of " + key + " is closed");
    }
    return opened;
  }

  /** Whether a run the store had no room for needs no one's attention. */
  private boolean isHelped(RunTransfer transfer, LarderException fault) {
    if (drops != transfer.dropsBefore() || blocks.isDroppingAny() || dropUnwanted()) {
      return true;
    }
    BlockRun run = transfer.blockRun();
    if (run.priority() == FillPriority.DEMAND) {
      return false;
    }
    pauseAhead(run);
    if (run.priority() == FillPriority.WARM) {
      failures.note(run.firstBlock(), run.endBlock(), fault);
    }
    return true;
  }

  private void pauseAhead(BlockRun run) {
    runs.pauseAhead(run, engine.nanoTime() + engine.config().storeRetryAfter().toNanos());
  }

  /**
   * Makes room in a store that holds nothing else to evict: a blob larger than the budget is read
   * through stripe by stripe, and those that no reader wants or still sends go first. Gives the
   * lock up meanwhile: the store waits for its commits.
   */
  private boolean dropUnwanted() {
    List<Integer> victims = blocks.droppable(plan);
    blocks.dropBegins(victims);
    boolean isRoomMade = false;
    Fill opened = openFill();
    lock.unlock();
    try {
      for (int stripe : victims) {
        isRoomMade |= opened.drop(stripe);
      }
    } finally {
      lock.lock();
      drops++;
      blocks.dropEnded(victims);
      victims.forEach(stripe -> plan.lost((long) stripe * Blocks.STRIPE_BLOCKS));
    }
    return isRoomMade;
  }

  private void count(LarderException failure, BlockRun run) {
    if (Faults.isOfStore(failure)) {
      engine.storeFailed(failure);
    } else {
      log.warn(
          "run failed key={} run={} code={}: {}", key, run, failure.code(), failure.getMessage());
    }
  }
}
