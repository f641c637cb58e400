package dev.larder.origin;

import dev.larder.origin.OriginMetrics.Operation;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * What all providers share: the cap on connections, the deadline, retries with full jitter, and the
 * end of everything on close. Any thread.
 */
final class Requests implements AutoCloseable {
  // A reader that sits on its connection must not hold up others for ever, yet a queue behind a
  // bandwidth cap is no fault: some deadlines' worth of waiting tells the two apart.
  private static final int QUEUE_DEADLINES = 6;
  // Beyond this a caller is better told than kept waiting.
  private static final Duration RETRY_AFTER_MAX = Duration.ofSeconds(30);

  private final String name;
  private final OriginContext context;
  private final Semaphore connections;
  private final Bandwidth bandwidth;
  private final Watchdog watchdog;
  private final Set<RetryingRead> reads = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  Requests(String name, OriginContext context) {
    this.name = name;
    this.context = context;
    connections = new Semaphore(context.limits().connectionsMax(), true);
    bandwidth = new Bandwidth(context.limits().bytesPerSecond(), context.timing());
    watchdog = new Watchdog(name, context);
  }

  /** One request whose answer is a value. */
  @FunctionalInterface
  interface Attempt<T> {
    T run(Watch watch) throws OriginFailure;
  }

  /** Sends a request, again where it fails for a while only. */
  <T> T call(Operation operation, Attempt<T> attempt) {
    acquire();
    try {
      Watch watch = new Watch(watchdog);
      Retries retries = new Retries(this);
      while (true) {
        try {
          return guarded(watch, operation, attempt);
        } catch (OriginFailure failure) {
          retries.next(failure);
        }
      }
    } catch (LarderException e) {
      context.metrics().error(e.code());
      throw e;
    } finally {
      connections.release();
    }
  }

  /** Opens a range; the answer's head has come and is checked when this returns. */
  Origin.OriginRead read(OriginObject object, long offset, long length, RangeBody.Opener opener) {
    requireInside(object, offset, length);
    RetryingRead read = new RetryingRead(this, object, offset, length, opener);
    if (length > 0) {
      read.start();
    }
    return read;
  }

  /** One watched attempt; the watchdog's verdict wins over whatever the abort looked like. */
  <T> T guarded(Watch watch, Operation operation, Attempt<T> attempt) throws OriginFailure {
    context.metrics().request(operation);
    return watched(watch, attempt);
  }

  /** A blocking step that is no request of its own. */
  <T> T watched(Watch watch, Attempt<T> attempt) throws OriginFailure {
    requireOpen();
    requireNotInterrupted();
    watch.begin();
    OriginFailure failed;
    Watch.Verdict verdict;
    try {
      return attempt.run(watch);
    } catch (OriginFailure failure) {
      failed = failure;
    } finally {
      watch.onAbort(null);
      verdict = watch.end();
    }
    requireOpen();
    if (verdict == Watch.Verdict.CANCELLED || Thread.currentThread().isInterrupted()) {
      throw new LarderException(ErrorCode.CANCELLED, name + ": interrupted", failed);
    }
    if (verdict == Watch.Verdict.DEADLINE) {
      throw OriginFailure.passing(
              ErrorCode.DEADLINE,
              name
                  + " delivered nothing for "
                  + context.limits().progressDeadline().toMillis()
                  + " ms (origin.progress-deadline)")
          .because(failed);
    }
    throw failed;
  }

  void pause(Duration duration) {
    try {
      context.timing().sleep(duration);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, name + ": interrupted", e);
    }
    requireOpen();
  }

  void spend(long bytes) {
    context.metrics().bytes(bytes);
    try {
      bandwidth.spend(bytes);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, name + ": interrupted", e);
    }
  }

  int readBytesMax(int wanted) {
    return bandwidth.readBytesMax(wanted);
  }

  Duration retryAfterMax() {
    return RETRY_AFTER_MAX;
  }

  OriginContext context() {
    return context;
  }

  Watch newWatch() {
    return new Watch(watchdog);
  }

  void acquire() {
    requireOpen();
    long waitMillis = Math.max(1, QUEUE_DEADLINES * context.limits().progressDeadline().toMillis());
    try {
      if (!connections.tryAcquire(waitMillis, TimeUnit.MILLISECONDS)) {
        context.metrics().error(ErrorCode.TOO_MANY);
        throw new LarderException(
            ErrorCode.TOO_MANY,
            name
                + ": all "
                + context.limits().connectionsMax()
                + " connections are in use (origin.connections-max)");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, name + ": interrupted", e);
    }
  }

  void release() {
    connections.release();
  }

  void opened(RetryingRead read) {
    reads.add(read);
    if (closed) {
      read.cut();
    }
  }

  void ended(RetryingRead read) {
    reads.remove(read);
  }

  void requireOpen() {
    if (closed) {
      throw new LarderException(ErrorCode.CLOSED, name + " is closed");
    }
  }

  private void requireNotInterrupted() {
    if (Thread.currentThread().isInterrupted()) {
      throw new LarderException(ErrorCode.CANCELLED, name + ": interrupted");
    }
  }

  private static void requireInside(OriginObject object, long offset, long length) {
    if (object.type() != OriginObject.Type.FILE) {
      throw new LarderException(ErrorCode.WRONG_TYPE, object.uri() + " is not a file");
    }
    if (offset < 0 || length < 0 || offset > object.sizeBytes() - length) {
      throw new LarderException(
          ErrorCode.BAD_RANGE,
          "bytes "
              + offset
              + " to "
              + (offset + length)
              + " of "
              + object.uri()
              + ", which has "
              + object.sizeBytes());
    }
  }

  @Override
  public void close() {
    closed = true;
    reads.forEach(RetryingRead::cut);
    watchdog.close();
  }
}
