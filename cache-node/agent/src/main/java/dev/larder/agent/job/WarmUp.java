package dev.larder.agent.job;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.agent.dataset.Datasets.Type;
import dev.larder.agent.fill.FillReader;
import dev.larder.agent.fill.FillReader.ReadShape;
import dev.larder.agent.fill.FillSource;
import dev.larder.agent.fill.Found;
import dev.larder.agent.job.Jobs.JobInfo;
import dev.larder.agent.job.Jobs.State;
import dev.larder.agent.peer.RateCap;
import dev.larder.agent.read.CachedReadPlane;
import dev.larder.agent.read.ReadPlane.BlobSource;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.BlobInfo;
import java.time.Clock;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One warm-up: fills every file that matches, several at once, behind what readers wait for. Runs
 * on one virtual thread and one for each blob at work; asked and cancelled from any.
 */
final class WarmUp implements Runnable {
  private static final Logger log = LoggerFactory.getLogger(WarmUp.class);

  private final String id;
  private final SnapshotRef snapshot;
  private final String glob;
  private final Datasets datasets;
  private final CachedReadPlane plane;
  private final BlobStore store;
  private final int parallelMax;
  private final RateCap rate;
  private final double beginAt;
  private final Clock clock;
  private final Instant startedAt;
  private final LongAdder doneFiles = new LongAdder();
  private final LongAdder doneBytes = new LongAdder();
  private final LongAdder failed = new LongAdder();
  private final Set<FillReader> atWork = ConcurrentHashMap.newKeySet();
  private volatile long files;
  private volatile long bytes;
  private volatile State state = State.RUNNING;
  private volatile @Nullable Instant endedAt;
  private volatile @Nullable String firstError;
  private volatile @Nullable LarderException firstFault;
  private volatile boolean isCancelled;

  /**
   * Begins nothing.
   *
   * @param beginAt the part of the files, 0 to 1, that is gone through last; see {@link #fillAll}
   */
  WarmUp(
      String id,
      SnapshotRef snapshot,
      String glob,
      Datasets datasets,
      CachedReadPlane plane,
      BlobStore store,
      int parallelMax,
      RateCap rate,
      double beginAt,
      Clock clock) {
    this.clock = clock;
    this.startedAt = clock.instant();
    this.id = id;
    this.snapshot = snapshot;
    this.glob = glob;
    this.datasets = datasets;
    this.plane = plane;
    this.store = store;
    this.parallelMax = parallelMax;
    this.rate = rate;
    this.beginAt = beginAt;
  }

  String id() {
    return id;
  }

  boolean isRunning() {
    return state == State.RUNNING;
  }

  /** What failed first, its message begins with the path. */
  Optional<LarderException> firstFault() {
    return Optional.ofNullable(firstFault);
  }

  void cancel() {
    isCancelled = true;
    atWork.forEach(FillReader::close);
  }

  JobInfo info() {
    long present = doneBytes.sum();
    for (FillReader reader : atWork) {
      present += reader.presentBytes();
    }
    return new JobInfo(
        id,
        "warm",
        snapshot.toString(),
        glob,
        state,
        files,
        doneFiles.sum(),
        bytes,
        Math.min(present, bytes),
        failed.sum(),
        Optional.ofNullable(firstError),
        firstFault().map(LarderException::code),
        startedAt,
        Optional.ofNullable(endedAt));
  }

  @Override
  public void run() {
    run(true);
  }

  /** The same for somebody who looks afterwards what is here. */
  void fillOnly() {
    run(false);
  }

  private void run(boolean mustAllBeHere) {
    try {
      countAll();
      fillAll();
      if (mustAllBeHere && !isCancelled && failed.sum() == 0) {
        requireAll();
      }
    } catch (LarderException e) {
      fail(snapshot.toString(), e);
    } catch (RuntimeException e) {
      log.error("warm-up broke id={}", id, e);
      fail(snapshot.toString(), new LarderException(ErrorCode.INTERNAL, String.valueOf(e), e));
    }
    endedAt = clock.instant();
    state = isCancelled ? State.CANCELLED : failed.sum() > 0 ? State.FAILED : State.DONE;
    log.info("warm-up ended id={} state={} files={}", id, state, doneFiles.sum());
  }

  private void countAll() {
    long[] sums = new long[2];
    datasets.walk(
        snapshot,
        glob,
        entry -> {
          if (entry.type() == Type.FILE) {
            sums[0]++;
            sums[1] += entry.sizeBytes();
          }
        });
    files = sums[0];
    bytes = sums[1];
  }

