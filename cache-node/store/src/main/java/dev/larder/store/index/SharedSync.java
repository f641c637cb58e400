package dev.larder.store.index;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One sync of the log for all who ask for it at a time: who comes while one runs shares the next.
 *
 * <p>Any thread.
 */
final class SharedSync {
  private final Runnable sync;

  /** Fair, or a thread that comes back at once would sync for itself while others wait. */
  private final ReentrantLock running = new ReentrantLock(true);

  private final AtomicLong asked = new AtomicLong();

  /** Calls that began before the last sync did. Guarded by {@link #running}. */
  private long served;

  /**
   * @param sync puts everything written before its call on stable storage
   */
  SharedSync(Runnable sync) {
    this.sync = sync;
  }

  /** Returns once everything the caller wrote is on stable storage; a fault is only its own. */
  void run() {
    long mine = asked.incrementAndGet();
    running.lock();
    try {
      if (served < mine) {
        long now = asked.get();
        sync.run();
        served = now;
      }
    } finally {
      running.unlock();
    }
  }
}
