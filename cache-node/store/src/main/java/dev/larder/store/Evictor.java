package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.Counters.Counter;
import dev.larder.store.evict.UnitId;
import dev.larder.store.index.BlobRecord;
import dev.larder.store.posix.PosixFile;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes room, in rounds: records are taken out of the index, its log is synced once, then files are
 * unlinked and holes punched. A round makes a little more room than was asked for, so that not
 * every block written to a full store waits for a sync.
 *
 * <p>Pinned and open blobs are never touched, nor what the {@link VictimGuard} refuses. Callers
 * hold no lock of the store.
 *
 * <p>Rounds may overlap. They take turns all the same, or each of many waiting writers would evict
 * for itself; a turn is no lock, so that a guard that hangs delays the others and stops none.
 */
final class Evictor {
  private static final Logger log = LoggerFactory.getLogger(Evictor.class);

  /** Bounds the locks held in a round, and the time between two looks at the budget. */
  private static final int ROUND_UNITS_MAX = 64;

  /** Room made ahead: this share of the budget, at most so many bytes. */
  private static final int AHEAD_SHARE = 256;

  private static final long AHEAD_BYTES_MAX = 32L << 20;

  /**
   * Room made beside a fill for what it will still ask for: about a second of a fast link, as a
   * gigabyte's file takes a quarter of one to unlink; and this share of the budget at most.
   */
  private static final long PREPARED_BYTES_MAX = 256L << 20;

  private static final int PREPARED_SHARE = 16;

  private static final long TURN_MILLIS = 1000;

  private static final VictimGuard NOBODY = (key, file) -> true;

  private final StoreParts parts;
  private final Removal removal;
  private final Refusals refusals;
  private final Semaphore turn = new Semaphore(1);
  private volatile VictimGuard guard = NOBODY;
  private final AtomicBoolean isPreparing = new AtomicBoolean();
  private volatile @Nullable Executor preparing;

  private record Doomed(UnitId unit, boolean whole, Path file, long sizeBytes, KeyLocks.Held held) {
    boolean isBlob() {
      return unit.stripe() == UnitId.WHOLE;
    }
  }

  Evictor(StoreParts parts, Removal removal) {
    this.parts = parts;
    this.removal = removal;
    this.refusals = new Refusals(parts.config().limits().refusedVictimsMax());
  }

  /** See {@link BlobStore#guardEvictions}. */
  void guard(VictimGuard asked) {
    guard = asked;
  }

  /** Hands in the thread on which room is made before it is asked for. */
  void prepareOn(Executor thread) {
    preparing = thread;
  }

  /** So many bytes more will be asked for: begins to make room for them, or for a part. */
  void prepare(long bytes) {
    Executor thread = preparing;
    if (thread == null || bytes <= 0 || isPreparing.get()) {
      return;
    }
    long soon = Math.min(bytes, PREPARED_BYTES_MAX);
    soon = Math.min(soon, parts.space().capacity() / PREPARED_SHARE);
    long wanted = soon;
    if (parts.space().shortBy(wanted) <= 0 || !isPreparing.compareAndSet(false, true)) {
      return;
    }
    try {
      thread.execute(() -> prepareNow(wanted));
    } catch (RejectedExecutionException e) {
      // The store closes: whoever asks for room makes it.
      isPreparing.set(false);
    }
  }

  private void prepareNow(long bytes) {
    boolean mine = awaitTurn();
    try {
      long shortBy = parts.space().shortBy(bytes);
      if (shortBy > 0) {
        round(shortBy);
      }
    } catch (RuntimeException e) {
      // Whoever asks for the room meets the same, and is told.
      parts.counters().increment(Counter.IO_ERRORS_TOTAL);
      log.warn("making room ahead failed", e);
    } finally {
      if (mine) {
        turn.release();
      }
      isPreparing.set(false);
    }
  }

  /** Blobs remembered as refused. */
  int refused() {
    return refusals.size();
  }

