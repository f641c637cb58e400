package dev.larder.store;

import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.LarderException;
import dev.larder.store.Counters.Counter;
import dev.larder.store.evict.UnitId;
import dev.larder.store.index.BlobRecord;
import dev.larder.store.index.StripeRecord;
import dev.larder.store.posix.PosixFile;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Group commit. One thread gathers what was declared complete, puts each touched file on stable
 * storage once, and only then writes the records of all of them in one batch.
 *
 * <p>Bounded by {@code store.commit-bytes-max}: who declares more waits. Futures are completed on
 * the committer's thread with no lock held.
 */
final class Committer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Committer.class);

  private final StoreParts parts;
  private final CommitMode mode;
  private final long delayNanos;
  private final long bytesMax;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final ArrayDeque<Request> queue = new ArrayDeque<>();
  private final ExecutorService syncers;
  private final ExecutorService hasher;
  private final Thread thread;
  private final Map<OpenBlob, Integer> uncommitted = new HashMap<>();
  private long queuedBytes;
  private boolean urgent;
  private boolean closing;

  private record Request(
      OpenBlob blob,
      long firstBlock,
      List<Digest> digests,
      long bytes,
      long queuedNanos,
      CompletableFuture<Void> done) {}

  Committer(StoreParts parts, CommitMode mode) {
    this.parts = parts;
    this.mode = mode;
    this.delayNanos = parts.config().commitDelay().toNanos();
    this.bytesMax = parts.config().commitBytesMax();
    this.syncers =
        Executors.newFixedThreadPool(
            parts.config().limits().syncThreads(),
            Thread.ofPlatform().daemon().name("store-sync-", 0).factory());
    this.hasher =
        Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("store-hash").factory());
    this.thread = Thread.ofPlatform().daemon().name("store-commit").unstarted(this::run);
  }

  void start() {
    thread.start();
  }

  /**
   * Queues blocks; waits while too many bytes are queued. The caller keeps a reference to the blob
   * until the future is done.
   */
  CompletableFuture<Void> add(OpenBlob blob, long firstBlock, List<Digest> digests) {
    long bytes = 0;
    for (int i = 0; i < digests.size(); i++) {
      bytes += blob.length(firstBlock + i);
    }
    CompletableFuture<Void> done = new CompletableFuture<>();
    lock.lock();
    try {
      while (!closing && queuedBytes > 0 && queuedBytes + bytes > bytesMax) {
        urgent = true;
        changed.signalAll();
        changed.awaitUninterruptibly();
      }
      if (closing) {
        throw Faults.closed();
      }
      queue.add(
          new Request(blob, firstBlock, List.copyOf(digests), bytes, System.nanoTime(), done));
      uncommitted.merge(blob, 1, Integer::sum);
      queuedBytes += bytes;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    return done;
  }

  /** Waits until nothing of the blob is queued; the commit starts at once. */
  void drain(OpenBlob blob) {
    lock.lock();
    try {
      while (uncommitted.containsKey(blob)) {
        urgent = true;
        changed.signalAll();
        changed.awaitUninterruptibly();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Bytes declared complete and not yet committed. */
  long queuedBytes() {
    lock.lock();
    try {
      return queuedBytes;
    } finally {
      lock.unlock();
    }
  }

  /** Commits what is queued, then stops. */
  @Override
  public void close() {
    lock.lock();
    try {
      closing = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    syncers.shutdown();
    hasher.shutdownNow();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    for (List<Request> batch = gather(); !batch.isEmpty(); batch = gather()) {
      long bytes = batch.stream().mapToLong(Request::bytes).sum();
      try {
        commit(batch);
      } catch (RuntimeException | Error e) {
        // Also an error: without this thread every writer would wait for ever.
        log.error("a group commit failed", e);
        fail(batch, e);
      } finally {
        lock.lock();
        try {
          queuedBytes -= bytes;
          for (Request request : batch) {
            uncommitted.computeIfPresent(
                request.blob(), (blob, count) -> count == 1 ? null : count - 1);
          }
          changed.signalAll();
        } finally {
          lock.unlock();
        }
      }
    }
  }

  /** Waits for work and a while for more of it; empty when closing and nothing is left. */
  private List<Request> gather() {
    lock.lock();
    try {
      while (queue.isEmpty() && !closing) {
        changed.awaitUninterruptibly();
      }
      while (!queue.isEmpty() && !closing && !urgent && queuedBytes < bytesMax / 2) {
        long left = queue.element().queuedNanos() + delayNanos - System.nanoTime();
        if (left <= 0 || !await(left)) {
          break;
        }
      }
      urgent = false;
      List<Request> batch = new ArrayList<>(queue);
      queue.clear();
      return batch;
    } finally {
      lock.unlock();
    }
  }

  private boolean await(long nanos) {
    try {
      return changed.await(nanos, TimeUnit.NANOSECONDS) || nanos > 0;
    } catch (InterruptedException e) {
      // Nobody interrupts this thread to stop it: close() does that.
      return false;
    }
  }

  private void commit(List<Request> batch) {
    Map<OpenBlob, List<Request>> byBlob = new LinkedHashMap<>();
    for (Request request : batch) {
      byBlob.computeIfAbsent(request.blob(), blob -> new ArrayList<>()).add(request);
    }
    Map<OpenBlob, @Nullable RuntimeException> synced =
        mode.syncsData() ? syncAll(byBlob.keySet()) : Map.of();
    synced.forEach((blob, fault) -> {
      if (fault != null) {
        fail(byBlob.remove(blob), fault);
      }
    });
    List<OpenBlob> locked = new ArrayList<>();
    List<Request> done = new ArrayList<>();
    List<Request> stale = new ArrayList<>();
    List<Change> changes = new ArrayList<>();
    try {
      for (Map.Entry<OpenBlob, List<Request>> entry : byBlob.entrySet()) {
        OpenBlob blob = entry.getKey();
        blob.state.lock();
        locked.add(blob);
        if (blob.isGone()) {
          stale.addAll(entry.getValue());
        } else {
          done.addAll(entry.getValue());
          if (!blob.isSealed()) {
            changes.add(prepare(blob, entry.getValue()));
          }
        }
      }
      record(changes);
    } catch (LarderException e) {
      fail(done, e);
      done.clear();
    } finally {
      locked.forEach(blob -> blob.state.unlock());
    }
    parts.counters().increment(Counter.COMMITS_TOTAL);
    fail(stale, Faults.gone());
    for (Change change : changes) {
      hashAhead(change.blob());
    }
    for (Request request : done) {
      request.done().complete(null);
    }
  }

  /** At most one task a blob is queued. */
  private void hashAhead(OpenBlob blob) {
    PrefixHash prefix = blob.prefix;
    if (prefix == null || !prefix.queue()) {
      return;
    }
    hasher.execute(() -> {
      try {
        prefix.advance();
      } catch (IOException | LarderException e) {
        // Sealing hashes what is missing and meets the fault again, where it can be answered.
        log.debug("hashing {} ahead stopped: {}", blob.key, e.toString());
      }
    });
  }

  /** What a commit changes of one blob. */
  private record Change(
      OpenBlob blob, BlobRecord before, BlobRecord after, Map<Integer, StripeRecord> stripes) {

    /** Bytes of blocks that were reserved. Under the blob's state lock. */
    long reservedBytes() {
      long bytes = 0;
      for (Map.Entry<Integer, StripeRecord> entry : stripes.entrySet()) {
        long word = blob.reserved.get(entry.getKey()) & entry.getValue().bitmap();
        bytes += blob.bytes(entry.getKey(), word);
      }
      return bytes;
    }
  }

  private Change prepare(OpenBlob blob, List<Request> requests) {
    Map<Integer, StripeRecord> stripes = new TreeMap<>();
    for (Request request : requests) {
      int done = 0;
      while (done < request.digests().size()) {
        long block = request.firstBlock() + done;
        int stripe = Blocks.stripeOfBlock(block);
        int first = (int) (block % Blocks.STRIPE_BLOCKS);
        int count = Math.min(request.digests().size() - done, Blocks.STRIPE_BLOCKS - first);
        StripeRecord was =
            stripes.computeIfAbsent(stripe, each -> parts.index().stripe(blob.key, each));
        stripes.put(stripe, was.with(first, request.digests().subList(done, done + count)));
        done += count;
      }
    }
    long present = blob.record().presentBytes();
    for (Map.Entry<Integer, StripeRecord> entry : stripes.entrySet()) {
      int stripe = entry.getKey();
      long added = entry.getValue().bitmap() & ~blob.present.get(stripe);
      present += blob.bytes(stripe, added);
    }
    return new Change(blob, blob.record(), blob.record().withPresent(present), stripes);
  }

  /** Under the state locks of all blobs named. */
  private void record(List<Change> changes) {
    if (changes.isEmpty()) {
      return;
    }
    parts
        .index()
        .change(
            mode.syncsRecords(),
            index -> {
              for (Change change : changes) {
                index.putBlob(change.blob().key, change.before(), change.after());
                index.unreserve(change.reservedBytes());
                change
                    .stripes()
                    .forEach(
                        (stripe, record) -> index.putStripe(change.blob().key, stripe, record));
              }
            });
    for (Change change : changes) {
      OpenBlob blob = change.blob();
      blob.record(change.after());
      parts
          .counters()
          .add(
              Counter.COMMITTED_BYTES_TOTAL,
              change.after().presentBytes() - change.before().presentBytes());
      change
          .stripes()
          .forEach((stripe, record) -> {
            blob.present.set(stripe, record.bitmap());
            blob.reserved.getAndUpdate(stripe, word -> word & ~record.bitmap());
            parts
                .order()
                .admitted(new UnitId(blob.key, stripe), blob.bytes(stripe, record.bitmap()));
          });
    }
  }

  private Map<OpenBlob, @Nullable RuntimeException> syncAll(Set<OpenBlob> blobs) {
    if (blobs.size() > 1) {
      eachAtATime(blobs, PosixFile::startSync);
    }
    return eachAtATime(blobs, PosixFile::syncData);
  }

  private interface FileCall {
    void run(PosixFile file) throws IOException;
  }

  private Map<OpenBlob, @Nullable RuntimeException> eachAtATime(
      Set<OpenBlob> blobs, FileCall call) {
    Map<OpenBlob, CompletableFuture<@Nullable RuntimeException>> running = new LinkedHashMap<>();
    for (OpenBlob blob : blobs) {
      running.put(blob, CompletableFuture.supplyAsync(() -> run(blob, call), syncers));
    }
    Map<OpenBlob, @Nullable RuntimeException> out = new LinkedHashMap<>();
    running.forEach((blob, future) -> out.put(blob, future.join()));
    return out;
  }

  private @Nullable RuntimeException run(OpenBlob blob, FileCall call) {
    try {
      blob.withFile(file -> {
        call.run(file);
        return true;
      });
      return null;
    } catch (IOException e) {
      parts.counters().increment(Counter.IO_ERRORS_TOTAL);
      return Faults.of(e);
    } catch (LarderException e) {
      return e;
    }
  }

  private static void fail(@Nullable List<Request> requests, Throwable fault) {
    if (requests != null) {
      requests.forEach(request -> request.done().completeExceptionally(fault));
    }
  }
}
