package dev.larder.agent.tracker;

import java.time.Duration;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Knows who fetches each stripe, from whom, and who has it. At most one member holds a live lease
 * of a stripe and fetches it from the origin; everybody else is sent to a member that has the
 * stripe or is fetching it, so a burst grows as a tree. No member is sent more than the fan-out's
 * readers of one stripe, members of the asker's zone come first, and nobody is ever sent in a
 * circle. Who makes no progress for the deadline is forgotten; its lease goes to the next member
 * that asks. What the tracker knows is soft: one that starts anew is told again by those who ask.
 *
 * <p><b>Threads:</b> one at a time; the owner locks. Times are {@code System.nanoTime}-like and
 * come from the caller.
 */
public final class Tracker {
  /** Measured in the simulation, see docs/decisions/0007. */
  private static final int FAN_OUT = 2;

  /** 64 digests take about 3.5 KiB, an entry about 200 bytes. */
  private static final int DIGESTS_AS_ENTRIES = 16;

  private final long progressDeadlineNanos;
  private final int entriesMax;
  private final int fanOut;
  private final LinkedHashMap<StripeId, StripeSources> stripes =
      new LinkedHashMap<>(16, 0.75f, true);
  private final Map<Long, StripeId> leases = new HashMap<>();
  private long lastLease;
  private long lastNumber;
  private int entries;

  /** A tracker with the usual fan-out, that knows nothing yet. */
  public Tracker(Duration progressDeadline, int entriesMax) {
    this(progressDeadline, entriesMax, FAN_OUT);
  }

