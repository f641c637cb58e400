package dev.larder.agent.fill;

import dev.larder.agent.fill.StripeShare.ParentFault;
import dev.larder.agent.tracker.Assignment;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** From whom one run reads next, until nobody is left but the origin. One thread. */
final class Parents {
  /** Each may take a progress deadline to fail; after so many the reader has waited enough. */
  private static final int ATTEMPTS_MAX = 4;

  /** Each lasts half a progress deadline; a lease without progress ends sooner. */
  private static final int WAITS_MAX = 20;

  private final StripeShare share;
  private final RootProof proof;
  private final Set<String> avoided = new HashSet<>();
  private int attempts;
  private int waits;
  private @Nullable String current;

  Parents(StripeShare share, RootProof proof) {
    this.share = share;
    this.proof = proof;
  }

  /** The member to read from; null for the origin. */
  @Nullable String next() {
    if (attempts++ >= ATTEMPTS_MAX) {
      return null;
    }
    String member =
        switch (share.ask(Set.copyOf(avoided))) {
          case Assignment.Parent parent -> parent.member();
          // Whoever sealed the blob can serve it as well as the origin can.
          case Assignment.Lease lease -> proof.holder(avoided);
          case Assignment.Untracked untracked -> proof.holder(avoided);
        };
    current = member == null || avoided.contains(member) ? null : member;
    return current;
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
    } else {
      avoided.add(member);
    }
    share.failed(member, fault);
  }
}
