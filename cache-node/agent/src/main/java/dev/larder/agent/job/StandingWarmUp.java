package dev.larder.agent.job;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.agent.dataset.Datasets.Type;
import dev.larder.coordinator.api.WarmUpJob;
import dev.larder.coordinator.api.WarmUpProgress;
import dev.larder.coordinator.api.WarmUpProgress.State;
import dev.larder.protocol.DataSize;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.BlobInfo;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This node's part in a warm-up over nodes, until it is stopped: looks what is local, fills what is
 * not, looks again. It is ready when a look has found every file sealed in the store, and no longer
 * once something was evicted and a look found one missing. Runs on one virtual thread; asked and
 * stopped from any.
 */
final class StandingWarmUp implements Runnable {
  private static final Logger log = LoggerFactory.getLogger(StandingWarmUp.class);
  private static final int ERROR_MAX = 1_000;
  private static final int LOOK_SHARE = 20;

  private final WarmUpJob job;
  private final SnapshotRef snapshot;
  private final Parts parts;
  private final Semaphore slots;
  private final AtomicLong retries;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition told = lock.newCondition();
  // Guarded by the lock.
  private boolean isStopped;
  private boolean mustLook;
  private @Nullable WarmUp pass;
  private WarmUpProgress progress;
  // The thread's own.
  private long lookNanos;

  /** What all of them share. */
  record Parts(
      JobsConfig.Standing config,
      Datasets datasets,
      BlobStore store,
      LocalPins pins,
      Passes passes,
      ExecutorService threads) {}

  /** Makes one pass over the files. */
  interface Passes {
    WarmUp make(String id, SnapshotRef exact, String glob);
  }

  /** What a look at the store found. */
  private record Look(long files, long filesWanted, long bytes, long bytesWanted) {
    boolean isComplete() {
      return files == filesWanted;
    }
  }

  /**
   * A part that has not begun.
   *
   * @param slots one is taken while it is at work
   * @param retries counts further tries
   */
  StandingWarmUp(WarmUpJob job, Parts parts, Semaphore slots, AtomicLong retries) {
    this.job = job;
    this.snapshot = new SnapshotRef(job.dataset(), OptionalLong.of(job.snapshot()));
    this.parts = parts;
    this.slots = slots;
    this.retries = retries;
    this.progress = WarmUpProgress.unheard(job.id());
  }

  WarmUpJob job() {
    return job;
  }

  /** How far this node is. */
  WarmUpProgress progress() {
    WarmUp running;
    WarmUpProgress last;
    lock.lock();
    try {
      running = pass;
      last = progress;
    } finally {
      lock.unlock();
    }
    if (running == null) {
      return last;
    }
    Jobs.JobInfo info = running.info();
    // Until it has counted, the last look is what is known.
    return info.files() == 0
        ? last
        : new WarmUpProgress(
            job.id(),
            State.FILLING,
            Math.max(info.doneFiles(), Math.min(last.files(), info.files())),
            info.files(),
            Math.max(info.doneBytes(), Math.min(last.bytes(), info.bytes())),
            info.bytes(),
            "");
  }

