package dev.larder.agent.tracker;

import java.security.SecureRandom;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Knows who fetches each stripe, from whom, and who has it. At most one member holds a live lease
 * of a stripe and fetches it from the origin; everybody else is sent to a member that has the
 * stripe or is fetching it, so a burst grows as a tree. No member is sent more than the fan-out's
 * readers of one stripe, and four times as many within a deadline where no slot or no room to
 * remember the reader is left; members of the asker's zone come first, and nobody is ever sent in a
 * circle. Who makes no progress for the deadline is forgotten; its lease goes to the next member
 * that asks, and sooner to one that gave it up when the tracker has not heard of it for three
 * eighths of the deadline. What the tracker knows is soft: one that starts anew is told again by
 * those who ask.
 *
 * <p><b>Threads:</b> one at a time; the owner locks. Times are {@code System.nanoTime}-like and
 * come from the caller.
 */
public final class Tracker {
  /**
   * Readers of one stripe that a member is sent at once; measured in the simulation, see
   * docs/decisions/0007.
   */
  public static final int FAN_OUT = 2;

  /** 64 digests take about 3.5 KiB, an entry about 200 bytes. */
  private static final int DIGESTS_AS_ENTRIES = 16;

  /** Of the entries so many at most, the n-th part, go to digests of stripes that are forgotten. */
  private static final int PAST_PART = 16;

  /** Live stripes looked at to make room for one: everybody's asks wait meanwhile. */
  private static final int LOOKS_MAX = 64;

  /**
   * The same, where the looks before found nothing: with 64 for each ask a tracker full of live
   * leases answered 10,000 a CPU second ({@code perf/run tracker-asks}).
   */
  private static final int LOOKS_MIN = 4;

  /** How often a lease is renewed within its deadline, while bytes come. */
  public static final int RENEWALS = 8;

  /** Renewals that fail in a row before a lease is overdue, once a reader gave its holder up. */
  public static final int OVERDUE_RENEWALS = 3;

  /** Readers a member is sent past its slots within a deadline, for each of its slots. */
  private static final int GUESTS_A_SLOT = 4;

  private final long progressDeadlineNanos;
  private final int entriesMax;
  private final int fanOut;
  private final LinkedHashMap<StripeId, StripeSources> stripes =
      new LinkedHashMap<>(16, 0.75f, true);
  private final PastTellers past;
  private final LongSupplier leaseNumbers;
  private long lastNumber;
  private int entries;

  /** Live stripes that the next call may look at in vain. */
  private int looks = LOOKS_MAX;

  /** A tracker with the usual fan-out, that knows nothing yet. */
  public Tracker(Duration progressDeadline, int entriesMax) {
    this(progressDeadline, entriesMax, FAN_OUT);
  }

  /** A tracker whose leases have numbers that nobody guesses. */
  public Tracker(Duration progressDeadline, int entriesMax, int fanOut) {
    this(progressDeadline, entriesMax, fanOut, new SecureRandom()::nextLong);
  }

  /**
   * A tracker that knows nothing yet.
   *
   * @param progressDeadline {@code fill.lease-deadline}: who makes no progress for so long is
   *     forgotten
   * @param entriesMax {@code fill.tracked-stripes-max}: pairs of stripe and member remembered, a
   *     stripe's block digests counted as 16 of them; those that are kept of forgotten stripes go
   *     first, then stripes with no live lease, least recently asked for
   * @param fanOut readers of one stripe that a member is sent at once
   * @param leaseNumbers names each lease; no lease of an earlier life of the tracker, nor another
   *     member's, may be taken for one of now, so the numbers must be random
   */
  public Tracker(Duration progressDeadline, int entriesMax, int fanOut, LongSupplier leaseNumbers) {
    if (progressDeadline.isNegative()
        || progressDeadline.isZero()
        || entriesMax < 1
        || fanOut < 1) {
      throw new IllegalArgumentException("deadline, entriesMax and fanOut must be positive");
    }
    this.progressDeadlineNanos = progressDeadline.toNanos();
    this.entriesMax = entriesMax;
    this.past = new PastTellers(Math.max(1, entriesMax / PAST_PART / DIGESTS_AS_ENTRIES));
    this.fanOut = fanOut;
    this.leaseNumbers = leaseNumbers;
  }

  /** As {@link #ask(Asker, StripeId, long)}, for a member that takes what it gets. */
  public Assignment ask(String member, StripeId stripe, long nowNanos) {
    return ask(Asker.of(member), stripe, nowNanos);
  }

