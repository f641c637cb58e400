package dev.larder.agent.tracker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.tracker.StripeReport.Kind;
import dev.larder.agent.tracker.StripeReport.Standing;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Digests of stripes in progress, and what members say of one another. */
class TrackerDeskTest {
  private static final long DEADLINE = 1_000;
  private static final StripeId STRIPE = stripe(0);
  private static final BlockDigests FIRST = BlockDigests.of(0, new Digest(1, 1, 1, 1));
  private static final BlockDigests OTHER_FIRST = BlockDigests.of(0, new Digest(2, 2, 2, 2));
  private static final BlockDigests SECOND = BlockDigests.of(1, new Digest(3, 3, 3, 3));

  private final AtomicLong clock = new AtomicLong();
  private final Tracker tracker = new Tracker(Duration.ofNanos(DEADLINE), 1000);
  private final TrackerDesk desk = new TrackerDesk(tracker, clock::get);

  @Test
  void digestsComeFromTheLeaseHolderAlone() {
    long lease = lease("a");
    assertInstanceOf(Assignment.Parent.class, ask("b", "").assignment());
    report("b", Kind.PROGRESS, 0, OTHER_FIRST);
    assertTrue(report("b", Kind.WATCH, 0, BlockDigests.NONE).news().isEmpty());
    report("a", Kind.PROGRESS, lease, FIRST);
    Standing told = report("b", Kind.WATCH, 0, BlockDigests.NONE);
    assertEquals(FIRST, told.news());
    assertTrue(told.isLive());
    // What was told first stands, and only what is not known is said.
    report("a", Kind.PROGRESS, lease, OTHER_FIRST.with(SECOND));
    assertEquals(FIRST.with(SECOND), report("b", Kind.WATCH, 0, BlockDigests.NONE).news());
    StripeReport knows = new StripeReport(STRIPE, Kind.WATCH, 0, FIRST.mask(), BlockDigests.NONE);
    assertEquals(SECOND, desk.report("b", "", knows).news());
    assertEquals(FIRST.with(SECOND), ask("c", "").news());
  }

  @Test
  void whoReadsMayDisputeDigestsAndHearsWhoToldThem() {
    long lease = lease("a");
    report("a", Kind.COMPLETE, lease, FIRST.with(SECOND));
    assertInstanceOf(Assignment.Parent.class, ask("b", "").assignment());
    // Somebody nobody knows here hears it too, but nothing is forgotten for that.
    assertEquals("a", report("x", Kind.DISPUTED, 0, OTHER_FIRST).teller());
    assertEquals("", report("b", Kind.DISPUTED, 0, FIRST).teller());
    assertEquals(FIRST.with(SECOND), ask("c", "").news());
    assertEquals("a", report("b", Kind.DISPUTED, 0, OTHER_FIRST.with(SECOND)).teller());
    assertEquals(0, desk.size());
    // Another one that was misled finds it out later. The liar need not be told that it lied.
    assertEquals("a", report("c", Kind.DISPUTED, 0, OTHER_FIRST).teller());
    assertEquals("", report("a", Kind.DISPUTED, 0, OTHER_FIRST).teller());
    // Once forgotten they are told anew, by whoever fetches them.
    report("b", Kind.COMPLETE, lease("b"), OTHER_FIRST);
    assertEquals(OTHER_FIRST, ask("c", "").news());
    assertEquals("a", report("c", Kind.DISPUTED, 0, OTHER_FIRST).teller());
    assertEquals(OTHER_FIRST, ask("c", "").news(), "those of now were not disputed");
  }

  @Test
  void whoToldDigestsIsKnownAfterEverybodyLeft() {
    long lease = lease("a");
    report("a", Kind.PROGRESS, lease, FIRST);
    assertInstanceOf(Assignment.Parent.class, ask("b", "").assignment());
    report("b", Kind.LEFT, 0, BlockDigests.NONE);
    report("a", Kind.LEFT, lease, BlockDigests.NONE);
    assertEquals(0, desk.size());
    assertEquals("", report("b", Kind.DISPUTED, 0, FIRST.with(SECOND)).teller());
    // Nobody reads by them any more; whoever fetches next tells its own.
    TrackerDesk.Answer anew = ask("b", "");
    assertInstanceOf(Assignment.Lease.class, anew.assignment());
    assertTrue(anew.news().isEmpty());
    report("b", Kind.PROGRESS, ((Assignment.Lease) anew.assignment()).lease(), OTHER_FIRST);
    assertEquals(OTHER_FIRST, ask("c", "").news());
    assertEquals("a", report("b", Kind.DISPUTED, 0, OTHER_FIRST).teller());
  }