  /** Something was evicted; maybe of this. */
  void somethingIsGone() {
    lock.lock();
    try {
      mustLook = true;
      told.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Ends it soon; what was brought in stays. */
  void stop() {
    WarmUp running;
    lock.lock();
    try {
      isStopped = true;
      told.signalAll();
      running = pass;
    } finally {
      lock.unlock();
    }
    // Not under the lock: the store's threads come by here holding locks of their own.
    if (running != null) {
      running.cancel();
    }
  }

  @Override
  public void run() {
    Duration delay = parts.config().retryMin();
    while (!isStopped()) {
      Optional<LarderException> fault = oneTurn();
      if (fault.isEmpty()) {
        delay = parts.config().retryMin();
        awaitLoss();
      } else if (!isStopped()) {
        failed(fault.get());
        pause(delay);
        retries.incrementAndGet();
        delay = delay.multipliedBy(2);
        delay = delay.compareTo(parts.config().retryMax()) > 0 ? parts.config().retryMax() : delay;
      }
    }
  }

  /** Looks, fills and looks again; empty when every file is local. */
  private Optional<LarderException> oneTurn() {
    try {
      slots.acquire();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      stop();
      return Optional.of(new LarderException(ErrorCode.CANCELLED, "interrupted", e));
    }
    try {
      if (job.pinned()) {
        parts.pins().hold(job);
      }
      if (look().isComplete()) {
        return Optional.empty();
      }
      WarmUp made = begin();
      if (made == null) {
        return Optional.of(new LarderException(ErrorCode.CANCELLED, "stopped"));
      }
      made.fillOnly();
      end();
      Optional<LarderException> fault = made.firstFault();
      if (fault.isPresent()) {
        look();
        return fault;
      }
      return look().isComplete()
          ? Optional.empty()
          : Optional.of(
              new LarderException(
                  ErrorCode.STORE_FULL, "files were evicted before the last one was there"));
    } catch (LarderException e) {
      return Optional.of(e);
    } catch (RuntimeException e) {
      log.error("a warm-up over nodes broke id={}", job.id(), e);
      return Optional.of(new LarderException(ErrorCode.INTERNAL, String.valueOf(e), e));
    } finally {
      end();
      slots.release();
    }
  }

  private @Nullable WarmUp begin() {
    lock.lock();
    try {
      if (isStopped) {
        return null;
      }
      pass = parts.passes().make(job.id(), snapshot, job.glob());
      return pass;
    } finally {
      lock.unlock();
    }
  }

  private void end() {
    lock.lock();
    try {
      pass = null;
    } finally {
      lock.unlock();
    }
  }

  /**
   * What is local. Evictions from its begin on count as not seen.
   *
   * @throws LarderException STORE_FULL when it can never all be
   */
  private Look look() {
    lock.lock();
    try {
      mustLook = false;
    } finally {
      lock.unlock();
    }
    long began = System.nanoTime();
    long[] sums = new long[4];
    parts
        .datasets()
        .walk(
            snapshot,
            job.glob(),
            entry -> {
              if (entry.type() == Type.FILE) {
                sums[1]++;
                sums[3] += entry.sizeBytes();
                count(entry, sums);
              }
            });
    lookNanos = System.nanoTime() - began;
    Look look = new Look(sums[0], sums[1], sums[2], sums[3]);
    publish(look.isComplete() ? State.READY : State.FILLING, look, "");
    long capacity = parts.store().stats().capacityBytes();
    if (!look.isComplete() && look.bytesWanted() > capacity) {
      throw new LarderException(
          ErrorCode.STORE_FULL,
          DataSize.human(look.bytesWanted())
              + " are wanted, the store holds "
              + DataSize.human(capacity));
    }
    return look;
  }

  private void count(Entry entry, long[] sums) {
    Optional<BlobInfo> info = entry.key().flatMap(parts.store()::find);
    boolean isHere =
        entry.sizeBytes() == 0
            || info.map(BlobInfo::state).filter(BlobStore.State.SEALED::equals).isPresent();
    sums[0] += isHere ? 1 : 0;
    sums[2] += isHere ? entry.sizeBytes() : info.map(BlobInfo::presentBytes).orElse(0L);
  }

  private void publish(State state, Look look, String error) {
    lock.lock();
    try {
      if (state == State.READY && progress.state() != State.READY) {
        log.info("all files of warm-up are local id={} files={}", job.id(), look.files());
      }
      progress =
          new WarmUpProgress(
              job.id(),
              state,
              look.files(),
              look.filesWanted(),
              look.bytes(),
              look.bytesWanted(),
              error);
    } finally {
      lock.unlock();
    }
  }

  private void failed(LarderException e) {
    String text = e.code() + ": " + e.getMessage();
    log.warn("warm-up over nodes failed and is tried again id={}: {}", job.id(), text);
    WarmUpProgress last = progress();
    publish(
        State.FAILED,
        new Look(last.files(), last.filesWanted(), last.bytes(), last.bytesWanted()),
        text.substring(0, Math.min(ERROR_MAX, text.length())));
  }

  private boolean isStopped() {
    lock.lock();
    try {
      return isStopped;
    } finally {
      lock.unlock();
    }
  }

  /** Returns some time after an eviction, so that many of them bring one look about. */
  private void awaitLoss() {
    lock.lock();
    try {
      while (!isStopped && !mustLook) {
        told.await();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      isStopped = true;
    } finally {
      lock.unlock();
    }
    // On a node that always evicts something, looking takes a small part of the time.
    Duration least = Duration.ofNanos(LOOK_SHARE * lookNanos);
    Duration delay = parts.config().recheckAfter();
    pause(delay.compareTo(least) > 0 ? delay : least);
  }

  private void pause(Duration time) {
    lock.lock();
    try {
      long left = time.toNanos();
      while (!isStopped && left > 0) {
        left = told.awaitNanos(left);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      isStopped = true;
    } finally {
      lock.unlock();
    }
  }
}
