package dev.larder.agent.fill;

import dev.larder.agent.fill.StripeShare.ParentFault;
import dev.larder.agent.tracker.Assignment;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** From whom one run reads next, until nobody is left but the origin. One thread. */
final class Parents {
  /** Each lasts half a progress deadline; a lease without progress ends sooner. */
  private static final int WAITS_MAX = 20;

  private final StripeShare share;
  private final Holders proof;
  private final boolean isProofWanted;

  /** Who is named again although it was slow is stayed with, so this is a bound for safety. */
  private static final int SLOW_MAX = 20;

  /** How often one member may crawl before this run does without it. */
  private static final int CRAWLS_MAX = 3;

  /** How often nobody may vouch for what came before this run does without who sent it. */
  private static final int UNVOUCHED_MAX = 3;

  private final Set<String> avoided = new HashSet<>();
  private int attempts;
  private int waits;
  private int slow;
  private final Map<String, Integer> crawls = new HashMap<>();
  private int unvouched;
  private @Nullable String current;

  /** Who has the sealed blob: as {@link RootProof#holder}. */
  interface Holders {
    @Nullable String holder(Set<String> avoided);
  }

  /**
   * For one run.
   *
   * @param isProofWanted whether only members will do whose bytes the root proves
   */
  Parents(StripeShare share, Holders proof, boolean isProofWanted) {
    this.share = share;
    this.proof = proof;
    this.isProofWanted = isProofWanted;
  }

  /** The member to read from; null for the origin. */
  @Nullable String next() {
    if (attempts++ >= FillConfig.PARENTS_MAX) {
      return null;
    }
    String member =
        switch (share.ask(Set.copyOf(avoided))) {
          case Assignment.Parent parent -> isProofWanted ? proof.holder(avoided) : parent.member();
          // Whoever sealed the blob can serve it as well as the origin can.
          case Assignment.Lease lease -> proof.holder(avoided);
          case Assignment.Untracked untracked -> proof.holder(avoided);
        };
    current = member == null || avoided.contains(member) ? null : member;
    return current;
  }

  private static ParentFault givenUp(ParentFault fault) {
    return switch (fault) {
      case CRAWLS -> ParentFault.SILENT;
      case UNVOUCHED -> ParentFault.ENDED;
      default -> fault;
    };
  }

  /** What became of the one named last; null when it did all that was asked. */
  void ended(@Nullable ParentFault fault) {
    String member = current;
    if (fault == null || member == null) {
      return;
    }
    if (fault == ParentFault.WAITS && waits++ < WAITS_MAX) {
      // The tracker passes a lease on that makes no progress; until then everybody waits for it.
      attempts--;
    } else if (fault == ParentFault.SLOW && slow++ < SLOW_MAX) {
      // Its bytes come, so they are no reason to ask the origin for the same ones.
      attempts--;
    } else if (fault == ParentFault.CRAWLS && crawls.merge(member, 1, Integer::sum) < CRAWLS_MAX) {
      // Others have the bytes by now, perhaps.
      attempts--;
    } else if (fault == ParentFault.UNVOUCHED && ++unvouched < UNVOUCHED_MAX) {
      // Its tracker was started anew, or is gone: another one knows.
      attempts--;
    } else {
      avoided.add(member);
    }
    share.failed(member, avoided.contains(member) ? givenUp(fault) : fault);
  }
}
