package dev.larder.agent.fill;

/** Why blocks are fetched; the first goes first. */
public enum FillPriority {
  /** A reader waits for them now. */
  DEMAND,
  /** A reader is expected to ask for them soon. */
  AHEAD,
  /** A warm-up wants them. */
  WARM
}
