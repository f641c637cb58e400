package dev.larder.agent.fill;

import dev.larder.agent.fill.FillReader.ReadShape;
import dev.larder.agent.tracker.Assignment;
import dev.larder.agent.tracker.StripeId;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore.Fill;
import dev.larder.store.BlobStore.SealedInfo;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
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
   * Blocks. `known` holds the blocks whose bytes this process hashed, on the way in or from disk; only
   * they and what lies below a watermark are handed out. `filledHere` holds those that came from a
   * source since the fill was opened. A block the store has, and this process has not hashed, is
   * hashed first.
   *
   * Failure. A run that failed leaves a note with a number; a reader that waited since before the note
   * and needs one of its blocks gets the fault, a later reader starts a new run.
   */
  private static final Logger log = LoggerFactory.getLogger(BlobFill.class);
  private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  /** A run may hold bytes back so long before the reader fetches them itself; doubled each time. */
  private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private static final int SPAN_BLOCKS_MAX = 64;

  private final FillEngine engine;
  private final BlobKey key;
  private final long sizeBytes;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final BlobPlan plan;
  private final ReadAhead readAhead;
  private final BlockSet known = new BlockSet();
  private final BlockSet filledHere = new BlockSet();
  private final Map<Long, RunTransfer> transfers = new HashMap<>();
  private final Map<Long, Long> unwantedSince = new HashMap<>();
  private final Map<Long, Sending> sending = new HashMap<>();

  /** Stripes that are being dropped: neither here nor to be fetched yet. */
  private final Set<Integer> dropping = new HashSet<>();

  private final FailureLog failures = new FailureLog();
  private final CompletableFuture<ContentChecksum> checksum = new CompletableFuture<>();
  private volatile boolean isChecksumPending;
  private final AtomicInteger awaited = new AtomicInteger();

  /** Written under the lock; closed only when no reader and no run is left. */
  private volatile @Nullable Fill fill;

  private FillSource source;
  private State state = State.NEW;
  private @Nullable LarderException fault;
  private long lastReader;
  private int readers;
  private int commits;
  private long idleSinceNanos;
  private long drops;
  private boolean isAheadPaused;
  private long aheadPausedUntilNanos;
  private boolean isSealing;
  private boolean isSealed;

  private enum State {
    NEW,
    OPEN,
    CLOSED
  }

  /** What a reader was handed last and may still be sending. */
  private record Sending(long offset, long end) {
    boolean overlaps(BlockRun run) {
      return offset < run.endBytes() && run.offsetBytes() < end;
    }
  }

  BlobFill(FillEngine engine, FillSource source) {
    this.engine = engine;
    this.source = source;
    this.key = source.key();
    this.sizeBytes = source.sizeBytes();
    FillConfig config = engine.config();
    this.plan =
        new BlobPlan(
            sizeBytes, (int) (config.runMaxBytes() / Blocks.BLOCK_BYTES), config.blobParallelMax());
    this.readAhead = new ReadAhead(sizeBytes, config.readAheadMaxBytes(), config.streamsMax());
    this.idleSinceNanos = engine.nanoTime();
  }

  BlobKey key() {
    return key;
  }

  /** A new reader, or empty when this flight is over and another one must be started. */
  Optional<FillReader> attach(FillSource from, ReadShape shape) {
    lock.lock();
    try {
      if (state == State.CLOSED || fault != null) {
        return Optional.empty();
      }
      if (state == State.NEW) {
        fill = engine.store().openFill(key, sizeBytes);
        state = State.OPEN;
        isSealed = fill.isSealed();
        engine.askChecksum(this, from);
      }
      source = from;
      readers++;
      return Optional.of(new FillReader(this, ++lastReader, shape, filledHere.copy()));
    } finally {
      lock.unlock();
    }
  }

  void detach(FillReader reader) {
    lock.lock();
    try {
      plan.leave(reader.id());
      sending.remove(reader.id());
      readers--;
      idleSinceNanos = engine.nanoTime();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  Found next(FillReader reader, long offset, long lengthMax) {
    long block = Blocks.blockAt(offset);
    lock.lock();
    try {
      long failuresSeen = failures.last();
      long patience = PATIENCE_NANOS;
      while (true) {
        checkUsable(reader);
        Found.Bytes found = look(reader, offset, lengthMax);
        if (found != null) {
          sending.put(reader.id(), new Sending(found.offset(), found.offset() + found.length()));
          return found;
        }
        if (isUnproved(block)) {
          prove(block);
          continue;
        }
        LarderException failure = failures.since(failuresSeen, block, block + 1);
        if (failure != null && !Faults.isOfStore(failure)) {
          throw failure;
        }
        if (failure != null || engine.isStoreDown()) {
          plan.leave(reader.id());
          return new Found.PastStore();
        }
        want(reader, offset, lengthMax);
        pump();
        await(reader, offset, patience);
        patience = Math.min(2 * patience, LOOK_AGAIN_NANOS);
      }
    } finally {
      lock.unlock();
    }
  }

  void awaitComplete(FillReader reader) {
    lock.lock();
    try {
      long failuresSeen = failures.last();
      while (!isSealed) {
        checkUsable(reader);
        LarderException failure = failures.since(failuresSeen, 0, Long.MAX_VALUE);
        if (failure != null) {
          throw failure;
        }
        if (engine.isStoreDown()) {
          throw new LarderException(ErrorCode.STORE_FULL, "the store takes no writes now");
        }
        plan.want(reader.id(), new BlobPlan.Want(0, sizeBytes, reader.isWarm()));
        sealIfComplete();
        pump();
        awaitChange(LOOK_AGAIN_NANOS);
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
      long bytes = 0;
      for (long block = 0; block < Blocks.blockCount(sizeBytes); block++) {
        bytes += isHere(opened, block) ? Blocks.blockLength(sizeBytes, block) : 0;
      }
      return bytes;
    } finally {
      lock.unlock();
    }
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

  /** The origin is being asked for its checksum, or was. */
  void checksumPending(boolean pending) {
    isChecksumPending = pending;
    if (!pending) {
      signalProgress();
    }
  }

  /** The origin's checksum of the whole content is known. */
  void checksumKnown(ContentChecksum known) {
    checksum.complete(known);
  }

  /** A transfer is over; {@code digests} are those of the whole blocks it brought in. */
  void runEnded(RunTransfer transfer, List<Digest> digests, @Nullable LarderException failure) {
    BlockRun run = transfer.blockRun();
    LarderException fault = failure;
    CompletableFuture<Void> commit = null;
    if (!digests.isEmpty()) {
      try {
        commit = openFill().complete(run.firstBlock(), digests);
      } catch (LarderException e) {
        fault = e;
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
      plan.ended(run);
      transfers.remove(run.firstBlock());
      unwantedSince.remove(run.firstBlock());
      if (commit != null) {
        known.add(run.firstBlock(), stored);
        filledHere.add(run.firstBlock(), stored);
        commits++;
      }
      if (fault != null && fault.code() == ErrorCode.STORE_FULL && isHelped(transfer)) {
        fault = null;
      }
      if (fault != null && fault.code() != ErrorCode.CANCELLED) {
        pauseAhead(run);
        count(fault, run);
        failures.note(run.firstBlock() + stored, run.endBlock(), fault);
      }
      endsLease =
          transfers.values().stream().noneMatch(other -> other.blockRun().stripe() == run.stripe());
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
    lock.lock();
    try {
      commits--;
      if (error != null) {
        LarderException fault = Faults.of(error);
        count(fault, run);
        known.remove(run.firstBlock(), stored);
        filledHere.remove(run.firstBlock(), stored);
        plan.lost(run.firstBlock());
        failures.note(run.firstBlock(), run.firstBlock() + stored, fault);
      }
      sealIfComplete();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    engine.pumpWaiting(null);
  }

  /** Starts what the plan says, as far as the node's budget goes. */
  void pump() {
    lock.lock();
    try {
      Fill opened = fill;
      while (opened != null && state == State.OPEN && fault == null && !engine.isStoreDown()) {
        Optional<BlockRun> next = plan.next(block -> isHere(opened, block));
        if (next.isEmpty() || isPaused(next.get()) || !engine.tryStart(this, next.get())) {
          return;
        }
        start(next.get(), opened);
      }
    } finally {
      lock.unlock();
    }
  }

  private void start(BlockRun run, Fill opened) {
    long lease =
        switch (engine.ask(new StripeId(key, run.stripe()))) {
          case Assignment.Lease granted -> granted.lease();
          case Assignment.Untracked untracked -> 0;
          // There are no other members yet; were there one, it would be asked instead.
          case Assignment.Parent parent -> throw new IllegalStateException("sent to " + parent);
        };
    plan.started(run);
    RunTransfer transfer = new RunTransfer(this, engine, run, source, opened, lease, drops);
    transfers.put(run.firstBlock(), transfer);
    engine.execute(transfer);
  }

  /** Ends what nobody wants; answers whether this flight is over and may be forgotten. */
  boolean tick(long nowNanos, long lingerNanos) {
    Fill toClose = null;
    lock.lock();
    try {
      for (RunTransfer transfer : transfers.values()) {
        BlockRun run = transfer.blockRun();
        if (plan.isWanted(run)) {
          unwantedSince.remove(run.firstBlock());
        } else if (nowNanos - unwantedSince.computeIfAbsent(run.firstBlock(), any -> nowNanos)
            > lingerNanos) {
          transfer.cancel();
        }
      }
      if (!isSealing && !isSealed) {
        sealIfComplete();
      }
      boolean isQuiet = readers == 0 && transfers.isEmpty() && commits == 0 && !isSealing;
      boolean isOver = isSealed || fault != null || nowNanos - idleSinceNanos > lingerNanos;
      if (!isQuiet || !isOver || state == State.CLOSED) {
        return state == State.CLOSED;
      }
      state = State.CLOSED;
      toClose = fill;
      fill = null;
    } finally {
      lock.unlock();
    }
    if (toClose != null) {
      toClose.close();
    }
    return true;
  }

  /** Ends everything: readers get CLOSED. The store's fill is closed once the last run is over. */
  void shutDown() {
    lock.lock();
    try {
      if (fault == null) {
        fault = new LarderException(ErrorCode.CLOSED, "the agent is shutting down");
      }
      transfers.values().forEach(RunTransfer::cancel);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  boolean isQuiet() {
    lock.lock();
    try {
      return transfers.isEmpty() && commits == 0 && !isSealing;
    } finally {
      lock.unlock();
    }
  }

  /** Drops the store's fill, whoever reads; only after {@link #shutDown} and the last run. */
  void closeNow() {
    Fill toClose;
    lock.lock();
    try {
      state = State.CLOSED;
      toClose = fill;
      fill = null;
    } finally {
      lock.unlock();
    }
    if (toClose != null) {
      toClose.close();
    }
  }

  /** Runs on a sealing thread. */
  void seal() {
    LarderException failure = null;
    Optional<SealedInfo> sealed = Optional.empty();
    try {
      Optional<Digest> root = engine.roots().expected(key);
      Optional<ContentChecksum> sum = checksumNow();
      sealed = Optional.of(openFill().seal(Trust.ATTESTED, root, sum));
    } catch (LarderException e) {
      failure = e;
    }
    lock.lock();
    try {
      isSealing = false;
      isSealed = sealed.isPresent();
      if (failure != null) {
        sealFailed(failure);
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    sealed.ifPresent(engine::sealed);
  }

  private void sealFailed(LarderException failure) {
    log.warn("seal failed key={} code={}: {}", key, failure.code(), failure.getMessage());
    switch (failure.code()) {
      case ORIGIN_CORRUPT -> {
        engine.counters().originWasWrong();
        known.clear();
        fault = failure;
      }
      case UNKNOWN_BLOB, STORE_CORRUPT -> {
        known.clear();
        plan.lost(0);
      }
      default -> engine.storeFailed(failure);
    }
  }

  private Optional<ContentChecksum> checksumNow() {
    return checksum.isDone() && !checksum.isCompletedExceptionally()
        ? Optional.of(checksum.join())
        : Optional.empty();
  }

  private void sealIfComplete() {
    Fill opened = fill;
    if (opened != null
        && !isSealing
        && !isSealed
        && fault == null
        && commits == 0
        && transfers.isEmpty()
        && !engine.isStoreDown()
        && opened.isComplete()) {
      isSealing = true;
      engine.sealLater(this);
    }
  }

  private Found.@Nullable Bytes look(FillReader reader, long offset, long lengthMax) {
    long block = Blocks.blockAt(offset);
    Fill opened = openFill();
    if (known.has(block)) {
      long end = Blocks.blockOffset(block + known.countFrom(block, SPAN_BLOCKS_MAX));
      boolean wasLocal = !filledHere.has(block) || reader.wasFilledBefore(block);
      long length = Math.min(lengthMax, Math.min(end, sizeBytes) - offset);
      if (mustHoldBack(reader, offset, length)) {
        return heldBack(reader, opened, offset, length, wasLocal);
      }
      want(reader, offset, lengthMax);
      pump();
      return new Found.Bytes(opened.channel(), offset, length, wasLocal);
    }
    RunTransfer transfer = transferOf(block);
    if (transfer == null || transfer.watermark() <= offset) {
      return null;
    }
    want(reader, offset, lengthMax);
    pump();
    long length = Math.min(lengthMax, transfer.watermark() - offset);
    if (mustHoldBack(reader, offset, length)) {
      return heldBack(reader, opened, offset, length, false);
    }
    return new Found.Bytes(opened.channel(), offset, length, false);
  }

  /**
   * Whoever read a blob from its start gets its last byte only when the checksum the origin
   * published was found right: so a transfer of wrong bytes fails instead of ending well.
   */
  private boolean mustHoldBack(FillReader reader, long offset, long length) {
    return offset + length == sizeBytes
        && !isSealed
        && reader.handedTo() >= offset
        && (isChecksumPending || checksum.isDone() || key.kind() == BlobKey.Kind.SHA256)
        && !engine.isStoreDown();
  }

  private Found.@Nullable Bytes heldBack(
      FillReader reader, Fill opened, long offset, long length, boolean wasLocal) {
    if (length > 1) {
      return new Found.Bytes(opened.channel(), offset, length - 1, wasLocal);
    }
    sealIfComplete();
    return null;
  }

  private void want(FillReader reader, long offset, long lengthMax) {
    long end =
        reader.wantsAll()
            ? sizeBytes
            : readAhead.aheadEnd(offset, lengthMax, reader.isSequential());
    plan.want(reader.id(), new BlobPlan.Want(offset, end, reader.isWarm()));
  }

  /** Present in the store, but not hashed by this process. */
  private boolean isUnproved(long block) {
    return !known.has(block)
        && !dropping.contains(Blocks.stripeOfBlock(block))
        && transferOf(block) == null
        && openFill().isPresent(block);
  }

  /** Hashes a block from disk, with the lock given up meanwhile. */
  private void prove(long block) {
    Fill opened = openFill();
    LarderException failure = null;
    lock.unlock();
    try {
      opened.verify(Blocks.blockOffset(block), Blocks.blockLength(sizeBytes, block));
    } catch (LarderException e) {
      failure = e;
    } finally {
      lock.lock();
    }
    if (failure == null) {
      if (!dropping.contains(Blocks.stripeOfBlock(block))) {
        known.add(block, 1);
      }
      return;
    }
    plan.lost(block);
    if (failure.code() == ErrorCode.STORE_CORRUPT || failure.code() == ErrorCode.UNKNOWN_BLOB) {
      engine.counters().diskWasWrong();
      log.warn("damaged block dropped key={} block={}", key, block);
    } else {
      failures.note(block, block + 1, failure);
      engine.storeFailed(failure);
    }
  }

  /** Waits for a change; while a run is at work, looks soon for bytes it holds back. */
  private void await(FillReader reader, long offset, long nanosMax) {
    awaited.incrementAndGet();
    try {
      RunTransfer transfer = transferOf(Blocks.blockAt(offset));
      if (transfer == null) {
        awaitChange(LOOK_AGAIN_NANOS);
      } else if (transfer.watermark() <= offset) {
        awaitChange(nanosMax);
        flushHeld(transfer, offset);
      } else if (mustHoldBack(reader, offset, sizeBytes - offset)) {
        awaitChange(LOOK_AGAIN_NANOS);
      }
    } finally {
      awaited.decrementAndGet();
    }
  }

  private void flushHeld(RunTransfer transfer, long offset) {
    if (transfer.watermark() > offset || transferOf(Blocks.blockAt(offset)) != transfer) {
      return;
    }
    lock.unlock();
    try {
      transfer.flushHeld();
    } catch (LarderException e) {
      log.debug("left to the run's own thread code={}", e.code());
    } finally {
      lock.lock();
    }
  }

  private void awaitChange(long nanosMax) {
    try {
      // A lost wake-up would be a defect; looking again keeps it from becoming a hang.
      if (changed.awaitNanos(nanosMax) <= 0 && nanosMax == LOOK_AGAIN_NANOS) {
        log.debug("still waiting key={} runs={}", key, transfers.size());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted while waiting for " + key, e);
    }
  }

  private void checkUsable(FillReader reader) {
    if (reader.isClosed()) {
      throw new LarderException(ErrorCode.CANCELLED, "the read was closed");
    }
    if (fault != null) {
      throw Faults.again(fault);
    }
  }

  private @Nullable RunTransfer transferOf(long block) {
    return plan.runOf(block).map(run -> transfers.get(run.firstBlock())).orElse(null);
  }

  private boolean isHere(Fill opened, long block) {
    return known.has(block)
        || dropping.contains(Blocks.stripeOfBlock(block))
        || opened.isPresent(block);
  }

  private Fill openFill() {
    Fill opened = fill;
    if (opened == null) {
      throw new LarderException(ErrorCode.CLOSED, "the fill of " + key + " is closed");
    }
    return opened;
  }

  /** Whether a run the store had no room for needs no one's attention. */
  private boolean isHelped(RunTransfer transfer) {
    if (drops != transfer.dropsBefore() || !dropping.isEmpty() || dropUnwanted()) {
      return true;
    }
    pauseAhead(transfer.blockRun());
    return transfer.blockRun().priority() != FillPriority.DEMAND;
  }

  /** What nobody waits for is not tried again at once after it failed. */
  private void pauseAhead(BlockRun run) {
    if (run.priority() != FillPriority.DEMAND) {
      aheadPausedUntilNanos = engine.nanoTime() + engine.config().storeRetryAfter().toNanos();
      isAheadPaused = true;
    }
  }

  private boolean isPaused(BlockRun run) {
    if (isAheadPaused && engine.nanoTime() - aheadPausedUntilNanos >= 0) {
      isAheadPaused = false;
    }
    return isAheadPaused && run.priority() != FillPriority.DEMAND;
  }

  /**
   * Makes room in a store that holds nothing else to evict: a blob larger than the budget is read
   * through stripe by stripe, and those that no reader wants or still sends go first. Gives the
   * lock up meanwhile: the store waits for its commits.
   */
  private boolean dropUnwanted() {
    List<Integer> victims = known.stripes().stream().filter(this::isDroppable).toList();
    for (int stripe : victims) {
      long first = (long) stripe * Blocks.STRIPE_BLOCKS;
      known.remove(first, Blocks.STRIPE_BLOCKS);
      filledHere.remove(first, Blocks.STRIPE_BLOCKS);
      dropping.add(stripe);
    }
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
      victims.forEach(dropping::remove);
      victims.forEach(stripe -> plan.lost((long) stripe * Blocks.STRIPE_BLOCKS));
    }
    return isRoomMade;
  }

  private boolean isDroppable(int stripe) {
    BlockRun whole =
        BlockRun.of(
            sizeBytes,
            (long) stripe * Blocks.STRIPE_BLOCKS,
            Blocks.blocksInStripe(sizeBytes, stripe),
            FillPriority.WARM);
    return !plan.isWanted(whole)
        && transfers.values().stream().noneMatch(each -> each.blockRun().stripe() == stripe)
        && sending.values().stream().noneMatch(span -> span.overlaps(whole));
  }

  private void count(LarderException failure, BlockRun run) {
    if (Faults.isOfStore(failure)) {
      engine.storeFailed(failure);
    } else {
      engine.counters().originErrors.increment();
      log.warn(
          "run failed key={} run={} code={}: {}", key, run, failure.code(), failure.getMessage());
    }
  }
}
