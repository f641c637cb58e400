package dev.larder.origin;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Caps the bytes a second over all reads of one origin. A reader pays for bytes after they came, by
 * waiting until the line would have been free at the capped speed. Any thread.
 */
final class Bandwidth {
  private static final long READ_BYTES_MIN = 16 << 10;
  private static final long NANOS = 1_000_000_000L;
  // Time not used is kept for so long: enough that a scheduler's hiccup costs no throughput.
  private static final long BURST_NANOS = 20_000_000;

  private final long bytesPerSecond;
  private final Timing timing;
  private final AtomicLong freeAtNanos;

  Bandwidth(long bytesPerSecond, Timing timing) {
    this.bytesPerSecond = bytesPerSecond;
    this.timing = timing;
    this.freeAtNanos = new AtomicLong(timing.nanos());
  }

  /** The most one read should ask for, so that many readers share evenly. */
  int readBytesMax(int wanted) {
    if (bytesPerSecond == 0) {
      return wanted;
    }
    return (int) Math.min(wanted, Math.max(READ_BYTES_MIN, bytesPerSecond / 50));
  }

  /** Pays for bytes that came. */
  void spend(long bytes) throws InterruptedException {
    if (bytesPerSecond == 0) {
      return;
    }
    long cost = (long) ((double) bytes / bytesPerSecond * NANOS);
    long now = timing.nanos();
    long free = freeAtNanos.updateAndGet(at -> Math.max(at, now - BURST_NANOS) + cost);
    if (free > now) {
      timing.sleep(Duration.ofNanos(free - now));
    }
  }
}
