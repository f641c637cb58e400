package dev.larder.coordinator.raft;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Platform threads that read RocksDB for virtual ones: a native frame holds a virtual thread's
 * carrier, so that a few reads from a cold disk would stop every request of the process.
 *
 * <p>A platform thread reads by itself. Reads that wait for a thread each have a caller who waits
 * too, so callers bound the queue; calls that begin here are bounded by {@link #orElse}.
 *
 * <p><b>Threads:</b> any. <b>Errors:</b> those of the read; CANCELLED when the caller is
 * interrupted, CLOSED.
 */
final class ReadPool implements AutoCloseable {
  private static final int IDLE_SECONDS = 30;

  /** Calls that may begin here while others wait; more of them queue where they can be refused. */
  private static final int WAITING_A_THREAD = 4;

  private final ThreadPoolExecutor threads;

  ReadPool(int size) {
    threads =
        new ThreadPoolExecutor(
            size,
            size,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            Thread.ofPlatform().daemon().name("coordinator-read-", 0).factory());
    threads.allowCoreThreadTimeOut(true);
  }

  /** What a read answers. */
  <T> T call(Supplier<T> read) {
    if (!Thread.currentThread().isVirtual()) {
      return read.get();
    }
    Future<T> answer;
    try {
      answer = threads.submit(read::get);
    } catch (RejectedExecutionException e) {
      throw new LarderException(ErrorCode.CLOSED, "the coordinator's state is closed", e);
    }
    try {
      return answer.get();
    } catch (InterruptedException e) {
      // A read at work is short and is not broken off; one that waits is taken away.
      answer.cancel(false);
      threads.purge();
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted while reading the state", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException fault) {
        throw fault;
      }
      if (e.getCause() instanceof Error fault) {
        throw fault;
      }
      throw new LarderException(ErrorCode.INTERNAL, "a read of the state failed", e);
    }
  }

  /**
   * Where a call that reads and does nothing else begins best: on these threads, or on others while
   * calls wait for these. RejectedExecutionException after the end.
   */
  Executor orElse(Executor others) {
    boolean isFull = waiting() >= WAITING_A_THREAD * threads.getMaximumPoolSize();
    return isFull ? others : threads;
  }

  /** Reads that wait for a thread. */
  int waiting() {
    return threads.getQueue().size();
  }

  /**
   * Takes no more; those waiting are still answered, by a state that is closed if it is by then.
   */
  @Override
  public void close() {
    threads.shutdown();
  }
}
