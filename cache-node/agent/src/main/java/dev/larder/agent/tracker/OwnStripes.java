package dev.larder.agent.tracker;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.larder.protocol.placement.Placement;
import java.util.List;

/**
 * Which stripes a member tracks by a member list. A burst asks for one stripe as often as there are
 * members, and to look at all of these costs some tens of microseconds where they are ten thousand,
 * so the answer is kept for the stripes asked for last, until the list changes.
 *
 * <p><b>Threads:</b> any; nothing here waits.
 */
public final class OwnStripes {
  private final String self;
  private final int ranks;
  private final int stripesMax;
  private volatile Known known;

  /** What was found by one placement. */
  private record Known(Placement placement, Cache<Question, Boolean> answers) {}

  private record Question(StripeId stripe, String zone) {}

  /**
   * Of a member.
   *
   * @param ranks how many members track a stripe one behind the other
   * @param stripesMax stripes whose answer is kept, about 200 bytes each
   */
  public OwnStripes(String self, int ranks, int stripesMax) {
    this.self = self;
    this.ranks = ranks;
    this.stripesMax = stripesMax;
    this.known = fresh(new Placement(0, List.of()));
  }

  /** Whether the member tracks a stripe for those of a zone, or for all of them at some rank. */
  public boolean contains(Placement placement, StripeId stripe, String zone) {
    Known now = known;
    if (now.placement != placement) {
      now = fresh(placement);
      known = now;
    }
    return now.answers.get(new Question(stripe, zone), asked -> find(placement, asked));
  }

  private boolean find(Placement placement, Question asked) {
    StripeId stripe = asked.stripe();
    return placement.isTracker(self, stripe.key(), stripe.stripe(), asked.zone(), ranks);
  }

  private Known fresh(Placement placement) {
    return new Known(
        placement, Caffeine.newBuilder().maximumSize(stripesMax).executor(Runnable::run).build());
  }
}
