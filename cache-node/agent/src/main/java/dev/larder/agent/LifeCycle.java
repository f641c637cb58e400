package dev.larder.agent;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;

/** Where a part stands; moves only down the list. */
public enum LifeCycle {
  /** Made, nothing opened. */
  NEW,
  /** Being started. */
  STARTING,
  /** At work. */
  STARTED,
  /** Over. */
  CLOSED;

  /** Checks a move; CLOSED for one that is not legal. */
  public LifeCycle to(LifeCycle next) {
    if (next.ordinal() <= ordinal()) {
      throw new LarderException(ErrorCode.CLOSED, "cannot go from " + this + " to " + next);
    }
    return next;
  }
}
