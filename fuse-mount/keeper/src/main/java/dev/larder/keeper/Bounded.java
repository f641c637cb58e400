package dev.larder.keeper;

import dev.larder.linux.Errno;
import dev.larder.linux.LinuxException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A system call that may never come back, on a thread of its own. */
final class Bounded {
  private final CompletableFuture<Void> result = new CompletableFuture<>();
  private final String subject;

  interface Call {
    void run() throws LinuxException;
  }

  /** Starts the call. */
  Bounded(String subject, Call call) {
    this.subject = subject;
    Thread thread =
        new Thread(
            () -> {
              try {
                call.run();
                result.complete(null);
              } catch (LinuxException | RuntimeException e) {
                result.completeExceptionally(e);
              }
            },
            "keeper-call");
    thread.setDaemon(true);
    thread.start();
  }

  /** Whether the call has come back by then. */
  boolean await(int millis) throws LinuxException {
    try {
      result.get(millis, TimeUnit.MILLISECONDS);
      return true;
    } catch (TimeoutException e) {
      return false;
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
}
