package dev.larder.agent.dataset;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes over what other members changed in datasets: every interval, and at once when somebody asks
 * for a name this node does not know. The list itself is fetched only where it changed. One thread
 * of its own; {@link #now} from any.
 */
final class DatasetSync implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(DatasetSync.class);

  /** Names nobody knows must not become a request to the coordinator each. */
  private static final long ASK_AGAIN_NANOS = Duration.ofMillis(50).toNanos();

  private static final Duration CLOSE_WAIT = Duration.ofSeconds(5);

  private final LocalDatasets datasets;
  private final CoordinatorClient coordinator;
  private final Duration every;
  private final CountDownLatch closing = new CountDownLatch(1);
  private final Thread thread;
  private final Object asking = new Object();
  private long askedNanos = System.nanoTime() - ASK_AGAIN_NANOS;
  private boolean isHeard = true;

  /** The revision taken over wholly; 0 for none. Guarded by {@code asking}. */
  private long known;

  DatasetSync(LocalDatasets datasets, CoordinatorClient coordinator, Duration every) {
    this.datasets = datasets;
    this.coordinator = coordinator;
    this.every = every;
    this.thread = Thread.ofPlatform().daemon().name("dataset-sync").unstarted(this::run);
  }

  void start() {
    thread.start();
  }

  /**
   * Asks now; of many callers at once one asks for all, after a short pause if need be.
   *
   * @throws LarderException COORDINATOR_UNAVAILABLE and the like
   */
  void now() {
    long came = System.nanoTime();
    synchronized (asking) {
      if (askedNanos - came > 0) {
        return;
      }
      long wait = askedNanos + ASK_AGAIN_NANOS - System.nanoTime();
      if (wait > 0) {
        LockSupport.parkNanos(wait);
      }
      askedNanos = System.nanoTime();
      known = datasets.take(coordinator::datasetsSince, known);
    }
  }

  private void run() {
    while (!isClosing()) {
      try {
        now();
        isHeard = true;
      } catch (LarderException e) {
        if (e.code() == ErrorCode.CANCELLED || e.code() == ErrorCode.CLOSED) {
          return;
        }
        if (isHeard) {
          log.warn("datasets of the cluster not heard code={}: {}", e.code(), e.getMessage());
        }
        isHeard = false;
      } catch (RuntimeException e) {
        log.error("taking over datasets broke; going on", e);
      }
    }
  }

  private boolean isClosing() {
    try {
      return closing.await(every.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return true;
    }
  }

  @Override
  public void close() {
    closing.countDown();
    if (thread.getState() == Thread.State.NEW) {
      // The node's start failed before: closing must not hide why.
      return;
    }
    thread.interrupt();
    try {
      // The store it unpins in is closed next.
      thread.join(CLOSE_WAIT);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
