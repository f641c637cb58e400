package dev.larder.mount;

import dev.larder.agent.read.BlobRead;
import dev.larder.fuse.Cancel;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Reads of one blob that may wait for the origin, each used by one thread at a time; at most so
 * many at once. Any thread.
 */
final class Streams implements AutoCloseable {
  // A cancelled call is woken by its token; looking again keeps a lost one from hanging.
  private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private final Supplier<BlobRead> opener;
  private final int max;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition freed = lock.newCondition();
  private final ArrayDeque<Stream> idle = new ArrayDeque<>();
  private int open;
  private boolean isClosed;

  private int round;

  /**
   * A read and when it was last used.
   *
   * @param round how often all had been dropped when it was opened
   */
  record Stream(BlobRead read, long usedNanos, int round) {}

  Streams(Supplier<BlobRead> opener, int max) {
    this.opener = opener;
    this.max = max;
  }

  /** A read for the caller alone; it is given back afterwards. */
  Stream take(Cancel cancel) {
    int opened;
    lock.lock();
    try {
      while (true) {
        if (isClosed || cancel.isCancelled()) {
          throw new LarderException(ErrorCode.CANCELLED, "the read was given up");
        }
        Stream free = idle.pollFirst();
        if (free != null) {
          return free;
        }
        if (open < max) {
          open++;
          opened = round;
          break;
        }
        freed.awaitNanos(LOOK_AGAIN_NANOS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted", e);
    } finally {
      lock.unlock();
    }
    try {
      return new Stream(opener.get(), System.nanoTime(), opened);
    } catch (RuntimeException e) {
      forget();
      throw e;
    }
  }

  /** Takes a read back; one that failed or was cancelled is closed. */
  void giveBack(Stream stream, boolean isGood) {
    boolean isKept = false;
    lock.lock();
    try {
      if (isGood && !isClosed && stream.round() == round) {
        idle.addFirst(new Stream(stream.read(), System.nanoTime(), round));
        freed.signal();
        isKept = true;
      }
    } finally {
      lock.unlock();
    }
    if (!isKept) {
      forget();
      stream.read().close();
    }
  }

  /** Closes reads that were idle for so long. */
  void letGo(long nowNanos, long idleNanos) {
    List<Stream> old = new ArrayList<>();
    lock.lock();
    try {
      while (!idle.isEmpty() && nowNanos - idle.getLast().usedNanos() > idleNanos) {
        old.add(idle.removeLast());
        open--;
      }
    } finally {
      lock.unlock();
    }
    old.forEach(each -> each.read().close());
  }

  /** What is open goes to nobody any more: it may have a file of wrong bytes. */
  void drop() {
    List<Stream> old;
    lock.lock();
    try {
      round++;
      old = List.copyOf(idle);
      idle.clear();
      open -= old.size();
      freed.signalAll();
    } finally {
      lock.unlock();
    }
    old.forEach(each -> each.read().close());
  }

  private void forget() {
    lock.lock();
    try {
      open--;
      freed.signal();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() {
    List<Stream> rest;
    lock.lock();
    try {
      isClosed = true;
      rest = List.copyOf(idle);
      idle.clear();
      open -= rest.size();
      freed.signalAll();
    } finally {
      lock.unlock();
    }
    rest.forEach(each -> each.read().close());
  }
}