  /**
   * Charges bytes to the budget, evicting others if needed.
   *
   * @throws LarderException STORE_FULL
   */
  void reserve(long bytes) {
    while (!parts.space().tryReserve(bytes)) {
      if (!evict(bytes) && !emptyQuarantine()) {
        parts.counters().increment(Counter.FULL_TOTAL);
        throw new LarderException(
            ErrorCode.STORE_FULL,
            "no room for "
                + bytes
                + " bytes: store.disk-max or store.disk-min-free allows "
                + parts.space().capacity()
                + ", "
                + parts.space().used()
                + " are used and nothing may go");
      }
    }
  }

  /** What was set aside counts for nothing, but takes room of the volume. */
  private boolean emptyQuarantine() {
    try {
      return parts.quarantine().shrinkTo(0) > 0;
    } catch (IOException e) {
      throw Faults.of(e);
    }
  }

  /** Evicts until this many more bytes would fit or a round is full; false if nothing could go. */
  boolean evict(long more) {
    boolean mine = awaitTurn();
    try {
      long shortBy = parts.space().shortBy(more);
      return shortBy <= 0
          || round(shortBy + ahead())
          || parts.space().shortBy(more) <= 0
          || lastRound(shortBy + ahead());
    } finally {
      if (mine) {
        turn.release();
      }
    }
  }

  private long ahead() {
    return Math.min(AHEAD_BYTES_MAX, parts.space().capacity() / AHEAD_SHARE);
  }

