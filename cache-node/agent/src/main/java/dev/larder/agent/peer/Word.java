package dev.larder.agent.peer;

import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.StripeReport;
import dev.larder.agent.tracker.StripeReport.Standing;
import org.jspecify.annotations.Nullable;

/** What a node has to say to trackers about one stripe. Any thread; nothing waits. */
interface Word {
  StripeId stripe();

  /** Whether it ends something, so that no ask of later may come before it. */
  boolean isLast();

  /** What to tell a tracker now; null for nothing. */
  @Nullable StripeReport report(String tracker);

  /**
   * The tracker's answer, or that nothing is told.
   *
   * @param report null where {@link #report} gave none
   * @param standing null when there was no answer
   */
  void answered(String tracker, @Nullable StripeReport report, @Nullable Standing standing);
}
