package dev.larder.agent.peer;

import dev.larder.agent.cluster.ClusterView;
import dev.larder.agent.cluster.Peer;
import dev.larder.agent.fill.StripeShare;
import dev.larder.agent.fill.StripeShare.ParentFault;
import dev.larder.agent.fill.Tracking;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.StripeReport.Kind;
import dev.larder.agent.tracker.Tracker;
import dev.larder.agent.tracker.TrackerDesk;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.placement.PlacedMember;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks and reports of this node's fills, to whom the placement names. A share lasts as long as its
 * blob is filled here, so that others are sent here meanwhile, and ends complete, or with the
 * flight.
 *
 * <p><b>Threads:</b> any. {@link #start} and {@link #close} once.
 */
final class ClusterTracking implements Tracking, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ClusterTracking.class);

  /** Why a member is left that sent what it must not. */
  static final String WRONG = "wrong bytes";

  private static final long FAREWELL_NANOS = Duration.ofSeconds(1).toNanos();

  private final Views views;
  private final String zone;
  private final PeerConfig config;
  private final Duration leaseDeadline;
  private final TrackerDesk desk;
  private final TrackerLink link;
  private final Demotions parents;
  private final Demotions slow;
  private final Function<StripeId, BlockDigests> present;
  private final Map<StripeId, ClusterShare> shares = new ConcurrentHashMap<>();
  private final Map<String, Reporter> reporters = new ConcurrentHashMap<>();
  private final ScheduledExecutorService clock =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("peer-tracking").factory());

  /**
   * Tracking that is not started.
   *
   * @param present digests of a stripe's blocks that the store has
   */
  ClusterTracking(
      Views views,
      String zone,
      PeerConfig config,
      Duration leaseDeadline,
      TrackerDesk desk,
      TrackerLink link,
      Function<StripeId, BlockDigests> present) {
    this.views = views;
    this.zone = zone;
    this.config = config;
    this.leaseDeadline = leaseDeadline;
    this.desk = desk;
    this.link = link;
    this.present = present;
    this.parents = new Demotions(System::nanoTime, config.demoteFor().toNanos());
    this.slow = new Demotions(System::nanoTime, config.demoteFor().toNanos());
  }

  void start() {
    long period = Math.max(1, leaseDeadline.toMillis() / Tracker.RENEWALS);
    clock.scheduleWithFixedDelay(this::tick, period, period, TimeUnit.MILLISECONDS);
  }

  @Override
  public StripeShare share(StripeId stripe) {
    if (shares.size() >= config.stripesMax()) {
      makeRoom();
    }
    return shares.computeIfAbsent(stripe, any -> new ClusterShare(stripe, this));
  }

  @Override
  public void completed(StripeId stripe, Supplier<BlockDigests> digests) {
    ClusterShare share = shares.remove(stripe);
    if (share != null) {
      share.end(Kind.COMPLETE, digests.get());
    }
  }

  @Override
  public void closed(BlobKey key) {
    shares.forEach((stripe, share) -> {
      if (stripe.key().equals(key)) {
        left(share);
      }
    });
  }

  @Override
  public void forget(BlobKey key, long sizeBytes) {
    desk.forget(key, sizeBytes);
    closed(key);
  }

  @Override
  public void misled(StripeId stripe, Set<String> members, BlockDigests right) {
    log.warn("left members that sent wrong blocks members={} stripe={}", members, stripe);
    members.forEach(member -> demote(member, WRONG));
    ClusterShare share = shares.get(stripe);
    if (share != null) {
      share.disputed();
    }
    Dispute dispute = new Dispute(stripe, right, member -> demote(member, WRONG));
    for (String tracker : trackers(view(), stripe)) {
      boolean unused = reporter(tracker).add(dispute);
    }
  }

  @Override
  public Map<String, Long> gauges() {
    Map<String, Long> out = new LinkedHashMap<>();
    out.put("tracked_stripes", (long) desk.size());
    out.put("shared_stripes", (long) shares.size());
    out.put("demoted_members", (long) left().size());
    return out;
  }

  Map<String, Long> counters() {
    Map<String, Long> out = new LinkedHashMap<>();
    out.put("tracker_asks_total", link.asks());
    out.put("tracker_failures_total", link.failures());
    out.put("peer_demotions_total", parents.total() + slow.total());
    return out;
  }

  /** Gives up what this node holds, so that others need not wait for its leases to end. */
  @Override
  public void close() {
    clock.shutdownNow();
    shares.values().forEach(this::left);
    long deadline = System.nanoTime() + FAREWELL_NANOS;
    reporters.values().forEach(reporter -> reporter.close(deadline));
  }

  PeerConfig config() {
    return config;
  }

  TrackerLink link() {
    return link;
  }

  long nanoTime() {
    return System.nanoTime();
  }

  long leaseNanos() {
    return leaseDeadline.toNanos();
  }

  /** Without a word for so long, a lease may be another's. */
  long overdueNanos() {
    return Tracker.OVERDUE_RENEWALS * leaseDeadline.toNanos() / Tracker.RENEWALS;
  }

  ClusterView view() {
    return views.now();
  }

  BlockDigests present(StripeId stripe) {
    return present.apply(stripe);
  }

  void demote(String member, String why) {
    parents.demote(member, why);
  }

  void demote(String member, ParentFault fault) {
    demote(
        member,
        switch (fault) {
          case WRONG -> WRONG;
          case SILENT -> "silent";
          case GONE -> "not reached or closes early";
          case WAITS, ENDED, UNVOUCHED, SLOW, CRAWLS ->
              throw new IllegalArgumentException("" + fault);
        });
  }

  /** Read from only where there is nobody else, for a time. */
  void foundSlow(String member) {
    slow.demote(member, "slow");
  }

  Set<String> slow() {
    return slow.all();
  }

  /** Members left alone now, and why, for people; what is worse than slow goes before it. */
  SortedMap<String, String> left() {
    SortedMap<String, String> all = slow.reasons();
    all.putAll(parents.reasons());
    return all;
  }

  boolean isDemoted(String member) {
    return parents.isDemoted(member);
  }

  Set<String> demoted() {
    return parents.all();
  }

  void reportSoon(String tracker, ClusterShare share) {
    boolean unused = reporter(tracker).add(share);
  }

  Reporter reporter(String tracker) {
    return reporters.computeIfAbsent(tracker, any -> new Reporter(tracker, link));
  }

  /** Waits until a tracker heard the last words about a stripe, or for a member's patience. */
  void awaitLast(String tracker, StripeId stripe) {
    Reporter reporter = reporters.get(tracker);
    if (reporter != null) {
      reporter.awaitLast(stripe, nanoTime() + config.progressDeadline().toNanos());
    }
  }

  /** Whether this node asked a tracker for a stripe that it reads or fetches now. */
  boolean hasPlace(StripeId stripe, String tracker) {
    ClusterShare share = shares.get(stripe);
    return share != null && share.hasPlace(tracker);
  }

  /** The trackers of a stripe in the order they are asked; this node's own where nobody tracks. */
  List<String> trackers(ClusterView view, StripeId stripe) {
    List<String> out = new ArrayList<>(PeerConfig.TRACKER_RANKS + 1);
    zoneTracker(view, stripe).ifPresent(out::add);
    for (PlacedMember member :
        view.placement().ranked(stripe.key(), stripe.stripe(), PeerConfig.TRACKER_RANKS)) {
      out.add(member.id());
    }
    return out.isEmpty() ? List.of(views.self()) : out;
  }

  /** Whether a tracker is the zone's only, so that the one of all zones is asked behind it. */
  boolean isZoneTracker(ClusterView view, StripeId stripe, String tracker) {
    return zoneTracker(view, stripe).filter(tracker::equals).isPresent();
  }

  /** Whether the rank behind a tracker of all zones tracks for no other zone alone. */
  boolean mayFollow(ClusterView view, StripeId stripe, String tracker) {
    List<String> ranks = trackers(view, stripe);
    int behind = ranks.lastIndexOf(tracker) + 1;
    if (behind == ranks.size()) {
      return false;
    }
    String zoneBehind = view.peer(ranks.get(behind)).map(Peer::zone).orElse("");
    return zoneBehind.isEmpty() || view.peer(tracker).map(Peer::zone).orElse("").equals(zoneBehind);
  }

  private Optional<String> zoneTracker(ClusterView view, StripeId stripe) {
    if (zone.isEmpty()) {
      return Optional.empty();
    }
    Optional<PlacedMember> near = view.placement().tracker(stripe.key(), stripe.stripe(), zone);
    Optional<PlacedMember> global = view.placement().tracker(stripe.key(), stripe.stripe());
    return near.filter(member -> member.zone().equals(zone) && !near.equals(global))
        .map(PlacedMember::id);
  }

  private void left(ClusterShare share) {
    if (shares.remove(share.stripe(), share)) {
      share.end(Kind.LEFT, BlockDigests.NONE);
    }
  }

  private void makeRoom() {
    shares.values().stream()
        .filter(ClusterShare::isIdle)
        .min(Comparator.comparingLong(ClusterShare::idleSinceNanos))
        .ifPresent(this::left);
  }

  private void tick() {
    try {
      ClusterView view = view();
      shares.values().forEach(share -> share.tick(view));
      reporters.values().removeIf(Reporter::isOver);
    } catch (RuntimeException e) {
      log.error("renewing leases failed; going on", e);
    }
  }
}
