package dev.larder.agent;

import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.ScrubReport;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Re-hashes sealed blobs at a steady pace while the node has nothing better to do. */
final class Scrubbing implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Scrubbing.class);

  private final BlobStore store;
  private final long bytesPerSecond;
  private final BooleanSupplier isBusy;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("scrub").factory());

  Scrubbing(BlobStore store, long bytesPerSecond, BooleanSupplier isBusy) {
    this.store = store;
    this.bytesPerSecond = bytesPerSecond;
    this.isBusy = isBusy;
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

  private void once() {
    try {
      if (!isBusy.getAsBoolean()) {
        ScrubReport report = store.scrub(bytesPerSecond);
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
