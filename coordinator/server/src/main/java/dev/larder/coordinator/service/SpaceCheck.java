package dev.larder.coordinator.service;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Refuses changes while the disk is nearly full: a log that finds no room in the middle of an entry
 * stops its coordinator, and reads with it. The disk is looked at once a second at most. Any
 * thread.
 */
public final class SpaceCheck {
  private static final Logger log = LoggerFactory.getLogger(SpaceCheck.class);
  private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** Tells how much room there is. */
  @FunctionalInterface
  public interface Space {
    /** Bytes that may be written. */
    long usableBytes() throws IOException;
  }

  private final Space space;
  private final String place;
  private final long minBytes;
  private final AtomicLong lookAt = new AtomicLong(System.nanoTime());
  private volatile boolean isFull;
  private volatile long usableBytes = -1;

  /** Looks at a directory's disk; below {@code minBytes} it is full. */
  public SpaceCheck(Space space, Path directory, long minBytes) {
    this.space = space;
    this.place = directory.toString();
    this.minBytes = minBytes;
  }

  /** Bytes of room as last seen; -1 while that is not known. */
  public long usableBytes() {
    look();
    return usableBytes;
  }

  /**
   * Whether so little is left that a log which others write must end before it finds no room: an
   * eighth of what changes are refused at, so that a leader has refused its own long before.
   */
  public boolean isNearlyOut() {
    long bytes = usableBytes();
    return bytes >= 0 && bytes < minBytes / 8;
  }

  /** Whether changes are refused now. */
  public boolean isFull() {
    look();
    return isFull;
  }

  /**
   * Lets a change pass.
   *
   * @throws LarderException STORE_FULL
   */
  void check() {
    look();
    if (isFull) {
      throw new LarderException(
          ErrorCode.STORE_FULL,
          "the disk of the coordinator's " + place + " has less than coordinator.free-space-min");
    }
  }

  private void look() {
    long now = System.nanoTime();
    long due = lookAt.get();
    if (now - due < 0 || !lookAt.compareAndSet(due, now + LOOK_NANOS)) {
      return;
    }
    try {
      long usable = space.usableBytes();
      usableBytes = usable;
      boolean full = usable < minBytes;
      if (full != isFull) {
        log.warn("coordinator disk full={} directory={}", full, place);
      }
      isFull = full;
    } catch (IOException e) {
      log.warn("the room on the disk of {} is not known", place, e);
    }
  }
}