  /**
   * Begins at a file of this node's own and goes round. Nodes that warm together then bring each
   * its own part from the origin; in one common order the first would bring everything.
   */
  private void fillAll() {
    long first = (long) (files * beginAt);
    Semaphore slots = new Semaphore(parallelMax);
    try (ExecutorService threads =
        Executors.newThreadPerTaskExecutor(
            Thread.ofVirtual().name("warm-" + id + "-", 0).factory())) {
      fillRange(first, Long.MAX_VALUE, slots, threads);
      fillRange(0, first, slots, threads);
    }
  }

  private void fillRange(long from, long until, Semaphore slots, ExecutorService threads) {
    if (from == until || isCancelled) {
      return;
    }
    long[] at = new long[1];
    datasets.walk(
        snapshot,
        glob,
        entry -> {
          if (entry.type() == Type.FILE && !isCancelled) {
            long number = at[0]++;
            if (number >= from && number < until) {
              slots.acquireUninterruptibly();
              threads.execute(() -> fillOne(entry, slots));
            }
          }
        });
  }

  private void fillOne(Entry entry, Semaphore slots) {
    try {
      if (!isCancelled) {
        fill(datasets.source(snapshot, entry));
        doneFiles.increment();
        doneBytes.add(entry.sizeBytes());
      }
    } catch (LarderException e) {
      if (!isCancelled) {
        fail(entry.path(), e);
      }
    } catch (RuntimeException e) {
      log.error("warming a file broke path={}", entry.path(), e);
      fail(entry.path(), new LarderException(ErrorCode.INTERNAL, String.valueOf(e), e));
    } finally {
      slots.release();
    }
  }

  /** What came first may have made room for what came last: done is what is here in the end. */
  private void requireAll() {
    long[] lost = new long[1];
    String[] first = new String[1];
    datasets.walk(
        snapshot,
        glob,
        entry -> {
          if (entry.type() == Type.FILE
              && entry.sizeBytes() > 0
              && entry.key().filter(this::isHere).isEmpty()) {
            first[0] = lost[0]++ == 0 ? entry.path() : first[0];
          }
        });
    if (lost[0] > 0) {
      fail(
          String.valueOf(first[0]),
          new LarderException(
              ErrorCode.STORE_FULL,
              lost[0]
                  + " of "
                  + files
                  + " files were evicted before the last one was there; give the store more room"
                  + " (store.disk-max) or warm fewer"));
    }
  }

  private boolean isHere(BlobKey key) {
    return store.find(key).map(BlobInfo::state).filter(BlobStore.State.SEALED::equals).isPresent();
  }

  private void fill(BlobSource source) {
    FillSource from = plane.fillSource(source);
    if (isHere(from.key()) || from.sizeBytes() == 0) {
      return;
    }
    if (Blocks.isSmall(from.sizeBytes())) {
      plane.smalls().fill(from);
      rate.spend(from.sizeBytes());
      return;
    }
    try {
      fillLarge(from);
    } catch (LarderException e) {
      if (e.code() != ErrorCode.STORE_CORRUPT) {
        throw e;
      }
      // Set aside when all of it was here: the next flight knows whom not to believe.
      fillLarge(from);
    }
  }

  private void fillLarge(FillSource from) {
    ReadShape shape = rate.isCapped() ? ReadShape.SEQUENTIAL : ReadShape.WARM;
    try (FillReader reader = plane.fill(from, shape)) {
      atWork.add(reader);
      try {
        // Who cancelled before it was added did not close it.
        checkWanted();
        if (rate.isCapped()) {
          goThrough(reader, from.sizeBytes());
        }
        reader.awaitComplete();
      } finally {
        atWork.remove(reader);
      }
    }
  }

  /** Paid for as it goes; nothing is asked for much further than the read-ahead reaches. */
  private void goThrough(FillReader reader, long sizeBytes) {
    for (long at = 0; at < sizeBytes; ) {
      switch (reader.next(at, rate.most(sizeBytes - at))) {
        case Found.Bytes bytes -> {
          rate.spend(bytes.length());
          at += bytes.length();
        }
        case Found.PastStore past ->
            throw new LarderException(ErrorCode.STORE_FULL, "the store takes nothing now");
      }
      checkWanted();
    }
  }

  private void checkWanted() {
    if (isCancelled) {
      throw new LarderException(ErrorCode.CANCELLED, "the warm-up was cancelled");
    }
  }

  /** A file, or the whole warm-up, came to nothing. */
  private synchronized void fail(String path, LarderException e) {
    failed.increment();
    if (firstError == null) {
      firstError = path + ": " + e.code() + ": " + e.getMessage();
      firstFault = new LarderException(e.code(), path + ": " + e.getMessage(), e);
    }
  }
}
