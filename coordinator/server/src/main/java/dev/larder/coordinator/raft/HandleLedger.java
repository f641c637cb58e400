package dev.larder.coordinator.raft;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Owns native handles: each is noted when it is made, and all are given back in reverse order,
 * which RocksDB needs. The count of open ones lets tests prove that none is left.
 *
 * <p><b>Threads:</b> any.
 */
final class HandleLedger implements AutoCloseable {
  private final Deque<AutoCloseable> owned = new ArrayDeque<>();
  private final AtomicInteger open = new AtomicInteger();

  /** Owns a handle until {@link #close}. */
  synchronized <T extends AutoCloseable> T own(T handle) {
    owned.push(handle);
    open.incrementAndGet();
    return handle;
  }

  /** Counts a handle its user closes himself; the answer takes it off the count. */
  Runnable lend() {
    open.incrementAndGet();
    return open::decrementAndGet;
  }

  /** Handles made and not given back. */
  int open() {
    return open.get();
  }

  @Override
  public synchronized void close() {
    RuntimeException first = null;
    while (!owned.isEmpty()) {
      try {
        owned.pop().close();
        open.decrementAndGet();
      } catch (Exception e) {
        RuntimeException failure = new IllegalStateException("a native handle does not close", e);
        if (first == null) {
          first = failure;
        } else {
          first.addSuppressed(failure);
        }
      }
    }
    if (first != null) {
      throw first;
    }
  }
}
