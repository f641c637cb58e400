package dev.larder.protocol.placement;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Function;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Test;

/** Balance, minimal movement, zones, and answers that must never change. */
class PlacementTest {
  private static final int STRIPES_PER_BLOB = 16;

  private final long seed = Long.getLong("larder.seed", System.nanoTime());
  private final Random random = new Random(seed);

  @Test
  void theFullestOfAHundredEqualMembersHasAtMost15PercentMoreThanTheMean() {
    Placement placement = new Placement(1, members(100, i -> 1, 1));
    Map<String, Integer> counts = count(keys(20_000), placement);
    int max = Collections.max(counts.values());
    double mean = 20_000.0 * STRIPES_PER_BLOB / 100;
    assertEquals(100, counts.size(), named());
    assertTrue(max / mean <= 1.15, () -> named() + max + " against a mean of " + mean);
  }

  @Test
  void sharesFollowTheWeights() {
    Placement placement = new Placement(1, members(20, i -> 1 + i % 4, 1));
    Map<String, Integer> counts = count(keys(20_000), placement);
    double perWeight = 20_000.0 * STRIPES_PER_BLOB / (5 * (1 + 2 + 3 + 4));
    for (PlacedMember member : members(20, i -> 1 + i % 4, 1)) {
      double share = counts.get(member.id()) / (perWeight * member.weight());
      assertTrue(share > 0.9 && share < 1.1, () -> named() + member + " has " + share);
    }
  }

  @Test
  void aMemberThatComesOrGoesMovesOnlyItsOwnStripes() {
    List<PlacedMember> before = members(50, i -> 1 + i % 3, 1);
    PlacedMember changed = before.get(random.nextInt(before.size()));
    List<PlacedMember> after = new ArrayList<>(before);
    after.remove(changed);
    Collections.shuffle(after, random);
    Placement with = new Placement(1, before);
    Placement without = new Placement(2, after);
    int moved = 0;
    for (BlobKey key : keys(2_000)) {
      for (int stripe = 0; stripe < STRIPES_PER_BLOB; stripe++) {
        PlacedMember old = with.tracker(key, stripe).orElseThrow();
        PlacedMember now = without.tracker(key, stripe).orElseThrow();
        if (!old.equals(now)) {
          assertEquals(changed, old, named());
          assertEquals(with.ranked(key, stripe, 2).get(1), now, named());
          moved++;
        }
      }
    }
    double share =
        (double) changed.weight() / before.stream().mapToLong(PlacedMember::weight).sum();
    double expected = 2_000.0 * STRIPES_PER_BLOB * share;
    double seen = moved;
    assertTrue(
        seen > 0.7 * expected && seen < 1.3 * expected,
        () -> named() + seen + " moved, expected about " + expected);
  }

  @Test
  void evenWeightsAreRankedAsTheLogarithmWould() {
    List<PlacedMember> even = members(37, i -> 3, 4);
    List<PlacedMember> uneven = new ArrayList<>(even);
    // Last in the list and never in front: its weight alone has the logarithms taken.
    uneven.add(new PlacedMember("zz", "zone-0", 1));
    Placement quick = new Placement(1, even);
    Placement slow = new Placement(1, uneven);
    for (BlobKey key : keys(500)) {
      List<PlacedMember> ranked = new ArrayList<>(slow.ranked(key, 3, 38));
      ranked.removeIf(member -> member.id().equals("zz"));
      assertEquals(ranked, quick.ranked(key, 3, 37), named());
      assertEquals(ranked.subList(0, 3), quick.ranked(key, 3, 3), named());
    }
    assertEquals(List.of(), quick.ranked(keys(1).getFirst(), 0, 0));
  }

  @Test
  void aWeightThatGrowsOnlyDrawsStripesToItself() {
    List<PlacedMember> before = members(30, i -> 4, 1);
    List<PlacedMember> after = new ArrayList<>(before);
    PlacedMember old = before.get(7);
    after.set(7, new PlacedMember(old.id(), old.zone(), 8));
    Placement first = new Placement(1, before);
    Placement second = new Placement(2, after);
    int moved = 0;
    for (BlobKey key : keys(1_000)) {
      for (int stripe = 0; stripe < STRIPES_PER_BLOB; stripe++) {
        String now = second.tracker(key, stripe).orElseThrow().id();
        if (!first.tracker(key, stripe).orElseThrow().id().equals(now)) {
          assertEquals(old.id(), now, named());
          moved++;
        }
      }
    }
    assertTrue(moved > 0, named());
  }