  /**
   * Says where a member gets a stripe. Asking again while holding the lease renews it; a member
   * that asks for a stripe it was listed with has lost it.
   */
  public Assignment ask(Asker asker, StripeId stripe, long nowNanos) {
    StripeSources sources = stripes.get(stripe);
    Source lessee = sources == null ? null : sources.lessee();
    if (sources != null && lessee != null) {
      if (!sources.hasLiveLease(nowNanos)) {
        sources.remove(lessee);
      } else if (lessee.member.equals(asker.member())) {
        lessee.progressNanos = nowNanos;
        return new Assignment.Lease(sources.lease());
      }
    }
    Source parent = sources == null ? null : pick(sources, asker, nowNanos);
    Source busy = sources == null ? null : sources.lessee();
    if (parent == null && sources != null && busy != null && sources.hasLiveLease(nowNanos)) {
      if (!asker.avoid().contains(busy.member)) {
        // No slot is free: better one reader too many than the same bytes from the origin again.
        parent = busy;
        if (!admits(parent, nowNanos)) {
          return new Assignment.Untracked();
        }
      } else if (isOverdue(busy, nowNanos)) {
        // Two do not hear of it. Waiting for the deadline had every reader fetch the same bytes.
        sources.remove(busy);
      } else {
        return new Assignment.Untracked();
      }
    }
    Source self = entry(asker.member(), asker.zone(), asker.voice(), stripe, nowNanos);
    if (parent != null && self == null && !admits(parent, nowNanos)) {
      return new Assignment.Untracked();
    }
    if (parent != null) {
      StripeSources joined = of(stripe);
      if (self != null) {
        joined.reads(self, parent, nowNanos);
      }
      return new Assignment.Parent(parent.member);
    }
    if (self == null) {
      if (sources != null) {
        dropIfEmpty(stripe, sources);
      }
      return new Assignment.Untracked();
    }
    long lease = nextLease();
    of(stripe).grant(self, lease, nowNanos);
    return new Assignment.Lease(lease);
  }

  /** Whether a lease should have been renewed by now. */
  private boolean isOverdue(Source lessee, long nowNanos) {
    return nowNanos - lessee.progressNanos > OVERDUE_RENEWALS * progressDeadlineNanos / RENEWALS;
  }

  private boolean admits(Source parent, long nowNanos) {
    return parent.admits(nowNanos, progressDeadlineNanos, GUESTS_A_SLOT * fanOut);
  }

  private @Nullable Source pick(StripeSources sources, Asker asker, long nowNanos) {
    if (asker.slow().isEmpty()) {
      return sources.pick(asker.member(), asker.zone(), asker.avoid(), Set.of(), nowNanos);
    }
    Set<String> both = both(asker);
    // Who reads from a slow one is as slow, and may have nobody to compare it with.
    Source quick = sources.pick(asker.member(), asker.zone(), both, asker.slow(), nowNanos);
    if (quick != null) {
      return quick;
    }
    Source lessee = sources.lessee();
    if (lessee != null
        && sources.hasLiveLease(nowNanos)
        && !both.contains(lessee.member)
        && admits(lessee, nowNanos)) {
      // Past its slots: where it sends nothing yet, the slow ones have nothing either.
      return lessee;
    }
    Set<String> givenUp = givenUp(asker);
    Source current = sources.current(asker.member(), asker.avoid(), givenUp, nowNanos);
    // Its slot is the asker's own, and whoever reads from it is no quicker.
    Source around =
        current != null
            ? current
            : sources.pick(asker.member(), asker.zone(), asker.avoid(), givenUp, nowNanos);
    // While one fetches it, however slowly, that is better than once more from the origin.
    return around != null || !sources.hasLiveLease(nowNanos)
        ? around
        : sources.pick(asker.member(), asker.zone(), asker.avoid(), Set.of(), nowNanos);
  }

  /** Not only slow but too slow to wait for, at whatever distance. */
  private static Set<String> givenUp(Asker asker) {
    Set<String> givenUp = new HashSet<>(asker.slow());
    givenUp.retainAll(asker.avoid());
    return givenUp;
  }

  private static Set<String> both(Asker asker) {
    Set<String> both = new HashSet<>(asker.avoid());
    both.addAll(asker.slow());
    return both;
  }

  /**
   * Bytes arrived at a member that fetches a stripe under a lease. Answers whether it still stands;
   * if not, stop fetching.
   */
  public boolean progress(String member, StripeId stripe, long lease, long nowNanos) {
    StripeSources sources = stripes.get(stripe);
    Source lessee = lessee(sources, member, lease);
    if (sources == null || lessee == null) {
      return false;
    }
    if (!sources.hasLiveLease(nowNanos)) {
      sources.remove(lessee);
      return false;
    }
    lessee.progressNanos = nowNanos;
    return true;
  }

