package dev.larder.agent.tracker;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.testkit.Seeds;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class TrackerTest {
  private static final long DEADLINE = 1_000;
  private static final StripeId STRIPE = stripe(0);

  private final Tracker tracker = new Tracker(Duration.ofNanos(DEADLINE), 1000);

  @Test
  void whoIsSlowIsNamedOnlyWhereThereIsNobodyElse() {
    Tracker tree = new Tracker(Duration.ofSeconds(10), 1000);
    assertInstanceOf(Assignment.Lease.class, tree.ask("a", STRIPE, 0));
    Asker picky = new Asker("c", "", Set.of(), Set.of("a"));
    assertEquals(new Assignment.Parent("a"), tree.ask(picky, STRIPE, 1));
    tree.holding("b", "", STRIPE, 1);
    assertEquals(new Assignment.Parent("b"), tree.ask(picky, STRIPE, 2));
    // Nobody fetches it any more, but it is there: better slow than once more from the origin.
    tree.holding("a", "", STRIPE, 3);
    tree.gone("b", STRIPE);
    assertEquals(new Assignment.Parent("a"), tree.ask(picky, STRIPE, 4));
    assertInstanceOf(
        Assignment.Lease.class,
        tree.ask(new Asker("d", "", Set.of("a", "c"), Set.of("a")), STRIPE, 5));
  }

  @Test
  void whoReadsFromASlowOneIsNamedInItsPlaceNoMoreThanTheSlowOneItself() {
    tracker.holding("slow", "", STRIPE, 0);
    assertEquals(new Assignment.Parent("slow"), tracker.ask("between", STRIPE, 1));
    assertEquals(new Assignment.Parent("slow"), tracker.ask("reader", STRIPE, 1));
    Asker picky = new Asker("reader", "", Set.of(), Set.of("slow"));
    // Its own slot is free for it, though the slow one has no other left.
    assertEquals(new Assignment.Parent("slow"), tracker.ask(picky, STRIPE, 2));
    assertEquals(2, tracker.readers("slow", STRIPE));
    tracker.holding("quick", "", STRIPE, 3);
    assertEquals(new Assignment.Parent("quick"), tracker.ask(picky, STRIPE, 4));
  }

  @Test
  void whoReadsFromAGivenUpOneIsNotWaitedForEither() {
    tracker.holding("slow", "", STRIPE, 0);
    assertEquals(new Assignment.Parent("slow"), tracker.ask("between", STRIPE, 1));
    Asker givenUp = new Asker("reader", "", Set.of("slow"), Set.of("slow"));
    assertInstanceOf(Assignment.Lease.class, tracker.ask(givenUp, STRIPE, 2));
    // And whoever does not reach the same one may still read it through somebody else.
    Asker cutOff = new Asker("other", "", Set.of("slow", "reader"), Set.of());
    assertEquals(new Assignment.Parent("between"), tracker.ask(cutOff, STRIPE, 3));
  }

  @Test
  void aLoneMemberAlwaysGetsTheLease() {
    for (int time = 0; time < 100; time++) {
      assertInstanceOf(Assignment.Lease.class, tracker.ask("a", stripe(time % 7), time));
    }
  }

  @Test
  void whoeverComesLaterJoinsTheDownloadInProgress() {
    tracker.ask("a", STRIPE, 0);
    assertEquals(new Assignment.Parent("a"), tracker.ask("b", STRIPE, 1));
    assertEquals(new Assignment.Parent("a"), tracker.ask("c", STRIPE, DEADLINE));
  }

  @Test
  void aLeaseWithoutProgressGoesToTheNextWhoAsks() {
    Assignment.Lease first = (Assignment.Lease) tracker.ask("a", STRIPE, 0);
    assertTrue(tracker.progress("a", STRIPE, first.lease(), DEADLINE));
    assertEquals(new Assignment.Parent("a"), tracker.ask("b", STRIPE, 2 * DEADLINE));
    assertInstanceOf(Assignment.Lease.class, tracker.ask("b", STRIPE, 2 * DEADLINE + 1));
    assertFalse(tracker.progress("a", STRIPE, first.lease(), 2 * DEADLINE + 2));
    tracker.end("a", STRIPE, first.lease(), true);
    assertEquals("b", tracker.lessee(STRIPE, 2 * DEADLINE + 2).orElseThrow());
  }

  @Test
  void anOverdueLeaseGoesToWhoGaveItsHolderUp() {
    Assignment.Lease first = (Assignment.Lease) tracker.ask("a", STRIPE, 0);
    BlockDigests told = BlockDigests.of(3, Digests.ofBytes("block 3".getBytes(UTF_8)));
    assertTrue(tracker.tell("a", STRIPE, first.lease(), told, 0));
    assertTrue(tracker.progress("a", STRIPE, first.lease(), 100));
    Asker b = new Asker("b", "", Set.of("a"));
    // Heard of not long ago: b alone does not reach it.
    assertEquals(new Assignment.Untracked(), tracker.ask(b, STRIPE, 100 + 3 * DEADLINE / 8));
    long later = 101 + 3 * DEADLINE / 8;
    assertInstanceOf(Assignment.Lease.class, tracker.ask(b, STRIPE, later));
    // All others who gave it up read from the one that has the lease now.
    for (String other : new String[] {"c", "d"}) {
      Asker asker = new Asker(other, "", Set.of("a"));
      assertEquals(new Assignment.Parent("b"), tracker.ask(asker, STRIPE, later));
    }
    assertEquals(told, tracker.digests(STRIPE));
    // And so does the old holder once it goes on.
    assertFalse(tracker.progress("a", STRIPE, first.lease(), later));
    assertEquals("b", tracker.lessee(STRIPE, later).orElseThrow());
  }

  @Test
  void anOverdueLeaseStaysWithItsHolderWhereSomebodyElseHasTheBytes() {
    Assignment.Lease lease = (Assignment.Lease) tracker.ask("a", STRIPE, 0);
    assertEquals(new Assignment.Parent("a"), tracker.ask("b", STRIPE, 1));
    Asker c = new Asker("c", "", Set.of("a"));
    assertEquals(new Assignment.Parent("b"), tracker.ask(c, STRIPE, DEADLINE / 2));
    assertTrue(tracker.progress("a", STRIPE, lease.lease(), DEADLINE / 2));
  }

  @Test
  void aLeaseIsOfOneMemberAndOneStripe() {
    long lease = ((Assignment.Lease) tracker.ask("a", STRIPE, 0)).lease();
    tracker.ask("b", stripe(1), 0);
    assertFalse(tracker.progress("b", STRIPE, lease, 1));
    assertFalse(tracker.progress("a", stripe(1), lease, 1));
    assertFalse(tracker.progress("a", STRIPE, lease + 1, 1));
    for (boolean isComplete : new boolean[] {true, false}) {
      tracker.end("b", STRIPE, lease, isComplete);
      tracker.end("a", stripe(1), lease, isComplete);
      tracker.end("a", STRIPE, lease + 1, isComplete);
    }
    tracker.left("a", STRIPE, lease + 1);
    assertEquals("a", tracker.lessee(STRIPE, 1).orElseThrow());
    assertEquals("b", tracker.lessee(stripe(1), 1).orElseThrow());
    assertTrue(tracker.progress("a", STRIPE, lease, 1));
    tracker.left("a", STRIPE, lease);
    assertTrue(tracker.lessee(STRIPE, 1).isEmpty());
  }

  @Test
  void aDropCountsFromWhoeverTheEntryIsOf() {
    tracker.holding("a", "", 7, STRIPE, 0);
    tracker.ask(new Asker("b", "", Set.of(), Set.of(), 8), STRIPE, 0);
    tracker.left("a", 8, STRIPE, 0);
    tracker.left("a", STRIPE, 0);
    // Whoever takes another's name later does not become it.
    tracker.holding("a", "", 8, STRIPE, 0);
    tracker.left("a", 8, STRIPE, 0);
    assertEquals(new Assignment.Parent("a"), tracker.ask("c", STRIPE, 1));
    tracker.left("a", 7, STRIPE, 0);
    tracker.left("b", 8, STRIPE, 0);
    assertInstanceOf(Assignment.Lease.class, tracker.ask("c", STRIPE, 2));
  }

  @Test
  void whatIsSaidOfADropEndsNoLeaseOfLater() {
    tracker.holding("a", "", STRIPE, 0);
    tracker.ask("a", STRIPE, 1);
    tracker.left("a", STRIPE, 0);
    assertEquals("a", tracker.lessee(STRIPE, 1).orElseThrow());
  }

  @Test
  void leasesHaveTheNumbersHandedInButNeverZero() {
    long[] numbers = {0, Long.MIN_VALUE, -7, 12};
    AtomicInteger next = new AtomicInteger();
    Tracker given =
        new Tracker(Duration.ofNanos(DEADLINE), 1000, 2, () -> numbers[next.getAndIncrement()]);
    assertEquals(new Assignment.Lease(-7 & Long.MAX_VALUE), given.ask("a", stripe(0), 0));
    assertEquals(new Assignment.Lease(12), given.ask("a", stripe(1), 0));
  }

  @Test
  void holdersAreHandedOutInTurn() {
    tracker.holding("a", "", STRIPE, 0);
    tracker.holding("b", "", STRIPE, 0);
    assertEquals(new Assignment.Parent("a"), tracker.ask("x", STRIPE, 1));
    assertEquals(new Assignment.Parent("b"), tracker.ask("y", STRIPE, 1));
    assertEquals(new Assignment.Parent("a"), tracker.ask("z", STRIPE, 1));
    tracker.gone("a", STRIPE);
    tracker.gone("b", STRIPE);
    assertInstanceOf(Assignment.Lease.class, tracker.ask("x", STRIPE, 2));
  }

  @Test
  void whoHadAStripeFirstDoesNotSendItToAllWhoComeOneAfterTheOther() {
    tracker.holding("a", "", STRIPE, 0);
    tracker.holding("b", "", STRIPE, 0);
    Map<Assignment, Integer> sent = new HashMap<>();
    for (int i = 0; i < 16; i++) {
      sent.merge(tracker.ask("r", STRIPE, 1), 1, Integer::sum);
      tracker.gone("r", STRIPE);
    }
    assertEquals(Map.of(new Assignment.Parent("a"), 8, new Assignment.Parent("b"), 8), sent);
  }

  @Test
  void aHolderThatAsksHasLostTheStripe() {
    tracker.holding("a", "", STRIPE, 0);
    assertInstanceOf(Assignment.Lease.class, tracker.ask("a", STRIPE, 1));
  }

  @Test
  void aBurstGrowsAsATreeInWhichNobodyServesMoreThanTheFanOut() {
    Tracker tree = new Tracker(Duration.ofNanos(DEADLINE), 100_000, 4);
    Map<String, String> parents = new HashMap<>();
    int leases = 0;
    for (int i = 0; i < 5_000; i++) {
      switch (tree.ask("m" + i, STRIPE, i / 10)) {
        case Assignment.Lease granted -> leases++;
        case Assignment.Parent parent -> parents.put("m" + i, parent.member());
        case Assignment.Untracked none -> throw new AssertionError("there was room");
      }
    }
    assertEquals(1, leases);
    int most =
        parents.keySet().stream().mapToInt(each -> tree.readers(each, STRIPE)).max().orElse(0);
    assertEquals(4, most);
    assertEquals(4, tree.readers("m0", STRIPE));
    int deepest = 0;
    for (String member : parents.keySet()) {
      int depth = 0;
      for (String at = member; parents.containsKey(at); at = parents.get(at)) {
        depth++;
        assertTrue(depth < 20, "a circle over " + member);
      }
      deepest = Math.max(deepest, depth);
    }
    // 4 + 16 + … + 4096 in six steps hold 5,460.
    assertEquals(6, deepest);
  }

  @Test
  void nearZonesComeFirstAndWhoIsAvoidedNever() {
    Tracker tree = new Tracker(Duration.ofNanos(DEADLINE), 1000, 4);
    tree.ask(new Asker("a1", "a", Set.of()), STRIPE, 0);
    assertEquals(new Assignment.Parent("a1"), tree.ask(new Asker("b1", "b", Set.of()), STRIPE, 1));
    assertEquals(new Assignment.Parent("b1"), tree.ask(new Asker("b2", "b", Set.of()), STRIPE, 1));
    assertEquals(
        new Assignment.Parent("a1"), tree.ask(new Asker("b3", "b", Set.of("b1", "b2")), STRIPE, 1));
    assertEquals(
        new Assignment.Untracked(),
        tree.ask(new Asker("b4", "b", Set.of("a1", "b1", "b2", "b3")), STRIPE, 1));
  }

  @Test
  void whenTheLesseeDiesOneOfItsReadersTakesOverAndTheOthersJoinThat() {
    Tracker tree = new Tracker(Duration.ofNanos(DEADLINE), 1000, 1);
    tree.ask("a", STRIPE, 0);
    assertEquals(new Assignment.Parent("a"), tree.ask("b", STRIPE, 1));
    assertEquals(new Assignment.Parent("b"), tree.ask("c", STRIPE, 1));
    tree.gone("a", STRIPE);
    // c reads from b: were b sent to c, neither would ever get the rest.
    assertInstanceOf(Assignment.Lease.class, tree.ask("b", STRIPE, 2));
    assertEquals(new Assignment.Parent("b"), tree.ask("c", STRIPE, 3));
  }

  @Test
  void whoMakesNoProgressIsNotHandedOut() {
    Tracker tree = new Tracker(Duration.ofNanos(DEADLINE), 1000, 1);
    Assignment.Lease lease = (Assignment.Lease) tree.ask("a", STRIPE, 0);
    tree.ask("b", STRIPE, 0);
    tree.ask("c", STRIPE, 1);
    assertTrue(tree.progress("a", STRIPE, lease.lease(), DEADLINE));
    assertTrue(tree.progress("c", STRIPE, DEADLINE));
    // b is silent, so its slot at a is free again.
    assertEquals(new Assignment.Parent("a"), tree.ask("d", STRIPE, DEADLINE + 1));
    assertFalse(tree.progress("b", STRIPE, DEADLINE + 1));
  }

  @Test
  void staysWithinItsBoundAndKeepsLiveLeases() {
    Tracker small = new Tracker(Duration.ofNanos(DEADLINE), 10);
    small.ask("a", stripe(0), 0);
    for (int i = 1; i < 100; i++) {
      small.holding("b", "", stripe(i), i);
      assertTrue(small.size() <= 10);
    }
    assertEquals(new Assignment.Parent("a"), small.ask("c", stripe(0), 500));
    for (int i = 100; i < 109; i++) {
      small.ask("a", stripe(i), 500);
    }
    assertInstanceOf(Assignment.Untracked.class, small.ask("c", stripe(200), 501));
    assertInstanceOf(Assignment.Lease.class, small.ask("c", stripe(200), 500 + DEADLINE + 1));
  }

  @Test
  void aFullTrackerSendsALesseeNoCrowd() {
    Tracker full = new Tracker(Duration.ofNanos(DEADLINE), 100);
    for (int i = 0; i < 100; i++) {
      full.ask("l" + i, stripe(i), 0);
    }
    int sent = 0;
    for (int i = 0; i < 1000; i++) {
      sent += full.ask("r" + i, stripe(7), 1) instanceof Assignment.Parent ? 1 : 0;
    }
    assertEquals(8, sent);
  }

  @Test
  void roomIsFoundBehindManyLiveLeases() {
    Tracker full = new Tracker(Duration.ofNanos(DEADLINE), 1000);
    for (int i = 0; i < 999; i++) {
      full.ask("l" + i, stripe(i), 0);
    }
    full.holding("h", "", stripe(999), 0);
    int asked = 0;
    while (full.ask("x", stripe(2000), 1) instanceof Assignment.Untracked) {
      asked++;
    }
    assertTrue(asked <= 1000 / 4, "asks until room was found: " + asked);
    assertEquals(1000, full.size());
  }

  @Test
  void atMostOneLiveLeaseAStripeWhateverHappens() {
    Seeds.run(200, random -> randomLife(random));
  }

  /** Against a model: who was granted each stripe last, and when it last made progress. */
  private static void randomLife(Random random) {
    Tracker tracker = new Tracker(Duration.ofNanos(DEADLINE), 1000);
    Map<StripeId, long[]> live = new HashMap<>();
    Map<StripeId, String> lessee = new HashMap<>();
    long now = 0;
    for (int step = 0; step < 500; step++) {
      now += random.nextInt(400);
      StripeId stripe = stripe(random.nextInt(4));
      String member = "m" + random.nextInt(4);
      long[] lease = live.get(stripe);
      boolean isLive = lease != null && now - lease[1] <= DEADLINE;
      switch (random.nextInt(4)) {
        case 0, 1 -> {
          switch (tracker.ask(member, stripe, now)) {
            case Assignment.Lease granted -> {
              assertTrue(!isLive || member.equals(lessee.get(stripe)), "a second live lease");
              live.put(stripe, new long[] {granted.lease(), now});
              lessee.put(stripe, member);
            }
            case Assignment.Parent parent ->
                assertTrue(!parent.member().equals(member), "sent to itself");
            case Assignment.Untracked none -> throw new AssertionError("there was room");
          }
        }
        case 2 -> {
          if (lease != null) {
            assertEquals(isLive, tracker.progress(lessee.get(stripe), stripe, lease[0], now));
            lease[1] = isLive ? now : lease[1];
          }
        }
        default -> {
          if (lease != null) {
            tracker.end(lessee.get(stripe), stripe, lease[0], random.nextBoolean());
            live.remove(stripe);
          }
        }
      }
    }
  }

  private static StripeId stripe(int number) {
    return new StripeId(BlobKey.origin(new Digest(1, 2, 3, 4)), number);
  }
}