  private boolean awaitTurn() {
    try {
      return turn.tryAcquire(TURN_MILLIS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** Evicts about this many bytes whatever the budget says: the volume itself is full. */
  boolean evictBytes(long bytes) {
    boolean mine = awaitTurn();
    try {
      return round(bytes) || lastRound(bytes);
    } finally {
      if (mine) {
        turn.release();
      }
    }
  }

  private boolean round(long goalBytes) {
    return round(goalBytes, false);
  }

  /** Nothing else may go: asks early about blobs the guard refused, for a number of them. */
  private boolean lastRound(long goalBytes) {
    return refusals.size() > 0 && round(goalBytes, true);
  }

  private boolean round(long goalBytes, boolean asksEarly) {
    List<Doomed> doomed = new ArrayList<>();
    Set<UnitId> skipped = new HashSet<>();
    Set<BlobKey> refused = new HashSet<>();
    long freed = 0;
    int units = 0;
    try {
      while (freed < goalBytes && units < ROUND_UNITS_MAX && refused.size() < ROUND_UNITS_MAX) {
        Optional<UnitId> victim =
            parts
                .order()
                .victim(unit ->
                    !skipped.contains(unit)
                        && !refused.contains(unit.key())
                        && mayGo(unit.key(), asksEarly));
        if (victim.isEmpty()) {
          break;
        }
        if (!isGranted(victim.get())) {
          if (asksEarly) {
            refused.add(victim.get().key());
          }
          continue;
        }
        KeyLocks.Held held = parts.locks().tryLock(victim.get().key());
        if (held == null || parts.open().isInUse(victim.get().key())) {
          skipped.add(victim.get());
          if (held != null) {
            held.close();
          }
          continue;
        }
        freed += forget(victim.get(), held, doomed);
        units++;
      }
      if (!doomed.isEmpty()) {
        parts.index().sync();
        freeAll(doomed);
      }
    } finally {
      doomed.forEach(each -> each.held().close());
      skipped.forEach(parts.order()::released);
    }
    parts.counters().add(Counter.EVICTED_BYTES_TOTAL, freed);
    return units > 0;
  }

  private boolean mayGo(BlobKey key, boolean asksEarly) {
    return !parts.index().isPinned(key)
        && !parts.open().isInUse(key)
        && (asksEarly || !refusals.isRefused(key, System.nanoTime()));
  }

  /** Asks the guard, with no lock held; what it refuses is not named again for a while. */
  private boolean isGranted(UnitId unit) {
    VictimGuard asked = guard;
    if (asked == NOBODY || unit.stripe() != UnitId.WHOLE || !isFile(unit.key())) {
      return true;
    }
    // The guard may go by whether anybody has the file open, and that is not to be this store.
    parts.open().closeIdle(unit.key());
    boolean granted;
    try {
      granted = asked.mayEvict(unit.key(), parts.directory().blobPath(unit.key()));
    } catch (RuntimeException e) {
      log.error("the victim guard failed; {} stays", unit.key(), e);
      granted = false;
    }
    if (granted) {
      refusals.forget(unit.key());
    } else {
      refusals.add(unit.key(), System.nanoTime());
      parts.counters().increment(Counter.EVICTION_REFUSALS_TOTAL);
    }
    return granted;
  }

  private boolean isFile(BlobKey key) {
    return parts
        .index()
        .blob(key)
        .filter(record -> record.state() == BlobRecord.State.SEALED_FILE)
        .isPresent();
  }

  /**
   * Takes one unit out of the index. Keeps the lock in {@code doomed} if bytes are left to free.
   */
  private long forget(UnitId unit, KeyLocks.Held held, List<Doomed> doomed) {
    boolean keepLock = false;
    try {
      Optional<BlobRecord> known = parts.index().blob(unit.key());
      if (known.isEmpty() || known.get().isSealed() != (unit.stripe() == UnitId.WHOLE)) {
        parts.order().removed(unit);
        return 0;
      }
      BlobRecord record = known.get();
      Path file = removal.path(unit.key(), record);
      long bytes;
      boolean whole = record.isSealed();
      if (whole) {
        bytes = record.chargeBytes();
        forgetSealed(unit.key(), record, file);
      } else {
        OpenBlob idle = parts.open().find(unit.key());
        bytes = removal.forgetStripe(unit.key(), record, unit.stripe(), idle);
        if (bytes == record.presentBytes()) {
          removal.forget(unit.key(), record.withPresent(0), false);
          whole = true;
        }
      }
      parts.counters().increment(Counter.EVICTED_UNITS_TOTAL);
      if (record.state() == BlobRecord.State.SEALED_SMALL) {
        parts.listeners().gone(unit.key(), record.sizeBytes());
      } else {
        doomed.add(new Doomed(unit, whole, file, record.sizeBytes(), held));
        keepLock = true;
      }
      return bytes;
    } finally {
      if (!keepLock) {
        held.close();
      }
    }
  }

  /**
   * On a full volume the index cannot even write that a blob is gone. Then its file goes first: a
   * sealed blob without a file is absent, which the next look at it finds.
   */
  private void forgetSealed(BlobKey key, BlobRecord record, Path file) {
    try {
      removal.forget(key, record, true);
    } catch (LarderException e) {
      if (e.code() != ErrorCode.STORE_FULL || record.state() != BlobRecord.State.SEALED_FILE) {
        throw e;
      }
      Removal.unlink(file);
      removal.forget(key, record, true);
    }
  }

  /** A file that cannot be freed keeps no other from it; its mark tells the next start. */
  private void freeAll(List<Doomed> doomed) {
    List<BlobKey> unlinked = new ArrayList<>();
    @Nullable LarderException fault = null;
    for (Doomed each : doomed) {
      try {
        free(each);
        if (each.isBlob()) {
          unlinked.add(each.unit().key());
        }
      } catch (LarderException e) {
        fault = e;
      }
    }
    if (!unlinked.isEmpty()) {
      removal.unmark(unlinked);
    }
    if (fault != null) {
      throw fault;
    }
  }

  private void free(Doomed doomed) {
    if (doomed.whole()) {
      Removal.unlink(doomed.file());
    } else {
      long offset = doomed.unit().stripe() * Blocks.STRIPE_BYTES;
      long length = Math.min(Blocks.STRIPE_BYTES, doomed.sizeBytes() - offset);
      try (PosixFile file = PosixFile.openExisting(doomed.file())) {
        if (!file.punch(offset, length)) {
          throw new IOException("the file system has no holes: " + doomed.file());
        }
      } catch (NoSuchFileException e) {
        // Somebody took the file away; its room is free as wanted.
        parts.counters().increment(Counter.IO_ERRORS_TOTAL);
      } catch (IOException e) {
        throw Faults.of(e);
      }
    }
    if (doomed.whole()) {
      parts.listeners().gone(doomed.unit().key(), doomed.sizeBytes());
    } else {
      parts.listeners().goneStripe(doomed.unit().key(), doomed.unit().stripe());
    }
  }
}
