package dev.larder.fuse;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Which slots can be read into; the one used last is given out first. Any thread. */
final class FreeSlots {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final int[] free;
  private int count;
  private boolean isClosed;

  FreeSlots(int slots) {
    free = new int[slots];
  }

  void put(int slot) {
    lock.lock();
    try {
      free[count++] = slot;
      changed.signal();
    } finally {
      lock.unlock();
    }
  }

  /** Waits for a slot; -1 once closed. */
  int take() {
    lock.lock();
    try {
      while (count == 0 && !isClosed) {
        changed.awaitUninterruptibly();
      }
      return isClosed ? -1 : free[--count];
    } finally {
      lock.unlock();
    }
  }

  int size() {
    lock.lock();
    try {
      return count;
    } finally {
      lock.unlock();
    }
  }

  void close() {
    lock.lock();
    try {
      isClosed = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
