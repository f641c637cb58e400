package dev.larder.agent.fill;

import dev.larder.agent.fill.Found.Came;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore.Fill;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What readers of one flight do: find bytes, prove blocks from disk, wait. Part of {@link
 * BlobFill}, whose lock it takes; any thread.
 */
final class BlobReading {
  private static final Logger log = LoggerFactory.getLogger(BlobReading.class);

  /** A lost wake-up would be a defect; looking again keeps it from becoming a hang. */
  static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  /** A run may hold bytes back so long before the reader fetches them itself; doubled each time. */
  private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private static final int SPAN_BLOCKS_MAX = 64;

  private final BlobFill blob;
  private final FillEngine engine;
  private final BlobKey key;
  private final long sizeBytes;
  private final BlobShared shared;
  private final ReadAhead readAhead;

  BlobReading(BlobFill blob, FillEngine engine, FillSource source, BlobShared shared) {
    this.blob = blob;
    this.engine = engine;
    this.key = source.key();
    this.sizeBytes = source.sizeBytes();
    this.shared = shared;
    FillConfig config = engine.config();
    this.readAhead = new ReadAhead(sizeBytes, config.readAheadMaxBytes(), config.streamsMax());
  }

  /** See {@link FillReader#next}. */
  Found next(FillReader reader, long offset, long lengthMax) {
    long block = Blocks.blockAt(offset);
    shared.lock().lock();
    try {
      long since = shared.failures().now();
      long patience = PATIENCE_NANOS;
      while (true) {
        blob.checkUsable(reader);
        Found.Bytes found = look(reader, offset, lengthMax);
        if (found != null) {
          shared.blocks().sends(reader.id(), found);
          return found;
        }
        if (shared.runs().of(block) == null && shared.blocks().isUnproved(blob.openFill(), block)) {
          prove(block);
          continue;
        }
        LarderException failure = shared.failures().since(since, block, block + 1);
        if (failure != null && !Faults.isOfStore(failure)) {
          throw failure;
        }
        if (failure != null || engine.isStoreDown()) {
          shared.plan().leave(reader.id());
          return new Found.PastStore();
        }
        want(reader, offset, lengthMax);
        blob.pump();
        await(reader, offset, patience);
        patience = Math.min(2 * patience, LOOK_AGAIN_NANOS);
      }
    } finally {
      shared.lock().unlock();
    }
  }

  private Found.@Nullable Bytes look(FillReader reader, long offset, long lengthMax) {
    long block = Blocks.blockAt(offset);
    Fill opened = blob.openFill();
    if (shared.blocks().isKnown(block)) {
      long end = shared.blocks().knownEnd(reader, block, SPAN_BLOCKS_MAX);
      long length = Math.min(lengthMax, end - offset);
      return hand(reader, opened, offset, length, lengthMax, shared.blocks().came(reader, block));
    }
    RunTransfer transfer = shared.runs().of(block);
    if (transfer == null || transfer.watermark() <= offset) {
      return null;
    }
    long length = Math.min(lengthMax, transfer.sameSourceEnd(offset) - offset);
    Came came = transfer.isFromPeer(block) ? Came.PEER : Came.ORIGIN;
    return hand(reader, opened, offset, length, lengthMax, came);
  }

  private Found.@Nullable Bytes hand(
      FillReader reader, Fill opened, long offset, long length, long lengthMax, Came came) {
    long handed = mustHoldBack(reader, offset, length) ? length - 1 : length;
    if (handed == 0) {
      blob.sealIfComplete();
      return null;
    }
    want(reader, offset, lengthMax);
    blob.pump();
    if (blob.beliefs().hearsay().touches(offset, handed)) {
      reader.tookHearsay();
    }
    return new Found.Bytes(opened.channel(), offset, handed, came);
  }

  /**
   * Whoever read a blob from its start gets its last byte only when the origin said whether it
   * publishes a checksum, and that was found right: so a transfer of wrong bytes fails instead of
   * ending well.
   */
  private boolean mustHoldBack(FillReader reader, long offset, long length) {
    return offset + length == sizeBytes
        && !reader.isForMember()
        && !blob.isSealed()
        && reader.handedTo() >= offset
        && !engine.isStoreDown()
        && (key.kind() == BlobKey.Kind.SHA256 || shared.checksum().isExpected(engine.nanoTime()));
  }

  private void want(FillReader reader, long offset, long lengthMax) {
    long end;
    if (reader.wantsAll() && engine.hasOwnOrder(sizeBytes)) {
      // One run beyond what it waits for: with more, all nodes would go through the file side by
      // side.
      end = offset + Math.max(lengthMax, engine.config().runMaxBytes());
      shared.plan().want(-reader.id(), BlobPlan.Want.whole(sizeBytes, reader.isWarm()));
    } else if (reader.wantsAll()) {
      end = sizeBytes;
    } else if (reader.isForMember()) {
      // The member reads ahead by itself.
      end = offset + lengthMax;
    } else {
      end = readAhead.aheadEnd(offset, lengthMax, reader.isSequential());
    }
    shared.plan().want(reader.id(), new BlobPlan.Want(offset, end, reader.isWarm()));
  }

  /** Hashes a block from disk, with the lock given up meanwhile. */
  private void prove(long block) {
    Fill opened = blob.openFill();
    LarderException failure = null;
    shared.lock().unlock();
    try {
      opened.verify(Blocks.blockOffset(block), Blocks.blockLength(sizeBytes, block));
    } catch (LarderException e) {
      failure = e;
    } finally {
      shared.lock().lock();
    }
    if (failure == null) {
      shared.blocks().proved(block);
      return;
    }
    shared.plan().lost(block);
    if (failure.code() == ErrorCode.STORE_CORRUPT || failure.code() == ErrorCode.UNKNOWN_BLOB) {
      engine.counters().diskWasWrong();
      log.warn("damaged block dropped key={} block={}", key, block);
    } else {
      shared.failures().note(block, block + 1, failure);
      engine.storeFailed(failure);
    }
  }

  /** Waits for a change; while a run is at work, looks soon for bytes it holds back. */
  private void await(FillReader reader, long offset, long nanosMax) {
    shared.awaited().incrementAndGet();
    try {
      RunTransfer transfer = shared.runs().of(Blocks.blockAt(offset));
      if (transfer == null) {
        awaitChange(LOOK_AGAIN_NANOS);
      } else if (transfer.watermark() <= offset) {
        awaitChange(nanosMax);
        flushHeld(transfer, offset);
      } else if (mustHoldBack(reader, offset, sizeBytes - offset)) {
        awaitChange(LOOK_AGAIN_NANOS);
      }
    } finally {
      shared.awaited().decrementAndGet();
    }
  }

  private void flushHeld(RunTransfer transfer, long offset) {
    if (transfer.watermark() > offset || shared.runs().of(Blocks.blockAt(offset)) != transfer) {
      return;
    }
    shared.lock().unlock();
    try {
      transfer.flushHeld();
    } catch (LarderException e) {
      log.debug("left to the run's own thread code={}", e.code());
    } finally {
      shared.lock().lock();
    }
  }

  /** Waits for a signal, with the lock given up meanwhile. */
  void awaitChange(long nanosMax) {
    try {
      if (shared.changed().awaitNanos(nanosMax) <= 0 && nanosMax == LOOK_AGAIN_NANOS) {
        log.debug("still waiting key={} runs={}", key, shared.plan().activeRuns());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted while waiting for " + key, e);
    }
  }
}