  /** Bytes arrived at a member that was sent to a parent. Answers whether it is still listed. */
  public boolean progress(String member, StripeId stripe, long nowNanos) {
    StripeSources sources = stripes.get(stripe);
    Source source = sources == null ? null : sources.find(member);
    if (sources == null || source == null || source == sources.lessee()) {
      return false;
    }
    source.progressNanos = nowNanos;
    return true;
  }

  /** Gives a lease back; {@code complete} says that the lessee now has the whole stripe. */
  public void end(String member, StripeId stripe, long lease, boolean complete) {
    StripeSources sources = stripes.get(stripe);
    Source lessee = lessee(sources, member, lease);
    if (sources == null || lessee == null) {
      return;
    }
    if (complete) {
      sources.endLease();
      sources.completed(lessee);
    } else {
      sources.remove(lessee);
      dropIfEmpty(stripe, sources);
    }
  }

  /** As {@link #holding(String, String, long, StripeId, long)} of a member that proves nothing. */
  public void holding(String member, String zone, StripeId stripe, long nowNanos) {
    holding(member, zone, 0, stripe, nowNanos);
  }

  /** A member of a zone says that it has a whole stripe; {@code voice} as in {@link #left}. */
  public void holding(String member, String zone, long voice, StripeId stripe, long nowNanos) {
    Source source = entry(member, zone, voice, stripe, nowNanos);
    if (source != null) {
      StripeSources sources = of(stripe);
      if (source == sources.lessee()) {
        sources.endLease();
      }
      sources.completed(source);
    }
  }

  /** As {@link #left(String, long, StripeId, long)} of a member that proves nothing. */
  public void left(String member, StripeId stripe, long lease) {
    left(member, 0, stripe, lease);
  }

  /**
   * A member reads or fetches a stripe no more, or dropped it; what it says of a lease that is over
   * is old.
   *
   * @param voice by what it proves to be itself: whose entry was made with another one is somebody
   *     else, and not believed
   */
  public void left(String member, long voice, StripeId stripe, long lease) {
    StripeSources sources = stripes.get(stripe);
    Source source = sources == null ? null : sources.find(member);
    if (sources == null || source == null) {
      return;
    }
    if (source == sources.lessee()) {
      end(member, stripe, lease, false);
    } else if (source.voice == voice) {
      gone(member, stripe);
    }
  }

  /** A member no longer has a stripe, or served a wrong block of it. */
  public void gone(String member, StripeId stripe) {
    StripeSources sources = stripes.get(stripe);
    Source source = sources == null ? null : sources.find(member);
    if (sources != null && source != null) {
      sources.remove(source);
      dropIfEmpty(stripe, sources);
    }
  }

  /** All that is known of a stripe is wrong: leases end, and its digests are told anew. */
  public void forget(StripeId stripe) {
    StripeSources sources = stripes.remove(stripe);
    if (sources != null) {
      entries -= sources.size() + digestEntries(sources);
      past.keep(stripe, sources.told());
    }
  }

  /** A member found the one it was sent to gone, or its bytes wrong; nobody else is believed. */
  public void failed(String reader, String parent, StripeId stripe) {
    StripeSources sources = stripes.get(stripe);
    Source source = sources == null ? null : sources.find(reader);
    Source above = source == null ? null : source.parent;
    if (above != null && above.member.equals(parent)) {
      gone(parent, stripe);
    }
  }

  /**
   * Keeps digests of a stripe's blocks for those who read it. Taken from the holder of the live
   * lease alone: whoever comes unasked and says that it has the stripe vouches for nothing. What
   * was told first stands, also after the lease. Answers whether anything was new.
   */
  public boolean tell(
      String member, StripeId stripe, long lease, BlockDigests told, long nowNanos) {
    StripeSources sources = stripes.get(stripe);
    if (sources == null
        || lessee(sources, member, lease) == null
        || !sources.hasLiveLease(nowNanos)
        || told.without(sources.digests().mask()).isEmpty()
        || (sources.digests().isEmpty() && !makeRoom(stripe, DIGESTS_AS_ENTRIES, nowNanos))) {
      return false;
    }
    entries += sources.digests().isEmpty() ? DIGESTS_AS_ENTRIES : 0;
    sources.told().tell(member, told);
    return true;
  }

