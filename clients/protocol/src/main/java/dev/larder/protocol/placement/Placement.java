package dev.larder.protocol.placement;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Weighted rendezvous hashing over the members of one epoch. Every node computes the same answer
 * from the same list, in any order, so no lookup is needed; when a member comes or goes, only
 * stripes that it gains or had move, 1/N of all on average.
 *
 * <p>Each zone has a tracker of its own for each stripe ({@link #tracker(BlobKey, int, String)}),
 * which asks the tracker of all zones ({@link #tracker(BlobKey, int)}) on behalf of its zone: so a
 * stripe crosses a link between zones about once.
 *
 * <p>Immutable; any thread. A question costs one hash for each member, and one logarithm where
 * weights differ.
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

  private final long epoch;
  private final List<Candidate> all;

  /**
   * A placement of one epoch.
   *
   * @param epoch names the member list
   * @param members each id once; those of weight 0 are left out
   */
  public Placement(long epoch, List<PlacedMember> members) {
    this.epoch = epoch;
    Set<String> ids = new HashSet<>();
    List<Candidate> candidates = new ArrayList<>();
    for (PlacedMember member : members) {
      if (!ids.add(member.id())) {
        throw new IllegalArgumentException("two members are called " + member.id());
      }
      if (member.weight() > 0) {
        candidates.add(new Candidate(member, hash(member.id())));
      }
    }
    // In order of ids, so that the order of the list is of no effect, not even on equal scores.
    candidates.sort(Comparator.comparing(candidate -> candidate.member.id()));
    this.all = List.copyOf(candidates);
  }

  /** The epoch of the member list this was made of. */
  public long epoch() {
    return epoch;
  }

  /** The member that tracks a stripe; empty when nobody tracks. */
  public Optional<PlacedMember> tracker(BlobKey key, int stripe) {
    return best(key, stripe, "", false);
  }

  /** The member that tracks a stripe for a zone; the tracker of all zones where it has none. */
  public Optional<PlacedMember> tracker(BlobKey key, int stripe, String zone) {
    Optional<PlacedMember> near = best(key, stripe, zone, true);
    return near.isPresent() ? near : tracker(key, stripe);
  }

  /** The first members for a stripe, best first: whoever is next takes over when one is gone. */
  public List<PlacedMember> ranked(BlobKey key, int stripe, int count) {
    long seed = seed(key, stripe);
    record Scored(Candidate candidate, double score) {}
    return all.stream()
        .map(candidate -> new Scored(candidate, score(mix(seed ^ candidate.hash), candidate)))
        .sorted(Comparator.comparingDouble(Scored::score))
        .limit(count)
        .map(scored -> scored.candidate.member)
        .toList();
  }

  private Optional<PlacedMember> best(BlobKey key, int stripe, String zone, boolean onlyZone) {
    long seed = seed(key, stripe);
    Candidate best = null;
    long bestHash = 0;
    for (Candidate candidate : all) {
      if (onlyZone && !candidate.member.zone().equals(zone)) {
        continue;
      }
      long hash = mix(seed ^ candidate.hash);
      if (best == null || wins(hash, candidate, bestHash, best)) {
        best = candidate;
        bestHash = hash;
      }
    }
    return Optional.ofNullable(best).map(candidate -> candidate.member);
  }

  private static boolean wins(long hash, Candidate candidate, long bestHash, Candidate best) {
    if (candidate.member.weight() == best.member.weight()) {
      // As precise as the score itself, so that both ways agree on ties.
      return hash >>> 11 > bestHash >>> 11;
    }
    return score(hash, candidate) < score(bestHash, best);
  }

  private static double score(long hash, Candidate candidate) {
    double uniform = ((hash >>> 11) + 0.5) * UNIT;
    return -StrictMath.log(uniform) / candidate.member.weight();
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

  private record Candidate(PlacedMember member, long hash) {}
}
