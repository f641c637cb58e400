package dev.larder.fuse;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Requests that wait for a worker, by slot, and who answers them: the worker, an INTERRUPT or the
 * deadline, whoever claims first. Who claims writes the reply and frees the slot.
 *
 * <p><b>Threads:</b> any.
 */
final class Waits {
  /*
   * `waiting[slot]` is the request's unique while it can be claimed, else 0. Uniques never come
   * again, so a compare-and-set cannot take a later request for an earlier one. INTERRUPT may come
   * between the read of its target and `begin`: it leaves its mark in `interrupted` first and claims
   * then, `begin` publishes first and looks at the mark then, so one of them sees the other.
   */
  private final AtomicLongArray waiting;
  private final AtomicLongArray interrupted;
  private final AtomicReferenceArray<@Nullable Cancel> cancels;
  private final long[] sinceNanos;
  private final AtomicInteger count = new AtomicInteger();

  Waits(int slots) {
    waiting = new AtomicLongArray(slots);
    interrupted = new AtomicLongArray(slots);
    cancels = new AtomicReferenceArray<>(slots);
    sinceNanos = new long[slots];
  }

  /**
   * Lets a request wait.
   *
   * @return false when its reader gave up already: then it is claimed by the caller
   */
  boolean begin(int slot, long unique, Cancel cancel) {
    sinceNanos[slot] = System.nanoTime();
    cancels.set(slot, cancel);
    waiting.set(slot, unique);
    count.incrementAndGet();
    return interrupted.get(slot) != unique || !claim(slot, unique);
  }

  /** Takes the duty to answer; false when another has it, and then the request is gone. */
  boolean claim(int slot, long unique) {
    if (!waiting.compareAndSet(slot, unique, 0)) {
      return false;
    }
    count.decrementAndGet();
    return true;
  }

  /** Claims for an INTERRUPT and ends the wait; false when the request waits for nothing. */
  boolean interrupt(int slot, long unique) {
    interrupted.set(slot, unique);
    return claimAndCancel(slot, unique);
  }

  /** Claims a request that waits for longer than so; returns its unique, or 0. */
  long expire(int slot, long nanos) {
    long unique = waiting.get(slot);
    boolean isOver = unique != 0 && System.nanoTime() - sinceNanos[slot] >= nanos;
    return isOver && claimAndCancel(slot, unique) ? unique : 0;
  }

  /** Ends all waits without claiming them: the requests stay for the next agent. */
  void cancelAll() {
    for (int slot = 0; slot < cancels.length(); slot++) {
      Cancel cancel = cancels.get(slot);
      if (cancel != null && waiting.get(slot) != 0) {
        cancel.cancel();
      }
    }
  }

  int count() {
    return count.get();
  }

  private boolean claimAndCancel(int slot, long unique) {
    if (!claim(slot, unique)) {
      return false;
    }
    // Ours: nobody begins another wait in the slot before we free it.
    Cancel cancel = cancels.get(slot);
    if (cancel != null) {
      cancel.cancel();
    }
    return true;
  }
}
