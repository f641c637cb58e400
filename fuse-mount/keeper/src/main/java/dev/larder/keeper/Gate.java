package dev.larder.keeper;

import dev.larder.keeper.wire.Request;
import dev.larder.linux.Errno;
import dev.larder.linux.LinuxException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Requests pass through it, so that the keeper can end between two of them and never within one,
 * with its effect done and its answer not sent. Any thread.
 */
final class Gate {
  private static final long SHUT_NANOS = TimeUnit.SECONDS.toNanos(10);

  private int inside;
  private boolean isShut;

  /** Ends with {@link #close}. */
  interface Pass extends AutoCloseable {
    @Override
    void close();
  }

  /** Lets a request in; null once it is shut. */
  synchronized @Nullable Pass enter(Request request) {
    if (isShut) {
      return null;
    }
    if (request instanceof Request.End) {
      // It is the one that waits for all others.
      return () -> {};
    }
    if (request instanceof Request.Invalidate || request instanceof Request.DropNames) {
      // It may wait for reads in a way nothing ends, and doing it twice does no harm.
      return () -> {};
    }
    inside++;
    return this::leave;
  }

  private synchronized void leave() {
    inside--;
    notifyAll();
  }

  /**
   * Lets nobody in any more, and waits until nobody is inside.
   *
   * @throws LinuxException EBUSY when somebody stays; then it is open again
   */
  synchronized void shut() throws LinuxException {
    if (isShut) {
      throw new LinuxException("end", "keeper", Errno.EBUSY, "it ends already");
    }
    isShut = true;
    long end = System.nanoTime() + SHUT_NANOS;
    try {
      long left = SHUT_NANOS;
      while (inside > 0 && left > 0) {
        // Rounded up: 0 would be without an end.
        wait(left / 1_000_000 + 1);
        left = end - System.nanoTime();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (inside > 0) {
      isShut = false;
      throw new LinuxException("end", "keeper", Errno.EBUSY, inside + " requests do not end");
    }
  }
}
