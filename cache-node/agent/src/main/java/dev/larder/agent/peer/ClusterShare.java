package dev.larder.agent.peer;

import dev.larder.agent.cluster.ClusterView;
import dev.larder.agent.fill.StripeShare;
import dev.larder.agent.peer.Messages.Wanted;
import dev.larder.agent.tracker.Assignment;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.StripeReport;
import dev.larder.agent.tracker.StripeReport.Kind;
import dev.larder.agent.tracker.StripeReport.Standing;
import dev.larder.agent.tracker.TrackerDesk;
import dev.larder.protocol.Digest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** This node's share in one stripe of a cluster. Any thread. */
final class ClusterShare implements StripeShare, Word {
  /*
   * Concurrency. `state` guards every field that is not final or volatile, and nothing waits under
   * it. `asking` is held while trackers are asked, `watching` while digests are waited for: one of
   * the stripe's runs asks, the others take what it got.
   * What places there are: Place.
   */
  /** Without a tracker, so many times what the last ask took: silent ranks take deadlines each. */
  private static final int PAUSES_AN_ASK = 8;

  /** A long poll ends sooner than a member's patience. */
  private static final int HOLD_MILLIS = 1_000;

  private final StripeId stripe;
  private final ClusterTracking tracking;
  private final Object state = new Object();
  private final ReentrantLock asking = new ReentrantLock();
  private final ReentrantLock watching = new ReentrantLock();

  /** Not before then by a transfer that found no tracker; under {@code asking}. */
  private long askAgainNanos;

  private final Demotions avoided;

  /** Parents that had nothing for so long that they may be waiting for this node. */
  private final Demotions waited;

  private List<Place> places = List.of();
  private @Nullable String parent;
  private String lostParent = "";
  private BlockDigests own = BlockDigests.NONE;
  private volatile BlockDigests heard = BlockDigests.NONE;
  private long epoch;
  private @Nullable Kind ending;
  private final Set<String> toldAgain = new HashSet<>(2);
  private volatile boolean isLost = true;
  private volatile long heardOfNanos;
  private volatile boolean isRunning;
  private volatile boolean hasMoved;
  private volatile long idleSinceNanos;

  ClusterShare(StripeId stripe, ClusterTracking tracking) {
    this.stripe = stripe;
    this.tracking = tracking;
    this.avoided = new Demotions(tracking::nanoTime, tracking.leaseNanos());
    this.waited = new Demotions(tracking::nanoTime, tracking.leaseNanos());
    this.idleSinceNanos = tracking.nanoTime();
    this.askAgainNanos = idleSinceNanos;
  }

  @Override
  public StripeId stripe() {
    return stripe;
  }

  @Override
  public boolean isLast() {
    synchronized (state) {
      return ending != null;
    }
  }

  /** Trackers are told to forget the stripe, and this node's part in it. */
  void disputed() {
    isLost = true;
  }

  /** Whether this tracker was asked for the stripe by now. */
  boolean hasPlace(String tracker) {
    synchronized (state) {
      return isPlace(tracker);
    }
  }

  @Override
  public Assignment ask(Set<String> avoid) {
    isRunning = true;
    asking.lock();
    try {
      Assignment standing = standing(avoid);
      return standing != null ? standing : askTrackers(avoid);
    } finally {
      asking.unlock();
    }
  }

  @Override
  public boolean progress() {
    hasMoved = true;
    if (tracking.nanoTime() - heardOfNanos > tracking.overdueNanos()) {
      // This process stood still, or its origin did: the lease may be another's by now.
      isLost = true;
    }
    return !isLost || !isSentAway();
  }

  /** Whether another member is to be read from; runs that waited for one's ask take its answer. */
  private boolean isSentAway() {
    asking.lock();
    try {
      if (tracking.nanoTime() - askAgainNanos < 0) {
        return false;
      }
      long began = tracking.nanoTime();
      Assignment answer = ask(Set.of());
      if (answer instanceof Assignment.Untracked) {
        long now = tracking.nanoTime();
        askAgainNanos = now + PAUSES_AN_ASK * (now - began);
      }
      return answer instanceof Assignment.Parent;
    } finally {
      asking.unlock();
    }
  }