  @Test
  void whoLiedIsNotForgottenForWhatItTellsLater() {
    long lie = lease("a");
    report("a", Kind.PROGRESS, lie, FIRST);
    report("a", Kind.LEFT, lie, BlockDigests.NONE);
    long again = lease("a");
    report("a", Kind.PROGRESS, again, OTHER_FIRST);
    report("a", Kind.LEFT, again, BlockDigests.NONE);
    assertEquals(0, desk.size());
    assertEquals("a", report("b", Kind.DISPUTED, 0, OTHER_FIRST).teller());
  }

  @Test
  void whoToldDigestsIsForgottenFirstOfAll() {
    // Room for digests of four stripes that are over, and for no more than a thousand entries.
    int max = 4 * 16 * 16;
    Tracker small = new Tracker(Duration.ofNanos(DEADLINE), max);
    for (int i = 0; i < 6; i++) {
      long lease = ((Assignment.Lease) small.ask("a", stripe(i), 0)).lease();
      small.tell("a", stripe(i), lease, FIRST, 0);
      small.left("a", stripe(i), lease);
    }
    assertEquals(0, small.size());
    for (int i = 0; i < 6; i++) {
      assertEquals(i < 2 ? "" : "a", small.dispute("b", 0, stripe(i), OTHER_FIRST));
    }
    for (int i = 0; i < max - 4 * 16; i++) {
      small.holding("c", "", stripe(100 + i), 0);
    }
    assertEquals("a", small.dispute("b", 0, stripe(2), OTHER_FIRST));
    small.holding("d", "", stripe(100), 0);
    assertEquals("", small.dispute("b", 0, stripe(2), OTHER_FIRST));
    assertEquals("a", small.dispute("b", 0, stripe(3), OTHER_FIRST));
    assertEquals(max - 4 * 16, small.size(), "stripes that somebody has");
  }

  @Test
  void digestsOutliveTheLease() {
    long lease = lease("a");
    report("a", Kind.COMPLETE, lease, FIRST.with(SECOND));
    TrackerDesk.Answer answer = ask("b", "");
    assertEquals(new Assignment.Parent("a"), answer.assignment());
    assertFalse(answer.isLive());
    assertEquals(FIRST.with(SECOND), answer.news());
  }

  @Test
  void whoSaysUnaskedThatItHasAStripeVouchesForNothing() {
    report("a", Kind.COMPLETE, 0, FIRST);
    report("b", Kind.COMPLETE, 7, OTHER_FIRST);
    TrackerDesk.Answer answer = ask("c", "");
    assertEquals(new Assignment.Parent("a"), answer.assignment());
    assertTrue(answer.news().isEmpty());
    long lease = ((Assignment.Lease) ask("d", "", Set.of("a", "b", "c")).assignment()).lease();
    report("a", Kind.COMPLETE, 0, OTHER_FIRST);
    report("a", Kind.COMPLETE, lease, OTHER_FIRST);
    report("d", Kind.PROGRESS, lease, FIRST);
    assertEquals(FIRST, ask("e", "").news());
  }

  @Test
  void aLeaseThatIsOverVouchesForNothing() {
    long lease = lease("a");
    report("a", Kind.PROGRESS, lease, FIRST);
    clock.addAndGet(DEADLINE + 1);
    report("a", Kind.PROGRESS, lease, SECOND);
    assertEquals(FIRST, desk.ask(Asker.of("b"), STRIPE, "", 0).news());
    // It says so, as who reads there would find that nobody vouches for it.
    assertFalse(report("a", Kind.COMPLETE, lease, SECOND).stands());
    assertTrue(report("a", Kind.COMPLETE, lease, FIRST).stands());
    assertEquals(FIRST, desk.ask(Asker.of("c"), STRIPE, "", 0).news());
  }

