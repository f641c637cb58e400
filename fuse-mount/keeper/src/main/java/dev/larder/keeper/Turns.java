package dev.larder.keeper;

import dev.larder.linux.Errno;
import dev.larder.linux.LinuxException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Changes that touch the same directory or view take turns; others go on side by side, as one that
 * hangs (a target on a dead network file system) must not hold up all. Any thread.
 */
final class Turns {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Set<String> taken = new HashSet<>();
  private final long waitNanos;

  Turns(long waitNanos) {
    this.waitNanos = waitNanos;
  }

  /** Ends with {@link #close}. */
  interface Turn extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Waits until nobody has any of these.
   *
   * @throws LinuxException EBUSY when somebody has one for too long
   */
  Turn take(String... keys) throws LinuxException {
    Set<String> wanted = new HashSet<>(List.of(keys));
    long left = waitNanos;
    lock.lock();
    try {
      while (wanted.stream().anyMatch(taken::contains)) {
        if (left <= 0) {
          throw new LinuxException(
              "wait", keys[0], Errno.EBUSY, "another change of it does not come to an end");
        }
        left = changed.awaitNanos(left);
      }
      taken.addAll(wanted);
      return () -> give(wanted);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LinuxException("wait", keys[0], Errno.EINTR);
    } finally {
      lock.unlock();
    }
  }

  private void give(Set<String> keys) {
    lock.lock();
    try {
      taken.removeAll(keys);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