  @Override
  public void came(int place, Digest digest) {
    hasMoved = true;
    List<String> trackers = new ArrayList<>(2);
    synchronized (state) {
      own = own.with(BlockDigests.of(place, digest));
      places.stream().filter(each -> each.lease != 0).forEach(each -> trackers.add(each.tracker));
    }
    trackers.forEach(tracker -> tracking.reportSoon(tracker, this));
  }

  @Override
  public @Nullable Digest awaitDigest(int place) {
    long deadline = tracking.nanoTime() + tracking.config().progressDeadline().toNanos();
    while (heard.get(place) == null) {
      long left = deadline - tracking.nanoTime();
      if (left <= 0 || Thread.currentThread().isInterrupted() || !watch(place, left)) {
        break;
      }
    }
    return heard.get(place);
  }

  @Override
  public void failed(String member, ParentFault fault) {
    if (fault == ParentFault.WAITS || fault == ParentFault.UNVOUCHED) {
      synchronized (state) {
        isLost |= member.equals(parent);
        if (fault == ParentFault.WAITS) {
          waited.demote(member, "");
        }
      }
      return;
    }
    boolean isSlow = fault == ParentFault.SLOW || fault == ParentFault.CRAWLS;
    if (isSlow) {
      tracking.foundSlow(member);
    } else if (fault != ParentFault.ENDED) {
      tracking.demote(member, fault);
    }
    synchronized (state) {
      if (!isSlow) {
        avoided.demote(member, "");
      }
      if (member.equals(parent)) {
        parent = null;
        isLost = true;
        boolean isDead = fault == ParentFault.GONE || fault == ParentFault.WRONG;
        lostParent = isDead ? member : "";
      }
    }
  }

  @Override
  public boolean isSlow(String member) {
    return tracking.slow().contains(member);
  }

  @Override
  public void idle() {
    isRunning = false;
    idleSinceNanos = tracking.nanoTime();
  }

  boolean isIdle() {
    return !isRunning;
  }

  long idleSinceNanos() {
    return idleSinceNanos;
  }

  /**
   * The last report to each tracker this node has a place at. Who fetched the whole stripe tells
   * the next ranks too: whoever follows a tracker that goes knows where the stripe is, and nobody
   * fetches it again.
   */
  void end(Kind kind, BlockDigests digests) {
    List<String> ranks =
        kind == Kind.COMPLETE ? tracking.trackers(tracking.view(), stripe) : List.of();
    List<String> trackers = new ArrayList<>(4);
    synchronized (state) {
      ending = kind;
      own = own.with(digests);
      List<Place> all = new ArrayList<>(places);
      if (isLost) {
        // Whoever does not know this node as what it was may know no digests either; who leaves
        // gives back what may still be known.
        all.replaceAll(place ->
            kind == Kind.COMPLETE || place.lease == 0 ? Place.unasked(place.tracker) : place);
      }
      if (places.stream().anyMatch(place -> place.lease != 0)) {
        ranks.stream().filter(rank -> !isPlace(rank)).map(Place::unasked).forEach(all::add);
      } else if (places.isEmpty()) {
        // Fetched past the trackers; whoever tracks it now may send others here.
        ranks.stream()
            .filter(rank -> !tracking.link().isSilent(rank))
            .findFirst()
            .map(Place::unasked)
            .ifPresent(all::add);
      }
      places = List.copyOf(all);
      places.forEach(each -> trackers.add(each.tracker));
    }
    isLost = true;
    trackers.forEach(tracker -> tracking.reportSoon(tracker, this));
  }

  /** Whether a tracker has a place already; under {@code state}. */
  private boolean isPlace(String tracker) {
    return places.stream().anyMatch(place -> place.tracker.equals(tracker));
  }

