package dev.larder.keeper;

import dev.larder.linux.Errno;
import dev.larder.linux.LinuxException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A system call that may never come back, as one on a path of a dead network file system, on a
 * thread of its own.
 */
final class Bounded<T> {
  /** Threads that may hang at once; beyond it a call is refused at once. */
  private static final Semaphore ROOM = new Semaphore(16);

  private final CompletableFuture<T> result = new CompletableFuture<>();
  private final String subject;

  interface Call<T> {
    T run() throws LinuxException;
  }

  /**
   * Starts the call.
   *
   * @throws LinuxException EBUSY when too many hang already
   */
  Bounded(String subject, Call<T> call) throws LinuxException {
    this.subject = subject;
    if (!ROOM.tryAcquire()) {
      throw new LinuxException("wait", subject, Errno.EBUSY, "too many calls hang in the kernel");
    }
    Thread thread = new Thread(() -> run(call), "keeper-call");
    thread.setDaemon(true);
    thread.start();
  }

  private void run(Call<T> call) {
    try {
      result.complete(call.run());
    } catch (LinuxException | RuntimeException e) {
      result.completeExceptionally(e);
    } finally {
      ROOM.release();
    }
  }

  /** What the call gave; null when it has not come back by then. */
  @Nullable T await(int millis) throws LinuxException {
    try {
      return result.get(millis, TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      return null;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof LinuxException fault) {
        throw fault;
      }
      throw new IllegalStateException(subject, e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LinuxException("wait", subject, Errno.EINTR);
    }
  }

  /** Nobody waits any more: whatever the call still gives is let go of. */
  void abandon() {
    var unused =
        result.thenAccept(late -> {
          if (late instanceof Target target) {
            target.close();
          }
        });
  }
}
