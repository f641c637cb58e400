package dev.larder.store;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.Counters.Counter;
import dev.larder.store.index.IndexEvents;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The store's own chores: recovery after a start (thread {@code store-recovery}), and on the thread
 * {@code store-chores}, once a second, the elastic budget and the health of the index; between them
 * the room that fills are about to ask for.
 */
final class Background implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Background.class);
  private static final long TICK_MILLIS = 1000;

  /** Ticks after which an index that RocksDB did not bring back by itself is opened anew. */
  private static final int REOPEN_TICKS = 3;

  /** Ticks between two questions for roots that could not be answered. */
  private static final int ASK_AGAIN_TICKS = 60;

  private final StoreParts parts;
  private final StoreWork work;
  private final Scrubber scrubber;
  private final Recovery recovery;
  private final Signals signals;
  private final ScheduledExecutorService chores =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("store-chores").factory());
  private final AtomicBoolean stopped;
  private final CountDownLatch settled = new CountDownLatch(1);
  private final Thread recoveryThread;
  private final long saveNanos;
  private long savedNanos = System.nanoTime();
  private int stoppedTicks;
  private int waitingTicks;
  private volatile boolean waiting;

  /** What other threads tell this one. */
  static final class Signals implements IndexEvents {
    private final Counters counters;
    final AtomicBoolean indexCorrupt = new AtomicBoolean();
    final AtomicBoolean indexStopped = new AtomicBoolean();

    Signals(Counters counters) {
      this.counters = counters;
    }

    @Override
    public void onBadRecord(dev.larder.protocol.BlobKey key, String what) {
      counters.increment(Counter.CORRUPT_RECORDS_TOTAL);
      log.warn("dropped a damaged record key={} what={}", key, what);
    }

    @Override
    public void onCorrupt(String what) {
      if (indexCorrupt.compareAndSet(false, true)) {
        log.error("the index is damaged: {}", what);
      }
    }

    @Override
    public void onStopped(String what) {
      if (indexStopped.compareAndSet(false, true)) {
        counters.increment(Counter.INDEX_STOPPED_TOTAL);
        log.warn("the index takes no writes: {}", what);
      }
    }
  }

  Background(
      StoreParts parts,
      StoreWork work,
      Scrubber scrubber,
      StoreHooks hooks,
      Signals signals,
      AtomicBoolean stopped) {
    this.parts = parts;
    this.work = work;
    this.scrubber = scrubber;
    this.signals = signals;
    this.stopped = stopped;
    this.saveNanos = parts.config().limits().saveInterval().toNanos();
    this.recovery = new Recovery(parts, work.removal(), hooks, stopped::get);
    this.recoveryThread =
        Thread.ofPlatform().daemon().name("store-recovery").unstarted(this::recoverFirst);
  }

  void start() {
    recoveryThread.start();
    work.evictor().prepareOn(chores);
    chores.scheduleWithFixedDelay(this::tick, TICK_MILLIS, TICK_MILLIS, TimeUnit.MILLISECONDS);
  }

  Scrubber scrubber() {
    return scrubber;
  }

  void awaitSettled() {
    boolean interrupted = false;
    while (true) {
      try {
        settled.await();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Saves the order of eviction. */
  void saveOrder() {
    try {
      OrderFile.save(parts.directory().evictionOrder(), parts.order());
    } catch (IOException e) {
      parts.counters().increment(Counter.IO_ERRORS_TOTAL);
      log.warn("the order of eviction was not saved: {}", e.toString());
    }
  }

  private void recoverFirst() {
    try {
      parts.order().loaded(OrderFile.load(parts.directory().evictionOrder(), parts.quarantine()));
      waiting = recovery.run();
    } catch (RuntimeException e) {
      logUnlessClosing("recovery failed", e);
    } finally {
      settled.countDown();
    }
  }

  private void tick() {
    try {
      parts.space().fade();
      if (signals.indexCorrupt.get() && settled.getCount() == 0) {
        rebuildIndex();
      }
      if (signals.indexStopped.get()) {
        resumeIndex();
      }
      if (settled.getCount() == 0 && parts.space().shortBy(0) > 0) {
        work.evictor().evict(0);
      }
      if (settled.getCount() == 0 && System.nanoTime() - savedNanos > saveNanos) {
        saveOrder();
        savedNanos = System.nanoTime();
      }
      if (waiting && settled.getCount() == 0 && ++waitingTicks % ASK_AGAIN_TICKS == 0) {
        waiting = recovery.run();
      }
    } catch (RuntimeException e) {
      logUnlessClosing("a chore failed", e);
    }
  }

  /** Sets the damaged index aside and starts an empty one; sealed files are hashed again. */
  private void rebuildIndex() {
    try (AutoCloseable all = parts.locks().lockAll()) {
      for (OpenBlob blob : parts.open().all()) {
        blob.state.lock();
        try {
          blob.markGone();
          parts.space().release(Removal.dropReservations(blob));
        } finally {
          blob.state.unlock();
        }
        if (blob.references == 0) {
          parts.open().discard(blob);
        } else {
          parts.open().detach(blob);
        }
      }
      parts.index().reopen(this::setIndexAside);
      parts.order().clear();
      parts.counters().increment(Counter.INDEX_SET_ASIDE_TOTAL);
      signals.indexCorrupt.set(false);
      signals.indexStopped.set(false);
    } catch (LarderException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException("giving the locks back failed", e);
    }
    waiting = recovery.run();
  }

  private void setIndexAside() {
    try {
      parts.quarantine().take(parts.directory().index(), "the index is damaged");
      StoreDirectory.createFolder(parts.directory().index());
    } catch (IOException e) {
      throw Faults.of(e);
    }
  }

  /** RocksDB resumes by itself in most cases; where it does not, opening it anew does it. */
  private void resumeIndex() {
    try {
      parts.index().putMeta("probe", new byte[] {1});
      signals.indexStopped.set(false);
      stoppedTicks = 0;
      log.info("the index takes writes again");
    } catch (LarderException e) {
      if (e.code() == ErrorCode.CLOSED || ++stoppedTicks % REOPEN_TICKS != 0) {
        return;
      }
      parts.index().reopen(() -> {});
      parts.counters().increment(Counter.INDEX_REOPENED_TOTAL);
    }
  }

  private void logUnlessClosing(String what, RuntimeException e) {
    if (!stopped.get()) {
      log.error(what, e);
    }
  }

  @Override
  public void close() {
    stopped.set(true);
    chores.shutdown();
    boolean interrupted = false;
    while (recoveryThread.isAlive() || !chores.isTerminated()) {
      try {
        recoveryThread.join();
        if (!chores.awaitTermination(1, TimeUnit.MINUTES)) {
          log.warn("a chore of the store runs on for a minute after close");
        }
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