  /**
   * Keeps its places alive: a run that makes no progress does not, so that its lease ends. After a
   * change of epoch the trackers of now are asked at the next occasion.
   */
  void tick(ClusterView view) {
    if (isLost || (isRunning && !hasMoved)) {
      return;
    }
    hasMoved = false;
    List<String> trackers = new ArrayList<>(2);
    synchronized (state) {
      places.forEach(each -> trackers.add(each.tracker));
      if (epoch != view.epoch()) {
        epoch = view.epoch();
        List<String> due = tracking.trackers(view, stripe);
        isLost = !due.containsAll(trackers);
      }
    }
    trackers.forEach(tracker -> tracking.reportSoon(tracker, this));
  }

  /** Whether a tracker is to be told digests and was not asked for the lease that this takes. */
  boolean needsLease(String tracker) {
    synchronized (state) {
      return ending == Kind.COMPLETE
          && !own.isEmpty()
          && places.stream().anyMatch(place -> place.isUnasked && place.tracker.equals(tracker));
    }
  }

  /** A tracker granted the lease of the stripe, which is here. */
  void leased(String tracker, long lease) {
    synchronized (state) {
      places =
          places.stream()
              .map(place ->
                  place.isUnasked && place.tracker.equals(tracker)
                      ? Place.asked(tracker, lease)
                      : place)
              .toList();
    }
  }

  @Override
  public @Nullable StripeReport report(String tracker) {
    synchronized (state) {
      for (Place place : places) {
        if (place.tracker.equals(tracker)) {
          Kind kind = ending == null ? Kind.PROGRESS : ending;
          BlockDigests told = place.lease != 0 ? own.without(place.told) : BlockDigests.NONE;
          return new StripeReport(stripe, kind, place.lease, heard.mask(), told);
        }
      }
      return null;
    }
  }

  @Override
  public void answered(String tracker, @Nullable StripeReport report, @Nullable Standing standing) {
    if (report == null) {
      return;
    }
    Optional<String> next = Optional.empty();
    synchronized (state) {
      if (standing != null) {
        heard = heard.with(standing.news());
      }
      for (Place place : places) {
        if (place.tracker.equals(tracker) && place.lease == report.lease()) {
          if (standing == null || !standing.stands()) {
            lose(place);
          } else {
            place.told |= report.told().mask();
            heardOfNanos = tracking.nanoTime();
          }
        }
      }
      if (report.kind() == Kind.COMPLETE) {
        next = standing == null ? nextRank() : toldAgain(tracker, standing);
      }
    }
    next.ifPresent(rank -> tracking.reportSoon(rank, this));
  }

  /** A tracker is gone, or does not know of this node; under {@code state}. */
  private void lose(Place lost) {
    List<Place> rest = places.stream().filter(each -> each != lost).toList();
    ClusterView view = tracking.view();
    boolean isEnough =
        parent == null
            ? rest.stream()
                .anyMatch(
                    each -> each.lease != 0 && !tracking.isZoneTracker(view, stripe, each.tracker))
            : lost != places.getLast();
    if (isEnough && ending == null) {
      places = rest;
    } else {
      isLost = true;
    }
  }

  /** A tracker that was told digests under a lease that is over is told once more. */
  private Optional<String> toldAgain(String tracker, Standing standing) {
    boolean isDue = !standing.stands() && toldAgain.add(tracker);
    if (isDue) {
      places =
          places.stream()
              .map(place -> place.tracker.equals(tracker) ? Place.unasked(tracker) : place)
              .toList();
    }
    return isDue ? Optional.of(tracker) : Optional.empty();
  }

  /** A place at the first rank that has none and is not silent; under {@code state}. */
  private Optional<String> nextRank() {
    Optional<String> next =
        tracking.trackers(tracking.view(), stripe).stream()
            .filter(rank -> !isPlace(rank) && !tracking.link().isSilent(rank))
            .findFirst();
    next.ifPresent(rank -> {
      List<Place> all = new ArrayList<>(places);
      all.add(Place.unasked(rank));
      places = List.copyOf(all);
    });
    return next;
  }

