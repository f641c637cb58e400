package dev.larder.agent.fill;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.larder.agent.fill.StripeShare.ParentFault;
import dev.larder.agent.tracker.Assignment;
import dev.larder.protocol.Digest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ParentsTest {
  private final Share share = new Share();
  private final Parents parents = new Parents(share, avoided -> null, false);

  @Test
  void whoCrawlsIsAskedForAgainTwiceBeforeTheOriginMustDo() {
    for (int i = 0; i < 2; i++) {
      assertEquals("only", parents.next());
      parents.ended(ParentFault.CRAWLS);
    }
    assertEquals("only", parents.next());
    parents.ended(ParentFault.CRAWLS);
    assertEquals(List.of(ParentFault.CRAWLS, ParentFault.CRAWLS, ParentFault.SILENT), share.faults);
    assertNull(parents.next());
    assertEquals(Set.of("only"), share.avoided);
  }

  @Test
  void whoCrawlsIsNotGivenUpForWhatOthersDid() {
    for (String member : List.of("first", "second", "first", "second")) {
      share.named = member;
      assertEquals(member, parents.next());
      parents.ended(ParentFault.CRAWLS);
    }
    assertEquals(Collections.nCopies(4, ParentFault.CRAWLS), share.faults);
    assertEquals("second", parents.next());
    parents.ended(ParentFault.CRAWLS);
    assertEquals(ParentFault.SILENT, share.faults.getLast());
  }

  @Test
  void whomNobodyVouchesForIsAskedForAgainTwice() {
    for (int i = 0; i < 3; i++) {
      assertEquals("only", parents.next());
      parents.ended(ParentFault.UNVOUCHED);
    }
    assertEquals(
        List.of(ParentFault.UNVOUCHED, ParentFault.UNVOUCHED, ParentFault.ENDED), share.faults);
    assertNull(parents.next());
  }

  @Test
  void whoIsSlowIsNeverAReasonToAskTheOrigin() {
    for (int i = 0; i < 20; i++) {
      assertEquals("only", parents.next());
      parents.ended(ParentFault.SLOW);
    }
    assertEquals("only", parents.next());
  }

  @Test
  void afterFourThatFailedTheOriginIsAsked() {
    for (int i = 0; i < 4; i++) {
      share.named = "member-" + i;
      assertEquals(share.named, parents.next());
      parents.ended(ParentFault.GONE);
    }
    share.named = "fifth";
    assertNull(parents.next());
  }

  /** Names one member to whoever does not avoid it. */
  private static final class Share implements StripeShare {
    final List<ParentFault> faults = new ArrayList<>();
    String named = "only";
    Set<String> avoided = Set.of();

    @Override
    public Assignment ask(Set<String> avoid) {
      avoided = avoid;
      return avoid.contains(named) ? new Assignment.Lease(1) : new Assignment.Parent(named);
    }

    @Override
    public boolean progress() {
      return true;
    }

    @Override
    public void came(int place, Digest digest) {}

    @Override
    public @Nullable Digest awaitDigest(int place) {
      return null;
    }

    @Override
    public void failed(String parent, ParentFault fault) {
      faults.add(fault);
    }

    @Override
    public boolean isSlow(String member) {
      return false;
    }

    @Override
    public void idle() {}
  }
}
