package dev.larder.origin;

import org.jspecify.annotations.Nullable;

/**
 * One caller's eye on its own blocking calls. {@link Watchdog} aborts a call that lasts longer than
 * the deadline, whose thread was interrupted, or whose origin was closed: blocking socket reads of
 * a platform thread answer to nothing else.
 *
 * <p><b>Threads:</b> {@link #begin}, {@link #end} and {@link #onAbort} by the caller's, {@link
 * #check} by the watchdog's.
 */
final class Watch {
  /** Why a call was aborted. */
  enum Verdict {
    /** It was not. */
    NONE,
    /** It delivered nothing for too long. */
    DEADLINE,
    /** Its thread was interrupted. */
    CANCELLED
  }

  /** The watch of the call on this thread, for clients that libraries call, which stay on it. */
  static final ScopedValue<Watch> CURRENT = ScopedValue.newInstance();

  private final Watchdog watchdog;
  private volatile @Nullable Thread caller;
  private volatile long sinceNanos;
  private volatile @Nullable Runnable abort;
  private volatile Verdict verdict = Verdict.NONE;

  Watch(Watchdog watchdog) {
    this.watchdog = watchdog;
  }

  /** A blocking call begins on this thread. */
  void begin() {
    verdict = Verdict.NONE;
    sinceNanos = watchdog.nanos();
    caller = Thread.currentThread();
    watchdog.watch(this);
  }

  /** Bytes came although the call goes on. */
  void progressed() {
    sinceNanos = watchdog.nanos();
  }

  /** The call ended; says whether it was aborted. */
  Verdict end() {
    caller = null;
    watchdog.forget(this);
    return verdict;
  }

  /** How to abort what blocks now; null when nothing can be aborted. */
  void onAbort(@Nullable Runnable action) {
    abort = action;
    Runnable late = action;
    // The verdict may have fallen before there was anything to abort.
    if (late != null && verdict != Verdict.NONE) {
      late.run();
    }
  }

  void check(long nowNanos, long deadlineNanos) {
    Thread thread = caller;
    if (thread == null || verdict != Verdict.NONE) {
      return;
    }
    if (thread.isInterrupted()) {
      verdict = Verdict.CANCELLED;
    } else if (nowNanos - sinceNanos > deadlineNanos) {
      verdict = Verdict.DEADLINE;
    } else {
      return;
    }
    Runnable action = abort;
    if (action != null) {
      action.run();
    }
  }
}