  /** What was assigned before, if it still stands and is not avoided. */
  private @Nullable Assignment standing(Set<String> avoid) {
    synchronized (state) {
      if (isLost || places.isEmpty() || ending != null) {
        return null;
      }
      if (parent == null) {
        return new Assignment.Lease(places.getLast().lease);
      }
      return avoid.contains(parent) || tracking.isDemoted(parent)
          ? null
          : new Assignment.Parent(parent);
    }
  }

  private Assignment askTrackers(Set<String> avoid) {
    Set<String> avoided = avoided(avoid);
    for (int round = 0; round < 2; round++) {
      ClusterView view = tracking.view();
      Asked asked = new Asked(view, avoided);
      if (asked.run()) {
        return settle(view, asked);
      }
    }
    return settle(tracking.view(), new Asked(tracking.view(), avoided));
  }

  /** Takes the answers in. */
  private Assignment settle(ClusterView view, Asked asked) {
    boolean hasLease = asked.found.stream().anyMatch(each -> each.lease != 0);
    BlockDigests present = hasLease ? tracking.present(stripe) : BlockDigests.NONE;
    List<String> trackers = new ArrayList<>(2);
    synchronized (state) {
      places = List.copyOf(asked.found);
      parent = asked.parent;
      lostParent = "";
      epoch = view.epoch();
      heard = heard.with(asked.heard);
      own = own.with(present);
      heardOfNanos = tracking.nanoTime();
      isLost = asked.isUntracked || places.isEmpty();
      if (hasLease && !own.isEmpty()) {
        places.stream().filter(each -> each.lease != 0).forEach(each -> trackers.add(each.tracker));
      }
    }
    trackers.forEach(tracker -> tracking.reportSoon(tracker, this));
    if (asked.parent != null) {
      return new Assignment.Parent(asked.parent);
    }
    return asked.isUntracked || asked.found.isEmpty()
        ? new Assignment.Untracked()
        : new Assignment.Lease(asked.found.getLast().lease);
  }

  private Set<String> avoided(Set<String> avoid) {
    Set<String> all = new HashSet<>(avoid);
    all.addAll(tracking.demoted());
    all.addAll(avoided.all());
    return all;
  }

  /** Waits until something new is heard; false when nothing will be. */
  private boolean watch(int block, long nanosMax) {
    watching.lock();
    try {
      if (heard.get(block) != null) {
        return true;
      }
      String tracker;
      long lease;
      synchronized (state) {
        if (places.isEmpty() || parent == null) {
          return false;
        }
        tracker = places.getLast().tracker;
        lease = places.getLast().lease;
      }
      int millis = (int) Math.clamp(nanosMax / 1_000_000, 1, HOLD_MILLIS);
      Standing standing =
          tracking
              .link()
              .watch(
                  tracker,
                  new StripeReport(stripe, Kind.WATCH, lease, heard.mask(), BlockDigests.NONE),
                  millis);
      if (standing == null) {
        return false;
      }
      synchronized (state) {
        heard = heard.with(standing.news());
      }
      return standing.isLive() || heard.get(block) != null;
    } finally {
      watching.unlock();
    }
  }

  /** One round of asking: the zone's tracker first, then those of all zones. */
  private final class Asked {
    private final ClusterView view;
    private final Set<String> avoided;
    private final List<Place> found = new ArrayList<>(2);
    private BlockDigests heard = BlockDigests.NONE;
    private @Nullable String parent;
    private boolean isUntracked;

    /** Whether who was named is waited for although it had nothing until now. */
    private boolean isStayedWith;

    Asked(ClusterView view, Set<String> avoided) {
      this.view = view;
      this.avoided = avoided;
    }