  @Test
  void leasesOfAnEarlierLifeMeanNothing() {
    TrackerDesk earlier =
        new TrackerDesk(new Tracker(Duration.ofNanos(DEADLINE), 1000), clock::get);
    StripeId other = stripe(1);
    long old = ((Assignment.Lease) earlier.ask(Asker.of("a"), STRIPE, "", 0).assignment()).lease();
    long now = ((Assignment.Lease) desk.ask(Asker.of("b"), other, "", 0).assignment()).lease();
    assertNotEquals(old, now);
    // Were they the same, still neither may speak for the other.
    for (long lease : new long[] {old, now}) {
      assertFalse(report("a", Kind.PROGRESS, lease, FIRST).stands());
      report("a", Kind.COMPLETE, lease, FIRST);
      report("a", Kind.LEFT, lease, FIRST);
      assertEquals("b", tracker.lessee(other, clock.get()).orElseThrow());
      assertTrue(tracker.digests(STRIPE).isEmpty());
    }
    clock.addAndGet(DEADLINE);
    report("a", Kind.PROGRESS, now, FIRST);
    clock.addAndGet(1);
    // Nobody else's reports kept b's lease alive, nor did they end one of a stripe of a's own.
    assertInstanceOf(Assignment.Lease.class, desk.ask(Asker.of("c"), other, "", 0).assignment());
  }

  @Test
  void watchersHearOfNewDigestsAndOfTheEnd() {
    long lease = lease("a");
    AtomicInteger calls = new AtomicInteger();
    desk.watch(STRIPE, calls::incrementAndGet);
    report("a", Kind.PROGRESS, lease, BlockDigests.NONE);
    assertEquals(0, calls.get());
    report("a", Kind.PROGRESS, lease, FIRST);
    assertEquals(1, calls.get());
    report("a", Kind.PROGRESS, lease, SECOND);
    assertEquals(1, calls.get());
    desk.watch(STRIPE, calls::incrementAndGet);
    report("a", Kind.LEFT, lease, BlockDigests.NONE);
    assertEquals(2, calls.get());
    Runnable gone = calls::incrementAndGet;
    desk.watch(STRIPE, gone);
    desk.unwatch(STRIPE, gone);
    report("a", Kind.LEFT, lease, BlockDigests.NONE);
    assertEquals(2, calls.get());
  }

  @Test
  void onlyWhoReadsFromAMemberCanCallItGone() {
    lease("a");
    assertEquals(new Assignment.Parent("a"), ask("b", "").assignment());
    // A stranger is not believed.
    assertEquals(new Assignment.Parent("a"), ask("c", "a").assignment());
    assertInstanceOf(Assignment.Lease.class, ask("b", "a", Set.of("a")).assignment());
  }

  @Test
  void aHolderIsHandedOutInItsZone() {
    desk.report("far", "z1", new StripeReport(STRIPE, Kind.COMPLETE, 0, 0, BlockDigests.NONE));
    desk.report("near", "z2", new StripeReport(STRIPE, Kind.COMPLETE, 0, 0, BlockDigests.NONE));
    assertEquals(
        new Assignment.Parent("near"),
        desk.ask(new Asker("x", "z2", Set.of()), STRIPE, "", 0).assignment());
  }

  @Test
  void digestsAreWithinTheBound() {
    Tracker small = new Tracker(Duration.ofNanos(DEADLINE), 50);
    for (int i = 0; i < 100; i++) {
      long lease = ((Assignment.Lease) small.ask("a", stripe(i), i)).lease();
      small.tell("a", stripe(i), lease, FIRST, i);
      small.end("a", stripe(i), lease, true);
      assertTrue(small.size() <= 50 / 17 + 1, "stripes: " + small.size());
    }
    assertEquals(FIRST, small.digests(stripe(99)));
    assertTrue(small.digests(stripe(0)).isEmpty());
    for (int i = 0; i < 100; i++) {
      small.gone("a", stripe(i));
    }
    assertEquals(0, small.size());
    // Nothing of what was counted for digests is left over.
    for (int i = 0; i < 50; i++) {
      small.holding("a", "", stripe(i), 200);
    }
    assertEquals(50, small.size());
  }

  private long lease(String member) {
    return ((Assignment.Lease) ask(member, "").assignment()).lease();
  }

  private TrackerDesk.Answer ask(String member, String lost) {
    return ask(member, lost, Set.of());
  }

  private TrackerDesk.Answer ask(String member, String lost, Set<String> avoid) {
    return desk.ask(new Asker(member, "", avoid), STRIPE, lost, 0);
  }

  private Standing report(String member, Kind kind, long lease, BlockDigests told) {
    return desk.report(member, "", new StripeReport(STRIPE, kind, lease, 0, told));
  }

  private static StripeId stripe(int number) {
    return new StripeId(BlobKey.origin(new Digest(1, 2, 3, number)), 0);
  }
}
