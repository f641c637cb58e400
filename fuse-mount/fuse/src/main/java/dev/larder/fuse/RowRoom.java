package dev.larder.fuse;

import dev.larder.linux.LinuxException;
import dev.larder.protocol.LarderException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps room in the inode table: the kernel holds on to every name it was told, so when few rows
 * are left it is made to forget those nobody uses.
 *
 * <p><b>Threads:</b> any; the kernel is asked by a thread of this, never by one that serves.
 */
final class RowRoom {
  /*
   * A round is one dropNames and the FORGETs that come of it. One that frees no row of a full table
   * shows that programs hold them all: whoever waits is refused, and for SPENT_NANOS after it others
   * are at once, so that look-ups in vain do not take the workers from reads. Rounds asked for by
   * the water mark alone cost every mount its dentries, so they come at growing distances while they
   * do not bring the table below it.
   */
  private static final Logger log = LoggerFactory.getLogger(RowRoom.class);
  private static final int MARK_SHARE = 8;
  private static final long WAIT_NANOS_MAX = TimeUnit.SECONDS.toNanos(10);
  private static final long SPENT_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final long DISTANCE_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final long DISTANCE_NANOS_MAX = TimeUnit.SECONDS.toNanos(64);
  private static final long AGAIN_MILLIS = 250;
  private static final long ARRIVAL_MILLIS = 500;
  private static final long LOOK_MILLIS = 50;
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

  private final InodeTable table;
  private final Backings backings;
  private final long waitNanos;
  private final Consumer<Throwable> onFatal;
  private final int mark;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Thread thread = new Thread(this::run, "larder-fuse-names");

  // All under the lock.
  private int waiting;
  private boolean isLow;
  private long begun;
  private long spentRound;
  private long spentNanos;
  private long nextNanos = System.nanoTime();
  private long distanceNanos = DISTANCE_NANOS;
  private volatile boolean isRefused;
  private volatile boolean isStopped;

  /** {@code waitNanos} bounds a look-up's wait, where it is shorter than ten seconds. */
  RowRoom(InodeTable table, Backings backings, long waitNanos, Consumer<Throwable> onFatal) {
    this.table = table;
    this.backings = backings;
    this.waitNanos = Math.min(waitNanos, WAIT_NANOS_MAX);
    this.onFatal = onFatal;
    mark = table.capacity() - table.capacity() / MARK_SHARE;
    spentNanos = System.nanoTime() - SPENT_NANOS;
  }

  void start() {
    thread.setDaemon(true);
    thread.start();
  }

  /** Ends waits; a round under way ends by itself. */
  void stop() {
    isStopped = true;
    signal();
  }

  /** A row was given to a key. */
  void onAdded() {
    if (table.size() < mark || isRefused) {
      return;
    }
    lock.lock();
    try {
      if (!isLow) {
        isLow = true;
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Whether a full table may have room soon. */
  boolean isWorthWaiting() {
    lock.lock();
    try {
      return !isRefused && !isStopped && System.nanoTime() - spentNanos >= SPENT_NANOS;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for room.
   *
   * @return whether there was some; else every row is in use, or the wait was cancelled or too long
   */
  boolean await(Cancel cancel) {
    long until = System.nanoTime() + waitNanos;
    long round = ask();
    try {
      while (!isRefused && !isStopped && !cancel.isCancelled()) {
        if (table.awaitRoom(LOOK_MILLIS)) {
          return true;
        }
        if (isSpent(round) || System.nanoTime() - until >= 0) {
          return false;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      lock.lock();
      waiting--;
      lock.unlock();
    }
    return false;
  }

  /** Asks for a round, and gives the number of the first that begins from now on. */
  private long ask() {
    lock.lock();
    try {
      waiting++;
      changed.signalAll();
      return begun + 1;
    } finally {
      lock.unlock();
    }
  }

  private boolean isSpent(long round) {
    lock.lock();
    try {
      return spentRound >= round;
    } finally {
      lock.unlock();
    }
  }

  private void signal() {
    lock.lock();
    changed.signalAll();
    lock.unlock();
  }

  private void run() {
    try {
      while (awaitWish()) {
        round();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (Throwable e) {
      onFatal.accept(e);
    }
  }

  /** Waits until a round is wanted and due; false when there are to be no more. */
  private boolean awaitWish() throws InterruptedException {
    lock.lock();
    try {
      while (!isStopped && !isRefused) {
        long left = nextNanos - System.nanoTime();
        if (waiting > 0 && !table.hasRoom()) {
          // Whoever waits cannot wait for the distance between rounds of the water mark.
          left = Math.min(left, 0);
        }
        if (waiting == 0 && !isLow) {
          changed.await();
        } else if (left > 0) {
          long unused = changed.awaitNanos(left);
        } else if (waiting == 0 && table.size() < mark) {
          isLow = false;
        } else if (waiting > 0 && table.hasRoom() && table.size() < mark) {
          // They are about to see it.
          long unused = changed.awaitNanos(TimeUnit.MILLISECONDS.toNanos(LOOK_MILLIS));
        } else {
          begun++;
          isLow = false;
          return true;
        }
      }
      return false;
    } finally {
      lock.unlock();
    }
  }

  private void round() throws InterruptedException {
    long before = table.freed();
    try {
      backings.dropNames();
    } catch (LinuxException e) {
      log.warn("the kernel cannot be made to forget names (mount.rows-max): {}", e.getMessage());
      isRefused = true;
      return;
    } catch (LarderException e) {
      log.debug("names are not dropped now code={}: {}", e.code(), e.getMessage());
      boolean unused = table.awaitRoom(AGAIN_MILLIS);
      lock.lock();
      isLow = true;
      nextNanos = System.nanoTime() + DISTANCE_NANOS;
      lock.unlock();
      return;
    }
    long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ARRIVAL_MILLIS);
    while (table.size() >= mark && System.nanoTime() - until < 0 && !isStopped) {
      if (table.awaitRoom(LOOK_MILLIS)) {
        LockSupport.parkNanos(PAUSE_NANOS);
      }
    }
    ended(table.freed() - before);
  }

  private void ended(long freed) {
    lock.lock();
    try {
      long now = System.nanoTime();
      if (freed == 0 && !table.hasRoom()) {
        spentRound = begun;
        spentNanos = now;
      }
      boolean isHeld = table.size() >= mark && freed < table.capacity() / (2 * MARK_SHARE);
      distanceNanos = isHeld ? Math.min(2 * distanceNanos, DISTANCE_NANOS_MAX) : DISTANCE_NANOS;
      nextNanos = now + distanceNanos;
      log.debug("dropped names freed={} rows={}", freed, table.size());
    } finally {
      lock.unlock();
    }
  }
}
