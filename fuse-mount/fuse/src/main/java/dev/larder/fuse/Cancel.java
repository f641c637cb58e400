package dev.larder.fuse;

import org.jspecify.annotations.Nullable;

/**
 * Tells who waits on a reader's behalf that the reader gave up. Once cancelled it stays so.
 *
 * <p>Not the interrupt of a thread, which would close the file channels of others on its way.
 *
 * <p><b>Threads:</b> any.
 */
public final class Cancel {
  private boolean cancelled;
  private @Nullable Runnable action;

  /** Whether the wait is over. */
  public synchronized boolean isCancelled() {
    return cancelled;
  }

  /**
   * Sets what is to be run on cancelling, in place of what was set before; null for nothing. Runs
   * it at once when it is cancelled already. It runs on another thread, and must be quick.
   */
  public void onCancel(@Nullable Runnable action) {
    synchronized (this) {
      if (!cancelled) {
        this.action = action;
        return;
      }
    }
    if (action != null) {
      action.run();
    }
  }

  /** Cancels; idempotent. */
  public void cancel() {
    Runnable run;
    synchronized (this) {
      cancelled = true;
      run = action;
      action = null;
    }
    if (run != null) {
      run.run();
    }
  }
}
