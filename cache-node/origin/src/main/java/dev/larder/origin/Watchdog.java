package dev.larder.origin;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks at every blocking call of one origin a few times per deadline. Its thread exists from the
 * first call to {@link #close} and sleeps while nothing is watched.
 */
final class Watchdog implements AutoCloseable {
  // An interrupt should be felt at once by a person who waits; a look costs microseconds.
  private static final long PERIOD_NANOS_MAX = 20_000_000;

  private static final Logger log = LoggerFactory.getLogger(Watchdog.class);

  private final Timing timing;
  private final long deadlineNanos;
  private final Set<Watch> watches = ConcurrentHashMap.newKeySet();
  private final AtomicBoolean started = new AtomicBoolean();
  private final Thread thread;
  private volatile boolean closed;
  private volatile boolean idle;

  Watchdog(String name, OriginContext context) {
    timing = context.timing();
    deadlineNanos = context.limits().progressDeadline().toNanos();
    thread = Thread.ofPlatform().daemon().name("origin-watchdog " + name).unstarted(this::run);
  }

  long nanos() {
    return timing.nanos();
  }

  void watch(Watch watch) {
    watches.add(watch);
    if (idle) {
      LockSupport.unpark(thread);
    } else if (!started.get() && started.compareAndSet(false, true)) {
      thread.start();
    }
  }

  void forget(Watch watch) {
    watches.remove(watch);
  }

  private void run() {
    long period = Math.min(PERIOD_NANOS_MAX, Math.max(1_000_000, deadlineNanos / 8));
    while (!closed) {
      if (watches.isEmpty()) {
        idle = true;
        if (watches.isEmpty() && !closed) {
          LockSupport.park(this);
        }
        idle = false;
      }
      long now = timing.nanos();
      for (Watch watch : watches) {
        try {
          watch.check(now, deadlineNanos);
        } catch (RuntimeException e) {
          // One connection that cannot be dropped must not end the watch over the others.
          log.warn("aborting a request failed", e);
        }
      }
      LockSupport.parkNanos(this, period);
    }
  }

  @Override
  public void close() {
    closed = true;
    LockSupport.unpark(thread);
  }
}