  @Test
  void everyZoneHasATrackerOfItsOwnAndTheTrackerOfAllIsOneOfThem() {
    Placement placement = new Placement(1, members(30, i -> 1 + i % 2, 3));
    for (BlobKey key : keys(500)) {
      HashSet<String> trackers = new HashSet<>();
      for (String zone : List.of("zone-0", "zone-1", "zone-2")) {
        PlacedMember near = placement.tracker(key, 0, zone).orElseThrow();
        assertEquals(zone, near.zone(), named());
        trackers.add(near.id());
      }
      String ofAll = placement.tracker(key, 0).orElseThrow().id();
      assertTrue(trackers.contains(ofAll), named());
      assertEquals(ofAll, placement.tracker(key, 0, "elsewhere").orElseThrow().id(), named());
    }
  }

  @Test
  void rankedIsDistinctAndBeginsWithTheTracker() {
    Placement placement = new Placement(1, members(9, i -> 1 + i, 1));
    for (BlobKey key : keys(500)) {
      List<PlacedMember> ranked = placement.ranked(key, 3, 5);
      assertEquals(5, new HashSet<>(ranked).size(), named());
      assertEquals(placement.tracker(key, 3), Optional.of(ranked.get(0)), named());
    }
    assertEquals(9, placement.ranked(keys(1).get(0), 0, 100).size());
  }

  @Test
  void rankedIsWhatSortingAllByTheirScoresGives() {
    for (int n = 0; n < 200; n++) {
      int weights = 1 + random.nextInt(4);
      List<PlacedMember> members =
          members(1 + random.nextInt(60), i -> weights == 1 ? 7 : 1 + random.nextInt(100_000), 3);
      Placement placement = new Placement(1, members);
      BlobKey key = keys(1).get(0);
      int stripe = random.nextInt(50);
      List<PlacedMember> sorted = new ArrayList<>();
      Placement rest = placement;
      for (List<PlacedMember> left = new ArrayList<>(members); !left.isEmpty(); ) {
        PlacedMember first = rest.tracker(key, stripe).orElseThrow();
        sorted.add(first);
        left.remove(first);
        rest = new Placement(1, left);
      }
      for (int count : List.of(0, 1, 3, members.size(), members.size() + 5)) {
        assertEquals(
            sorted.subList(0, Math.min(count, sorted.size())),
            placement.ranked(key, stripe, count),
            named());
      }
    }
  }

  @Test
  void membersOfNoWeightTrackNothing() {
    BlobKey key = keys(1).get(0);
    assertEquals(Optional.empty(), new Placement(1, List.of()).tracker(key, 0));
    assertEquals(
        Optional.empty(),
        new Placement(1, List.of(new PlacedMember("a", "", 0))).tracker(key, 0, ""));
    Placement placement =
        new Placement(1, List.of(new PlacedMember("a", "", 0), new PlacedMember("b", "", 1)));
    assertEquals("b", placement.tracker(key, 0).orElseThrow().id());
  }

  @Test
  void badListsAreRefused() {
    PlacedMember member = new PlacedMember("a", "", 1);
    assertThrows(IllegalArgumentException.class, () -> new Placement(1, List.of(member, member)));
    assertThrows(IllegalArgumentException.class, () -> new PlacedMember("", "", 1));
    assertThrows(IllegalArgumentException.class, () -> new PlacedMember("a", "", -1));
  }

  /** Nodes of different versions must agree: these answers are part of the protocol. */
  @Test
  void answersNeverChange() {
    Placement equal = new Placement(1, members(10, i -> 1, 1));
    Placement weighted = new Placement(1, members(10, i -> 1 + i, 1));
    StringBuilder seen = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      BlobKey key = BlobKey.sha256(new Digest(i, 2 * i, 3 * i, 4 * i));
      seen.append(equal.tracker(key, i).orElseThrow().id()).append(' ');
      seen.append(weighted.tracker(key, i).orElseThrow().id()).append(' ');
    }
    assertEquals(
        "node-0 node-7 node-3 node-9 node-5 node-8 node-3 node-3 node-6 node-6 node-0 node-0 node-5"
            + " node-5 node-2 node-6",
        seen.toString().trim());
  }

  private Map<String, Integer> count(List<BlobKey> keys, Placement placement) {
    Map<String, Integer> counts = new HashMap<>();
    Function<PlacedMember, String> id = PlacedMember::id;
    for (BlobKey key : keys) {
      for (int stripe = 0; stripe < STRIPES_PER_BLOB; stripe++) {
        counts.merge(placement.tracker(key, stripe).map(id).orElseThrow(), 1, Integer::sum);
      }
    }
    return counts;
  }

  private List<BlobKey> keys(int count) {
    List<BlobKey> keys = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      keys.add(
          BlobKey.origin(
              new Digest(
                  random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong())));
    }
    return keys;
  }

  private static List<PlacedMember> members(int count, LongUnaryOperator weight, int zones) {
    List<PlacedMember> members = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      members.add(new PlacedMember("node-" + i, "zone-" + i % zones, weight.applyAsLong(i)));
    }
    return members;
  }

  private String named() {
    return "seed " + seed + ": ";
  }
}
