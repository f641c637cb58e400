package dev.larder.mount;

import java.time.Duration;

/**
 * Says when the overlays are to be remounted, which makes them look again where each file's bytes
 * are. A remount reaches only files that nobody has open, so one is not always enough:
 *
 * <ul>
 *   <li>a file whose bytes were wrong is to go as soon as it can: the next rounds all remount;
 *   <li>a sealed file that is opened through FUSE all the same was held open at the last remount:
 *       one more is made, at growing distances where that does not help either.
 * </ul>
 *
 * <p><b>Threads:</b> any. Times are {@code System.nanoTime}-like and come from the caller.
 */
final class RemountPlan {
  private static final int ROUNDS_FOR_WRONG = 60;
  private static final int DISTANCE_MAX = 64;

  private final long everyNanos;
  private boolean isDirty;
  private boolean isOpenedSlowly;
  private int roundsForWrong;
  private long lastNanos;

  /** Rounds between the last remount and the next one that only slow opens ask for. */
  private int distance = 1;

  /**
   * Plans for nothing yet.
   *
   * @param every {@code mount.remount-interval}: how often {@link #takeDue} is asked
   */
  RemountPlan(Duration every, long nowNanos) {
    everyNanos = every.toNanos();
    lastNanos = nowNanos;
  }

  /** A file the mounts know was sealed or dropped, or a mount went. */
  synchronized void changed() {
    isDirty = true;
    distance = 1;
  }

  /** The bytes of a file were found to be wrong. */
  synchronized void foundWrong() {
    roundsForWrong = ROUNDS_FOR_WRONG;
  }

  /** A sealed file was opened through FUSE. */
  synchronized void openedSlowly() {
    isOpenedSlowly = true;
  }

  /** Whether a remount is due; if so, the caller makes it. */
  synchronized boolean takeDue(long nowNanos) {
    boolean isForOpens = isOpenedSlowly && nowNanos - lastNanos >= distance * everyNanos;
    boolean isDue = isDirty || roundsForWrong > 0 || isForOpens;
    if (isDue) {
      if (!isDirty && roundsForWrong == 0) {
        distance = Math.min(DISTANCE_MAX, 2 * distance);
      }
      lastNanos = nowNanos;
      isDirty = false;
      isOpenedSlowly = false;
    }
    roundsForWrong = Math.max(0, roundsForWrong - 1);
    return isDue;
  }
}
