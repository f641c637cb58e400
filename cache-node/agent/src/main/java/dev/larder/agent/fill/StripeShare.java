package dev.larder.agent.fill;

import dev.larder.agent.tracker.Assignment;
import dev.larder.protocol.Digest;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * This node's part in one stripe: whom it reads the stripe from, and what it tells the stripe's
 * tracker. All runs of a stripe share one. Any thread.
 */
public interface StripeShare {

  /**
   * Says where to read now; may wait for the tracker, never longer than its deadline, and never
   * fails: without a tracker the answer is {@link Assignment.Untracked}.
   *
   * @param avoid members that this run will not read from
   */
  Assignment ask(Set<String> avoid);

  /**
   * Bytes came from the origin; false when the stripe is another member's to fetch by now. May ask
   * trackers, and seldom where none of them answers.
   */
  boolean progress();

  /** A block came, from the origin or from a parent, and has this digest. */
  void came(int place, Digest digest);

  /**
   * The digest that the stripe's fetcher told the tracker of a block; waits for it, no longer than
   * the progress deadline.
   *
   * @return null when it cannot be had
   */
  @Nullable Digest awaitDigest(int place);

  /** A member did not do what it was assigned for. */
  void failed(String parent, ParentFault fault);

  /** Whether a member was found slow not long ago: who is named all the same is the only one. */
  boolean isSlow(String member);

  /** No run of this node is at work on the stripe any more. */
  void idle();

  /** What a parent did. */
  enum ParentFault {
    /** It has no more now and waits for its own source: ask again, it may be named again. */
    WAITS,
    /** It has no more of the stripe and does not get more: nobody's fault. */
    ENDED,
    /** Its bytes came, and no tracker that was asked says what they must be: ask trackers again. */
    UNVOUCHED,
    /** It sent a block that is not what its digest promised, or another range. */
    WRONG,
    /** Its bytes come, but others give much more: read from it only where nobody else is. */
    SLOW,
    /** Next to nothing comes: as SLOW, and in the end somebody or the origin must do instead. */
    CRAWLS,
    /** It sent nothing for too long. */
    SILENT,
    /** It cannot be reached, or closed early. */
    GONE
  }
}
