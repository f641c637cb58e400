package dev.larder.protocol.placement;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Weighted rendezvous hashing over the members of one epoch. Every node computes the same answer
 * from the same list, in any order, so no lookup is needed; when a member comes or goes, only
 * stripes that it gains or had move, 1/N of all on average.
 *
 * <p>Each zone has a tracker of its own for each stripe ({@link #tracker(BlobKey, int, String)}),
 * which asks the tracker of all zones ({@link #tracker(BlobKey, int)}) on behalf of its zone: so a
 * stripe crosses a link between zones about once.
 *
 * <p>Immutable; any thread. A question costs a hash for each member it is about, which is a
 * nanosecond or two, and a logarithm for the few that may win.
 *
 * <p>Source: Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit Rates"; weights by
 * the logarithmic method of Schindelhauer and Schomaker.
 */
public final class Placement {
  /*
   * A member's score is -ln(u)/weight with u uniform in (0,1) from the hash of stripe and member; the
   * smallest wins. StrictMath, because all nodes must agree to the last bit. With equal weights the
   * greatest hash has the smallest score, so no logarithm is needed.
   */
  private static final double UNIT = 0x1.0p-53;

  /** More than the rounding of a bound that spares the logarithm. */
  private static final double MARGIN = 1 - 0x1.0p-40;

  private final long epoch;
  private final Pool all;
  private final Map<String, Pool> zones;

  /**
   * A placement of one epoch.
   *
   * @param epoch names the member list
   * @param members each id once; those of weight 0 are left out
   */
  public Placement(long epoch, List<PlacedMember> members) {
    this.epoch = epoch;
    Set<String> ids = new HashSet<>();
    List<PlacedMember> placed = new ArrayList<>();
    for (PlacedMember member : members) {
      if (!ids.add(member.id())) {
        throw new IllegalArgumentException("two members are called " + member.id());
      }
      if (member.weight() > 0) {
        placed.add(member);
      }
    }
    // In order of ids, so that the order of the list is of no effect, not even on equal scores.
    placed.sort(Comparator.comparing(PlacedMember::id));
    this.all = new Pool(placed);
    this.zones =
        placed.stream()
            .collect(
                Collectors.groupingBy(
                    PlacedMember::zone,
                    Collectors.collectingAndThen(Collectors.toList(), Pool::new)));
  }

  /** The epoch of the member list this was made of. */
  public long epoch() {
    return epoch;
  }

  /** The member that tracks a stripe; empty when nobody tracks. */
  public Optional<PlacedMember> tracker(BlobKey key, int stripe) {
    return all.first(seed(key, stripe));
  }

  /** The member that tracks a stripe for a zone; the tracker of all zones where it has none. */
  public Optional<PlacedMember> tracker(BlobKey key, int stripe, String zone) {
    return zones.getOrDefault(zone, all).first(seed(key, stripe));
  }

  /** The first members for a stripe, best first: whoever is next takes over when one is gone. */
  public List<PlacedMember> ranked(BlobKey key, int stripe, int count) {
    return all.ranked(seed(key, stripe), count);
  }

  /**
   * Whether a member is among the first for a stripe, or tracks it for a zone. One pass over all
   * members, and one over the zone's.
   *
   * @param ranks how many are first, at least 1
   */
  public boolean isTracker(String id, BlobKey key, int stripe, String zone, int ranks) {
    long seed = seed(key, stripe);
    if (all.ranked(seed, ranks).stream().anyMatch(member -> member.id().equals(id))) {
      return true;
    }
    Pool near = zones.get(zone);
    return near != null
        && near.members.size() < all.members.size()
        && near.first(seed).filter(member -> member.id().equals(id)).isPresent();
  }

  private static long seed(BlobKey key, int stripe) {
    Digest digest = key.digest();
    return mix(digest.a() ^ mix(digest.b() + 31L * stripe + key.kind().code()));
  }

  private static long hash(String id) {
    return Digests.ofBytes(id.getBytes(StandardCharsets.UTF_8)).a();
  }

  /** The finalizer of SplitMix64: every bit of the input reaches every bit of the result. */
  private static long mix(long bits) {
    long z = bits + 0x9e3779b97f4a7c15L;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }

  /** Members among whom a question is decided, in order of ids. */
  private static final class Pool {
    private final List<PlacedMember> members;
    private final long[] hashes;
    private final double[] weights;
    private final boolean isEven;

    Pool(List<PlacedMember> members) {
      this.members = List.copyOf(members);
      this.hashes = members.stream().mapToLong(member -> hash(member.id())).toArray();
      this.weights = members.stream().mapToDouble(PlacedMember::weight).toArray();
      this.isEven = members.stream().mapToLong(PlacedMember::weight).distinct().count() <= 1;
    }

    Optional<PlacedMember> first(long seed) {
      if (!isEven) {
        return rankedByWeight(seed, 1).stream().findFirst();
      }
      int best = -1;
      long most = -1;
      for (int i = 0; i < hashes.length; i++) {
        long hash = mix(seed ^ hashes[i]) >>> 11;
        if (hash > most) {
          best = i;
          most = hash;
        }
      }
      return best < 0 ? Optional.empty() : Optional.of(members.get(best));
    }

    List<PlacedMember> ranked(long seed, int count) {
      return isEven ? rankedEvenly(seed, count) : rankedByWeight(seed, count);
    }

    private List<PlacedMember> rankedEvenly(long seed, int count) {
      int room = Math.min(count, hashes.length);
      int[] best = new int[room];
      long[] most = new long[room];
      Arrays.fill(most, -1);
      long least = room == 0 ? Long.MAX_VALUE : -1;
      for (int i = 0; i < hashes.length; i++) {
        long hash = mix(seed ^ hashes[i]) >>> 11;
        if (hash <= least) {
          continue;
        }
        int at = room - 1;
        for (; at > 0 && most[at - 1] < hash; at--) {
          most[at] = most[at - 1];
          best[at] = best[at - 1];
        }
        most[at] = hash;
        best[at] = i;
        least = most[room - 1];
      }
      return IntStream.of(best).mapToObj(members::get).toList();
    }

    private List<PlacedMember> rankedByWeight(long seed, int count) {
      int room = Math.min(count, hashes.length);
      int[] best = new int[room];
      double[] scores = new double[room];
      int size = 0;
      double limit = Double.POSITIVE_INFINITY;
      for (int i = 0; i < hashes.length && room > 0; i++) {
        double uniform = ((mix(seed ^ hashes[i]) >>> 11) + 0.5) * UNIT;
        // -ln(u) is at least 1 - u: who is behind by that is behind.
        if ((1 - uniform) * MARGIN > limit * weights[i]) {
          continue;
        }
        double score = -StrictMath.log(uniform) / weights[i];
        if (size == room && score >= limit) {
          continue;
        }
        int at = size < room ? size++ : room - 1;
        for (; at > 0 && scores[at - 1] > score; at--) {
          scores[at] = scores[at - 1];
          best[at] = best[at - 1];
        }
        scores[at] = score;
        best[at] = i;
        limit = size == room ? scores[room - 1] : Double.POSITIVE_INFINITY;
      }
      return IntStream.of(best).mapToObj(members::get).toList();
    }
  }
}
