package dev.larder.agent.tracker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.testkit.Seeds;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TrackerTest {
  private static final long DEADLINE = 1_000;
  private static final StripeId STRIPE = stripe(0);

  private final Tracker tracker = new Tracker(Duration.ofNanos(DEADLINE), 1000);

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
    assertTrue(tracker.progress(first.lease(), DEADLINE));
    assertEquals(new Assignment.Parent("a"), tracker.ask("b", STRIPE, 2 * DEADLINE));
    assertInstanceOf(Assignment.Lease.class, tracker.ask("b", STRIPE, 2 * DEADLINE + 1));
    assertFalse(tracker.progress(first.lease(), 2 * DEADLINE + 2));
    tracker.end(first.lease(), true);
    assertEquals("b", tracker.lessee(STRIPE, 2 * DEADLINE + 2).orElseThrow());
  }

  @Test
  void holdersAreHandedOutInTurn() {
    tracker.holding("a", STRIPE, 0);
    tracker.holding("b", STRIPE, 0);
    assertEquals(new Assignment.Parent("a"), tracker.ask("x", STRIPE, 1));
    assertEquals(new Assignment.Parent("b"), tracker.ask("y", STRIPE, 1));
    assertEquals(new Assignment.Parent("a"), tracker.ask("z", STRIPE, 1));
    tracker.gone("a", STRIPE);
    tracker.gone("b", STRIPE);
    assertInstanceOf(Assignment.Lease.class, tracker.ask("x", STRIPE, 2));
  }

  @Test
  void aHolderThatAsksHasLostTheStripe() {
    tracker.holding("a", STRIPE, 0);
    assertInstanceOf(Assignment.Lease.class, tracker.ask("a", STRIPE, 1));
  }

  @Test
  void staysWithinItsBoundAndKeepsLiveLeases() {
    Tracker small = new Tracker(Duration.ofNanos(DEADLINE), 10);
    small.ask("a", stripe(0), 0);
    for (int i = 1; i < 100; i++) {
      small.holding("b", stripe(i), i);
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
            assertEquals(isLive, tracker.progress(lease[0], now));
            lease[1] = isLive ? now : lease[1];
          }
        }
        default -> {
          if (lease != null) {
            tracker.end(lease[0], random.nextBoolean());
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
