package dev.larder.agent.peer;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Caps bytes a second over all that pay here: whoever moved bytes waits until a line of that speed
 * would be free again. Any thread.
 */
public final class RateCap {
  private static final long NANOS = 1_000_000_000L;

  /** Time not used is kept for so long, so that a scheduler's hiccup costs no throughput. */
  private static final long BURST_NANOS = 20_000_000;

  private final long bytesPerSecond;
  private final AtomicLong freeAtNanos = new AtomicLong(System.nanoTime() - BURST_NANOS);

  /** {@code bytesPerSecond} 0 caps nothing. */
  public RateCap(long bytesPerSecond) {
    this.bytesPerSecond = bytesPerSecond;
  }

  /** Whether there is a cap. */
  public boolean isCapped() {
    return bytesPerSecond > 0;
  }

  /** The most to move at once, so that many share evenly. */
  public long most(long wanted) {
    return bytesPerSecond == 0
        ? wanted
        : Math.min(wanted, Math.max(PeerConfig.BUFFER_BYTES, bytesPerSecond / 20));
  }

  /** Pays; CANCELLED when the thread is interrupted while it waits. */
  public void spend(long bytes) {
    if (bytesPerSecond == 0) {
      return;
    }
    long cost = (long) ((double) bytes / bytesPerSecond * NANOS);
    long now = System.nanoTime();
    long free = freeAtNanos.updateAndGet(at -> Math.max(at, now - BURST_NANOS) + cost);
    for (long left = free - now; left > 0; left = free - System.nanoTime()) {
      if (Thread.currentThread().isInterrupted()) {
        throw new LarderException(ErrorCode.CANCELLED, "interrupted while waiting for bandwidth");
      }
      LockSupport.parkNanos(left);
    }
  }
}
