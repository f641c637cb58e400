package dev.larder.fuse;

import dev.larder.linux.LinuxException;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The workers' reply buffers, made when first needed and kept. Three sizes with a share each, so
 * that large reads cannot use up what small ones need.
 *
 * <p><b>Threads:</b> any.
 */
final class ReplyBuffers implements AutoCloseable {
  private static final int SMALL_BYTES = 4096;
  private static final int MEDIUM_BYTES = 128 << 10;

  /** How long a cancelled taker may go on waiting. */
  private static final long LOOK_MILLIS = 50;

  private final ReentrantLock lock = new ReentrantLock();
  private final Shelf[] shelves;
  private boolean isClosed;

  ReplyBuffers(long bytesMax, int readBytesMax) {
    shelves =
        new Shelf[] {
          new Shelf(SMALL_BYTES, bytesMax / 8),
          new Shelf(MEDIUM_BYTES, bytesMax * 3 / 8),
          new Shelf(Math.max(readBytesMax, MEDIUM_BYTES), bytesMax / 2)
        };
  }

  /**
   * A buffer with room for a body, to be given back; null when cancelled first.
   *
   * @throws LarderException TOO_MANY when the system has no memory even for one
   */
  @Nullable ReplyBuffer take(int bodyBytes, Cancel cancel) {
    Shelf shelf = shelfFor(bodyBytes);
    lock.lock();
    try {
      while (!isClosed && !cancel.isCancelled()) {
        ReplyBuffer buffer = shelf.take();
        if (buffer != null) {
          return buffer;
        }
        // Woken late at worst: takers of several sizes wait for different things.
        boolean unused = shelf.returned.await(LOOK_MILLIS, TimeUnit.MILLISECONDS);
      }
      return null;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    } finally {
      lock.unlock();
    }
  }

  void giveBack(ReplyBuffer buffer) {
    Shelf shelf = shelfFor(buffer.bodyBytes());
    lock.lock();
    try {
      if (isClosed) {
        buffer.close();
        return;
      }
      shelf.free.push(buffer);
      shelf.returned.signal();
    } finally {
      lock.unlock();
    }
  }

  /** Bytes allocated so far. */
  long bytes() {
    lock.lock();
    try {
      long sum = 0;
      for (Shelf shelf : shelves) {
        sum += shelf.count * (long) (shelf.bodyBytes + ReplyBuffer.BODY_AT);
      }
      return sum;
    } finally {
      lock.unlock();
    }
  }

  /** Frees what is not in use, and the rest as it comes back. */
  @Override
  public void close() {
    lock.lock();
    try {
      isClosed = true;
      for (Shelf shelf : shelves) {
        shelf.free.forEach(ReplyBuffer::close);
        shelf.free.clear();
        shelf.returned.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  private Shelf shelfFor(int bodyBytes) {
    for (Shelf shelf : shelves) {
      if (bodyBytes <= shelf.bodyBytes) {
        return shelf;
      }
    }
    throw new IllegalArgumentException("a reply of " + bodyBytes + " bytes");
  }

  /** Buffers of one size; under the lock. */
  private final class Shelf {
    private final int bodyBytes;
    private final int countMax;
    private final ArrayDeque<ReplyBuffer> free = new ArrayDeque<>();
    private final Condition returned = lock.newCondition();
    private int count;

    Shelf(int bodyBytes, long bytesMax) {
      this.bodyBytes = bodyBytes;
      this.countMax = (int) Math.max(1, bytesMax / (bodyBytes + ReplyBuffer.BODY_AT));
    }

    @Nullable ReplyBuffer take() {
      if (!free.isEmpty()) {
        return free.pop();
      }
      if (count == countMax) {
        return null;
      }
      try {
        ReplyBuffer buffer = ReplyBuffer.allocate(bodyBytes);
        count++;
        return buffer;
      } catch (LinuxException e) {
        if (count > 0) {
          return null;
        }
        throw new LarderException(ErrorCode.TOO_MANY, "no memory for a reply: " + e, e);
      }
    }
  }
}