    /** False when the member list turned out to be old: ask again by the new one. */
    boolean run() {
      List<String> ranks = tracking.trackers(view, stripe);
      int leases = 0;
      for (String tracker : ranks) {
        boolean isZone = tracking.isZoneTracker(view, stripe, tracker);
        TrackerLink.Told told =
            tracking.link().isSilent(tracker) ? null : ask(tracker, avoided, tracking.slow());
        if (told == null) {
          continue;
        }
        if (told.answer().isEmpty()) {
          if (told.isViewNew()) {
            return false;
          }
          continue;
        }
        TrackerDesk.Answer answer = told.answer().get();
        if (!isZone && isWaitedFor(answer)) {
          answer = elsewhere(tracker, answer);
        }
        boolean isEnough = takeIn(tracker, answer, isZone);
        leases += !isZone && answer.assignment() instanceof Assignment.Lease ? 1 : 0;
        if (isEnough || leases == PeerConfig.LEASES_MAX || (!isZone && leases == 0)) {
          return true;
        }
        if (leases == 1 && !isZone && !tracking.mayFollow(view, stripe, tracker)) {
          return true;
        }
      }
      isUntracked = found.isEmpty();
      return true;
    }

    /** Whether a tracker behind a lease of this node names who had nothing for it until now. */
    private boolean isWaitedFor(TrackerDesk.Answer answer) {
      return isLessee()
          && answer.assignment() instanceof Assignment.Parent named
          && waited.isDemoted(named.member());
    }

    /**
     * Asks for somebody else. Where there is nobody, who was named is waited for as long as its
     * tracker knows who fetches the stripe: an origin that stalls is no reason to fetch it twice.
     */
    private TrackerDesk.Answer elsewhere(String tracker, TrackerDesk.Answer named) {
      Set<String> waited = ClusterShare.this.waited.all();
      // Not as ones to avoid: they are waited for, not given up.
      TrackerDesk.Answer other = answer(ask(tracker, avoided, both(tracking.slow(), waited)));
      if (other == null) {
        return named;
      }
      boolean isSame =
          other.assignment() instanceof Assignment.Parent parent
              && waited.contains(parent.member());
      if (other.isLive() && (isSame || other.assignment() instanceof Assignment.Untracked)) {
        isStayedWith = true;
        return named;
      }
      if (isSame) {
        other = answer(ask(tracker, both(avoided, waited), tracking.slow()));
      }
      return other == null ? named : other;
    }

    private static TrackerDesk.@Nullable Answer answer(TrackerLink.@Nullable Told told) {
      return told == null ? null : told.answer().orElse(null);
    }

    private static Set<String> both(Set<String> one, Set<String> other) {
      Set<String> both = new HashSet<>(one);
      both.addAll(other);
      return both;
    }

    private TrackerLink.@Nullable Told ask(String tracker, Set<String> without, Set<String> slow) {
      tracking.awaitLast(tracker, stripe);
      Wanted wanted;
      synchronized (state) {
        wanted = new Wanted(stripe, lostParent, ClusterShare.this.heard.mask());
      }
      return tracking.link().ask(view, tracker, wanted, without, slow);
    }

    private boolean isLessee() {
      return found.stream().anyMatch(place -> place.lease != 0);
    }

    /** Whether there is nobody else to ask. */
    private boolean takeIn(String tracker, TrackerDesk.Answer answer, boolean isZone) {
      heard = heard.with(answer.news());
      switch (answer.assignment()) {
        case Assignment.Parent named -> {
          if ((isZone || isLessee()) && !isStayedWith && waited.isDemoted(named.member())) {
            // Such a tracker may name what is no longer there, and they wait for each other.
            return false;
          }
          parent = named.member();
          found.add(Place.asked(tracker, 0));
          return true;
        }
        case Assignment.Lease granted -> found.add(Place.asked(tracker, granted.lease()));
        case Assignment.Untracked none -> isUntracked = found.isEmpty();
      }
      return false;
    }
  }
}
