package dev.larder.agent.http;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The door's threads for calls that wait. Platform threads, as RocksDB's native frames pin a
 * virtual thread's carrier.
 *
 * <p>New requests are refused when {@code http.worker-queue-max} of them wait. Work of a request
 * already begun is always taken: a connection has at most one piece of it, so connections bound the
 * queue. Streams have threads of their own, as they may last as long as their reader likes.
 */
final class Workers implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Workers.class);
  private static final long CLOSE_SECONDS = 5;

  private final int queueMax;
  private final ThreadPoolExecutor pool;
  private final ThreadPoolExecutor streams;
  private final ThreadPoolExecutor closer;
  private final Semaphore streamPermits;

  Workers(HttpDoorConfig config) {
    queueMax = config.workerQueueMax();
    pool = fixed("larder-http-worker-", config.workers());
    closer = fixed("larder-http-closer-", 1);
    streamPermits = new Semaphore(config.streamsMax());
    streams =
        new ThreadPoolExecutor(
            0,
            config.streamsMax() + 1,
            10,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            factory("larder-http-stream-"));
  }

  /** Runs a new request's work; TOO_MANY when too many wait already. */
  void begin(Runnable work) {
    if (pool.getQueue().size() >= queueMax) {
      throw new LarderException(
          ErrorCode.TOO_MANY, "http.worker-queue-max: " + queueMax + " requests wait already");
    }
    resume(work);
  }

  /** Runs more work of a request begun. */
  void resume(Runnable work) {
    submit(pool, work);
  }

  /** Runs work that lasts; TOO_MANY beyond {@code http.streams-max}. */
  void stream(Runnable work) {
    if (!streamPermits.tryAcquire()) {
      throw new LarderException(
          ErrorCode.TOO_MANY,
          "http.streams-max: as many listings and refreshes are being streamed");
    }
    boolean taken = false;
    try {
      submit(
          streams,
          () -> {
            try {
              work.run();
            } finally {
              streamPermits.release();
            }
          });
      taken = true;
    } finally {
      if (!taken) {
        streamPermits.release();
      }
    }
  }

  /** Closes a resource soon, even while every worker waits (perhaps for this very close). */
  void closeSoon(AutoCloseable resource) {
    try {
      closer.execute(() -> closeNow(resource));
    } catch (RejectedExecutionException e) {
      closeNow(resource);
    }
  }

  int busy() {
    return pool.getActiveCount() + streams.getActiveCount();
  }

  int queued() {
    return pool.getQueue().size();
  }

  /** Interrupts what still runs; the door closed its connections before. */
  @Override
  public void close() {
    for (ThreadPoolExecutor executor : new ThreadPoolExecutor[] {pool, streams, closer}) {
      executor.shutdown();
    }
    for (ThreadPoolExecutor executor : new ThreadPoolExecutor[] {pool, streams, closer}) {
      await(executor);
    }
  }

  private static void await(ExecutorService executor) {
    try {
      if (!executor.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
        log.warn("http workers still busy after seconds={}, interrupting", CLOSE_SECONDS);
        executor.shutdownNow();
      }
    } catch (InterruptedException e) {
      executor.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }

  private static void closeNow(AutoCloseable resource) {
    try {
      resource.close();
    } catch (Exception e) {
      log.warn("closing a blob failed", e);
    }
  }

  private static void submit(ThreadPoolExecutor executor, Runnable work) {
    try {
      executor.execute(work);
    } catch (RejectedExecutionException e) {
      throw new LarderException(ErrorCode.CLOSED, "the front door is closing", e);
    }
  }

  private static ThreadPoolExecutor fixed(String name, int threads) {
    ThreadPoolExecutor executor =
        new ThreadPoolExecutor(
            threads, threads, 30, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), factory(name));
    executor.allowCoreThreadTimeOut(true);
    return executor;
  }

  private static ThreadFactory factory(String name) {
    AtomicInteger next = new AtomicInteger();
    return work -> {
      Thread thread = new Thread(work, name + next.incrementAndGet());
      thread.setDaemon(true);
      return thread;
    };
  }
}