  /**
   * A tracker that knows nothing yet.
   *
   * @param progressDeadline {@code fill.lease-deadline}: who makes no progress for so long is
   *     forgotten
   * @param entriesMax {@code fill.tracked-stripes-max}: pairs of stripe and member remembered, a
   *     stripe's block digests counted as 16 of them; stripes with no live lease are forgotten
   *     first, least recently asked for
   * @param fanOut readers of one stripe that a member is sent at once
   */
  public Tracker(Duration progressDeadline, int entriesMax, int fanOut) {
    if (progressDeadline.isNegative()
        || progressDeadline.isZero()
        || entriesMax < 1
        || fanOut < 1) {
      throw new IllegalArgumentException("deadline, entriesMax and fanOut must be positive");
    }
    this.progressDeadlineNanos = progressDeadline.toNanos();
    this.entriesMax = entriesMax;
    this.fanOut = fanOut;
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
        remove(sources, lessee);
      } else if (lessee.member.equals(asker.member())) {
        lessee.progressNanos = nowNanos;
        return new Assignment.Lease(sources.lease());
      }
    }
    Source parent =
        sources == null
            ? null
            : sources.pick(asker.member(), asker.zone(), asker.avoid(), nowNanos);
    if (parent == null && sources != null && sources.hasLiveLease(nowNanos)) {
      // No slot is free: better one reader too many than the same bytes from the origin again.
      Source busy = sources.lessee();
      parent = busy == null || asker.avoid().contains(busy.member) ? null : busy;
      if (parent == null) {
        return new Assignment.Untracked();
      }
    }
    Source self = entry(asker.member(), asker.zone(), stripe, nowNanos);
    if (parent != null) {
      StripeSources joined = of(stripe);
      if (self != null) {
        joined.reads(self, parent, nowNanos);
      }
      return new Assignment.Parent(parent.member);
    }
    if (self == null) {
      return new Assignment.Untracked();
    }
    long lease = ++lastLease;
    of(stripe).grant(self, lease, nowNanos);
    leases.put(lease, stripe);
    return new Assignment.Lease(lease);
  }

  /** Bytes arrived under a lease. Answers whether it still stands; if not, stop fetching. */
  public boolean progress(long lease, long nowNanos) {
    StripeSources sources = leased(lease);
    if (sources == null) {
      return false;
    }
    Source lessee = sources.lessee();
    if (lessee == null || !sources.hasLiveLease(nowNanos)) {
      if (lessee != null) {
        remove(sources, lessee);
      }
      leases.remove(lease);
      return false;
    }
    lessee.progressNanos = nowNanos;
    return true;
  }

  /** Bytes arrived at a member that was sent to a parent. Answers whether it is still listed. */
  public boolean progress(String member, StripeId stripe, long nowNanos) {
    StripeSources sources = stripes.get(stripe);
    Source source = sources == null ? null : sources.find(member);
    if (source == null) {
      return false;
    }
    source.progressNanos = nowNanos;
    return true;
  }

  /** Gives a lease back; {@code complete} says that the lessee now has the whole stripe. */
  public void end(long lease, boolean complete) {
    StripeId stripe = leases.get(lease);
    StripeSources sources = leased(lease);
    leases.remove(lease);
    Source lessee = sources == null ? null : sources.lessee();
    if (sources == null || lessee == null || stripe == null) {
      return;
    }
    if (complete) {
      sources.endLease();
      sources.completed(lessee);
    } else {
      remove(sources, lessee);
      dropIfEmpty(stripe, sources);
    }
  }

  /** A member of a zone says that it has a whole stripe. */
  public void holding(String member, String zone, StripeId stripe, long nowNanos) {
    Source source = entry(member, zone, stripe, nowNanos);
    if (source != null) {
      StripeSources sources = of(stripe);
      if (source == sources.lessee()) {
        leases.remove(sources.lease());
        sources.endLease();
      }
      sources.completed(source);
    }
  }

  /** A member no longer has a stripe, or served a wrong block of it. */
  public void gone(String member, StripeId stripe) {
    StripeSources sources = stripes.get(stripe);
    Source source = sources == null ? null : sources.find(member);
    if (sources != null && source != null) {
      remove(sources, source);
      dropIfEmpty(stripe, sources);
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
   * lease; where there is none, from a member that has the whole stripe. What was told first
   * stands. Answers whether anything was new.
   */
  public boolean tell(String member, StripeId stripe, BlockDigests told, long nowNanos) {
    StripeSources sources = stripes.get(stripe);
    Source source = sources == null ? null : sources.find(member);
    if (sources == null || source == null || told.without(sources.digests().mask()).isEmpty()) {
      return false;
    }
    boolean isVouched =
        sources.hasLiveLease(nowNanos) ? source == sources.lessee() : source.isComplete;
    if (!isVouched
        || (sources.digests().isEmpty() && !makeRoom(stripe, DIGESTS_AS_ENTRIES, nowNanos))) {
      return false;
    }
    entries += sources.digests().isEmpty() ? DIGESTS_AS_ENTRIES : 0;
    sources.tell(told);
    return true;
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

  private @Nullable StripeSources leased(long lease) {
    StripeId stripe = leases.get(lease);
    StripeSources sources = stripe == null ? null : stripes.get(stripe);
    // Forgetting an entry ends its lease without a look here.
    return sources != null && sources.lease() == lease ? sources : null;
  }

  private StripeSources of(StripeId stripe) {
    StripeSources sources = stripes.get(stripe);
    if (sources == null) {
      throw new IllegalStateException("a stripe was forgotten while it was asked for: " + stripe);
    }
    return sources;
  }

  /** The member's entry, made where there is room for one. */
  private @Nullable Source entry(String member, String zone, StripeId stripe, long nowNanos) {
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
    return into.add(member, zone, ++lastNumber);
  }

  private void remove(StripeSources sources, Source source) {
    if (source == sources.lessee()) {
      leases.remove(sources.lease());
    }
    sources.remove(source);
  }

  private void dropIfEmpty(StripeId stripe, StripeSources sources) {
    if (sources.size() == 0) {
      entries -= digestEntries(sources);
      stripes.remove(stripe);
    }
  }

  private static int digestEntries(StripeSources sources) {
    return sources.digests().isEmpty() ? 0 : DIGESTS_AS_ENTRIES;
  }

  private boolean makeRoom(StripeId keep, int more, long nowNanos) {
    Iterator<Map.Entry<StripeId, StripeSources>> eldest = stripes.entrySet().iterator();
    while (entries + more > entriesMax && eldest.hasNext()) {
      Map.Entry<StripeId, StripeSources> each = eldest.next();
      if (!each.getKey().equals(keep) && !each.getValue().hasLiveLease(nowNanos)) {
        leases.remove(each.getValue().lease());
        entries -= each.getValue().size() + digestEntries(each.getValue());
        eldest.remove();
      }
    }
    return entries + more <= entriesMax;
  }
}
