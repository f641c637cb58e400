package dev.larder.store;

import dev.larder.protocol.BlobKey;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A lock for each blob, striped. Held while a blob is opened, closed, created or removed. First in
 * the lock order; a thread that holds one takes another only by {@link #tryLock}.
 */
final class KeyLocks {
  private static final int STRIPES = 256;

  private final ReentrantLock[] locks = new ReentrantLock[STRIPES];

  KeyLocks() {
    for (int i = 0; i < STRIPES; i++) {
      locks[i] = new ReentrantLock();
    }
  }

  /** Held until closed by the thread that took it. */
  record Held(ReentrantLock lock) implements AutoCloseable {
    @Override
    public void close() {
      lock.unlock();
    }
  }

  Held lock(BlobKey key) {
    ReentrantLock lock = of(key);
    lock.lock();
    return new Held(lock);
  }

  /** Null if another thread holds it. */
  @org.jspecify.annotations.Nullable
  Held tryLock(BlobKey key) {
    ReentrantLock lock = of(key);
    return lock.tryLock() ? new Held(lock) : null;
  }

  /** Every lock, in order: nothing else opens, closes or removes a blob meanwhile. */
  AutoCloseable lockAll() {
    for (ReentrantLock lock : locks) {
      lock.lock();
    }
    return () -> {
      for (ReentrantLock lock : locks) {
        lock.unlock();
      }
    };
  }

  private ReentrantLock of(BlobKey key) {
    return locks[(int) (key.digest().a() >>> 56)];
  }
}
