package dev.larder.agent;

import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings roots to the coordinator on a thread of its own, so that a coordinator that does not take
 * them, or takes them slowly, goes on hearing that this node lives.
 */
final class RootReports implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(RootReports.class);

  /** Roots wait so long at most when the agent ends; the rest goes on at the next start. */
  private static final Duration CLOSE_WAIT = Duration.ofSeconds(5);

  private final RootLedger roots;
  private final BlobStore store;
  private final Duration every;
  private final Holdoff holdoff;
  private final CountDownLatch closing = new CountDownLatch(1);
  private final Thread thread;

  RootReports(RootLedger roots, BlobStore store, Duration every) {
    this.roots = roots;
    this.store = store;
    this.every = every;
    this.holdoff = new Holdoff("roots", every);
    this.thread = Thread.ofPlatform().daemon().name("coordinator-roots").unstarted(this::run);
  }

  void start() {
    thread.start();
  }

  /** Why roots wait; empty when they do not. */
  String problem() {
    return holdoff.problem();
  }

  @Override
  public void close() {
    closing.countDown();
    try {
      thread.join(CLOSE_WAIT);
      if (thread.isAlive()) {
        log.warn("the coordinator did not take all roots in time; they go out at the next start");
        thread.interrupt();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    boolean isLast = false;
    while (true) {
      if (isLast || holdoff.isDue()) {
        flush();
      }
      if (isLast) {
        return;
      }
      try {
        isLast = closing.await(every.toMillis(), TimeUnit.MILLISECONDS);
      } catch (InterruptedException e) {
        log.debug("no more roots are told");
        return;
      }
    }
  }

  private void flush() {
    try {
      roots.flush(store);
      holdoff.passed();
    } catch (LarderException e) {
      holdoff.refused(e);
    } catch (RuntimeException e) {
      log.error("telling roots broke; going on", e);
    }
  }
}
