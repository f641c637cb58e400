package dev.larder.coordinator.service;

/**
 * One place under a bound: given back once its call is over and nothing works for it any more. A
 * call that was cancelled is over while its handler still waits for a majority, and whoever cancels
 * and asks again must not have more at work than the bound. Any thread.
 */
final class Permit {
  private final Runnable release;
  private int working;
  private boolean isOver;
  private boolean isReleased;

  /** A place that was taken. */
  Permit(Runnable release) {
    this.release = release;
  }

  /** Work for the call begins; {@link #leave} is owed. */
  synchronized void enter() {
    working++;
  }

  /** The work ended. */
  void leave() {
    giveBack(-1, false);
  }

  /** The call is over, in whatever way; may be said often. */
  void end() {
    giveBack(0, true);
  }

  private void giveBack(int change, boolean ends) {
    synchronized (this) {
      working += change;
      isOver |= ends;
      if (!isOver || working > 0 || isReleased) {
        return;
      }
      isReleased = true;
    }
    release.run();
  }
}
