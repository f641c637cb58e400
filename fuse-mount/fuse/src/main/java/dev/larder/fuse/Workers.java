package dev.larder.fuse;

import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Threads that wait on behalf of readers. Platform threads, as reads end in native calls that would
 * pin a virtual thread's carrier; made when none is idle, gone after a while without work. What
 * waits for a thread is bounded by the slots: a request is queued once.
 */
final class Workers implements AutoCloseable {
  private static final long IDLE_SECONDS = 10;
  private static final long STACK_BYTES = 256 << 10;

  private final int threadsMax;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final ArrayDeque<Runnable> queue = new ArrayDeque<>();
  private int threads;
  private int idle;
  private int started;
  private boolean isClosed;

  Workers(int threadsMax) {
    this.threadsMax = threadsMax;
  }

  /** Runs a task soon; dropped after {@link #close}. */
  void execute(Runnable task) {
    lock.lock();
    try {
      if (isClosed) {
        return;
      }
      queue.add(task);
      if (idle >= queue.size()) {
        changed.signal();
      } else if (threads < threadsMax) {
        threads++;
        started++;
        Thread thread = new Thread(null, this::run, "larder-fuse-worker-" + started, STACK_BYTES);
        thread.setDaemon(true);
        thread.start();
      }
    } finally {
      lock.unlock();
    }
  }

  int busy() {
    lock.lock();
    try {
      return threads - idle;
    } finally {
      lock.unlock();
    }
  }

  /** Drops what is queued and waits for what runs; false when it did not end in time. */
  boolean close(long timeoutNanos) {
    lock.lock();
    try {
      isClosed = true;
      queue.clear();
      changed.signalAll();
      long left = timeoutNanos;
      while (threads > 0 && left > 0) {
        left = changed.awaitNanos(left);
      }
      return threads == 0;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() {
    boolean unused = close(0);
  }

  private void run() {
    try {
      Runnable task;
      while ((task = next()) != null) {
        task.run();
      }
    } finally {
      lock.lock();
      threads--;
      changed.signalAll();
      lock.unlock();
    }
  }

  private @Nullable Runnable next() {
    lock.lock();
    try {
      idle++;
      long left = TimeUnit.SECONDS.toNanos(IDLE_SECONDS);
      while (queue.isEmpty() && !isClosed && left > 0) {
        left = changed.awaitNanos(left);
      }
      return queue.poll();
    } catch (InterruptedException e) {
      return null;
    } finally {
      idle--;
      lock.unlock();
    }
  }
}
