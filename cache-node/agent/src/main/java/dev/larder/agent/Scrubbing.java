package dev.larder.agent;

import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.ScrubReport;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Re-hashes sealed blobs at a steady pace while the node has nothing better to do. */
final class Scrubbing implements AutoCloseable {
  /*
   * The store scrubs whole blobs, so one call may read far more than it was asked for: the next one
   * waits until the rate has caught up, else a store of large blobs would be hashed without pause.
   */
  private static final Logger log = LoggerFactory.getLogger(Scrubbing.class);

  private final BlobStore store;
  private final long bytesPerSecond;
  private final BooleanSupplier isBusy;
  private final LongSupplier nanoTime;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("scrub").factory());

  /** Owned by the thread, in a test by the caller of {@link #once}. */
  private long dueNanos;

  Scrubbing(BlobStore store, long bytesPerSecond, BooleanSupplier isBusy, LongSupplier nanoTime) {
    this.store = store;
    this.bytesPerSecond = bytesPerSecond;
    this.isBusy = isBusy;
    this.nanoTime = nanoTime;
    this.dueNanos = nanoTime.getAsLong();
  }

  void start() {
    if (bytesPerSecond > 0) {
      thread.scheduleWithFixedDelay(this::once, 1, 1, TimeUnit.SECONDS);
    }
  }

  @Override
  public void close() {
    thread.shutdown();
    try {
      if (!thread.awaitTermination(10, TimeUnit.SECONDS)) {
        thread.shutdownNow();
      }
    } catch (InterruptedException e) {
      thread.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }

  /** One look: scrubs for a second's worth of the rate if that is due. */
  void once() {
    try {
      long now = nanoTime.getAsLong();
      if (now - dueNanos >= 0 && !isBusy.getAsBoolean()) {
        ScrubReport report = store.scrub(bytesPerSecond);
        dueNanos = now + (long) (report.bytes() * 1e9 / bytesPerSecond);
        if (report.corrupt() > 0) {
          log.warn("scrub found damage blobs={}", report.corrupt());
        }
      }
    } catch (LarderException e) {
      log.warn("scrub failed code={}: {}", e.code(), e.getMessage());
    } catch (RuntimeException e) {
      log.error("scrub broke; going on", e);
    }
  }
}