  /**
   * A member found that digests told of a stripe are wrong. Where those of now differ from its own,
   * all that is known of the stripe is forgotten: who read by them has wrong bytes. That is
   * believed of members that are listed alone, as in {@link #left}; the worst that a lie does is
   * that the stripe is fetched once more. Who told them everybody hears who asks, also of digests
   * that are forgotten by now: whoever was misled may have left, or been passed over, before it
   * found out.
   *
   * @return who told what differs; empty when nothing does
   */
  public String dispute(String member, long voice, StripeId stripe, BlockDigests right) {
    StripeSources sources = stripes.get(stripe);
    String liar = sources == null ? "" : sources.told().liar(right);
    if (sources == null || liar.isEmpty()) {
      String before = past.liar(stripe, right);
      return before.equals(member) ? "" : before;
    }
    Source source = sources.find(member);
    if (source != null && source.voice == voice) {
      forget(stripe);
    }
    return liar.equals(member) ? "" : liar;
  }

  /** The digests told of a stripe. */
  public BlockDigests digests(StripeId stripe) {
    StripeSources sources = stripes.get(stripe);
    return sources == null ? BlockDigests.NONE : sources.digests();
  }

  /** Who fetches a stripe under a live lease. */
  public Optional<String> lessee(StripeId stripe, long nowNanos) {
    StripeSources sources = stripes.get(stripe);
    Source lessee = sources == null ? null : sources.lessee();
    return lessee == null || sources == null || !sources.hasLiveLease(nowNanos)
        ? Optional.empty()
        : Optional.of(lessee.member);
  }

  /** Stripes remembered. */
  public int size() {
    return stripes.size();
  }

  /** How many were sent to a member for a stripe and read from it now. */
  public int readers(String member, StripeId stripe) {
    StripeSources sources = stripes.get(stripe);
    Source source = sources == null ? null : sources.find(member);
    return source == null ? 0 : source.children;
  }

  /** The lessee, if it is this member under this very lease. */
  private static @Nullable Source lessee(
      @Nullable StripeSources sources, String member, long lease) {
    Source lessee = sources == null ? null : sources.lessee();
    return sources != null
            && lessee != null
            && sources.lease() == lease
            && lessee.member.equals(member)
        ? lessee
        : null;
  }

  /** Zero means none. */
  private long nextLease() {
    long number = 0;
    while (number == 0) {
      number = leaseNumbers.getAsLong() & Long.MAX_VALUE;
    }
    return number;
  }

  private StripeSources of(StripeId stripe) {
    StripeSources sources = stripes.get(stripe);
    if (sources == null) {
      throw new IllegalStateException("a stripe was forgotten while it was asked for: " + stripe);
    }
    return sources;
  }

  /** The member's entry, made where there is room for one. */
  private @Nullable Source entry(
      String member, String zone, long voice, StripeId stripe, long nowNanos) {
    StripeSources sources = stripes.get(stripe);
    Source old = sources == null ? null : sources.find(member);
    if (old != null) {
      return old;
    }
    if (!makeRoom(stripe, 1, nowNanos)) {
      return null;
    }
    StripeSources into =
        stripes.computeIfAbsent(
            stripe, any -> new StripeSources(fanOut, progressDeadlineNanos, gone -> entries--));
    entries++;
    return into.add(member, zone, voice, ++lastNumber);
  }

  private void dropIfEmpty(StripeId stripe, StripeSources sources) {
    if (sources.size() == 0) {
      entries -= digestEntries(sources);
      stripes.remove(stripe);
      past.keep(stripe, sources.told());
    }
  }

  private static int digestEntries(StripeSources sources) {
    return sources.digests().isEmpty() ? 0 : DIGESTS_AS_ENTRIES;
  }

  private boolean makeRoom(StripeId keep, int more, long nowNanos) {
    boolean isPastLeft = true;
    while (isPastLeft && !hasRoom(more)) {
      isPastLeft = past.giveUpOne();
    }
    // Live ones go to the end, so that the next call looks at others.
    int left = looks;
    while (!hasRoom(more) && left > 0) {
      Map.Entry<StripeId, StripeSources> eldest = stripes.firstEntry();
      if (eldest == null) {
        break;
      }
      StripeSources sources = eldest.getValue();
      if (eldest.getKey().equals(keep) || sources.hasLiveLease(nowNanos)) {
        stripes.get(eldest.getKey());
        left--;
      } else {
        entries -= sources.size() + digestEntries(sources);
        stripes.remove(eldest.getKey());
        looks = LOOKS_MAX;
      }
    }
    boolean isMade = hasRoom(more);
    looks = isMade ? looks : Math.max(LOOKS_MIN, looks / 4);
    return isMade;
  }

  private boolean hasRoom(int more) {
    return entries + past.size() * DIGESTS_AS_ENTRIES + more <= entriesMax;
  }
}
