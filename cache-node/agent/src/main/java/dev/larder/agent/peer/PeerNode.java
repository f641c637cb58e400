package dev.larder.agent.peer;

import dev.larder.agent.cluster.Cluster;
import dev.larder.agent.fill.FillConfig;
import dev.larder.agent.fill.FillEngine;
import dev.larder.agent.fill.Members;
import dev.larder.agent.fill.Tracking;
import dev.larder.agent.tracker.OwnStripes;
import dev.larder.agent.tracker.Tracker;
import dev.larder.agent.tracker.TrackerDesk;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore;
import java.net.InetSocketAddress;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A node's dealings with the others: its tracker, its peer door, its asks and its reads from
 * members. Made before the fill engine, started with it, closed before it.
 *
 * <p><b>Threads:</b> one starts and closes; the rest is for any.
 */
public final class PeerNode implements AutoCloseable {
  /** Entries of the tracker for each stripe of which the node remembers whether it tracks it. */
  private static final int KNOWN_PLACES = 16;

  private final PeerConfig config;
  private final BlobStore store;
  private final @Nullable PeerTls tls;
  private final TrackerService service;
  private final PeerClient client;
  private final ClusterTracking tracking;
  private final PeerMembers members;
  private final Drops drops;
  private @Nullable PeerDoor door;

  /**
   * A node that is not started.
   *
   * @param material asked at each handshake, so that new files take effect; what it gives must be
   *     of the agents' role
   */
  public PeerNode(
      PeerConfig config,
      FillConfig fill,
      Cluster cluster,
      String zone,
      BlobStore store,
      Supplier<TlsMaterial> material) {
    this.config = config;
    this.store = store;
    this.tls = config.isPlain() ? null : new PeerTls(material);
    TrackerDesk desk =
        new TrackerDesk(
            new Tracker(fill.leaseDeadline(), fill.trackedStripesMax()), System::nanoTime);
    OwnStripes own =
        new OwnStripes(
            cluster.self(),
            PeerConfig.TRACKER_RANKS,
            Math.max(1, fill.trackedStripesMax() / KNOWN_PLACES));
    this.service = new TrackerService(cluster, desk, own);
    this.client = new PeerClient(config, tls);
    Views views = new Views(cluster);
    Demotions silent = new Demotions(System::nanoTime, config.demoteFor().toNanos());
    this.tracking =
        new ClusterTracking(
            views,
            zone,
            config,
            fill.leaseDeadline(),
            desk,
            new TrackerLink(views, zone, desk, client, silent),
            stripe -> FillEngine.presentDigests(store, stripe));
    this.members = new PeerMembers(cluster, zone, views, client, tracking);
    this.drops =
        new Drops(
            tracking, config.stripesMax(), stripe -> FillEngine.hasWholeStripe(store, stripe));
  }

  /** What the fill engine asks. */
  public Tracking tracking() {
    return tracking;
  }

  /** What the fill engine reads from. */
  public Members members() {
    return members;
  }

  /**
   * Opens the door and begins to renew leases.
   *
   * @throws LarderException BAD_CONFIG when the address cannot be bound
   */
  public void start(FillEngine engine) {
    if (!config.listen().isEmpty()) {
      door = PeerDoor.start(config, tls, store, engine, service);
    }
    client.start();
    tracking.start();
    store.addListener(drops);
    drops.start();
  }

  /**
   * Where others reach the door: as told, else where it listens.
   *
   * @param told {@code node.address}, empty when it is not set
   * @param host asked for this host's address where the door listens at all of them; null where
   *     nobody can say it
   * @return asked whenever the node joins; COORDINATOR_UNAVAILABLE while no address is known. Empty
   *     text without a door
   * @throws LarderException BAD_CONFIG where none will ever be known, or what was told is none
   */
  public Supplier<String> address(String told, @Nullable Supplier<Optional<String>> host) {
    PeerDoor open = door;
    if (open == null) {
      return () -> told;
    }
    if (!told.isEmpty()) {
      String address = checked(told);
      return () -> address;
    }
    InetSocketAddress bound = open.address();
    if (!bound.getAddress().isAnyLocalAddress()) {
      String address = new Address(bound.getAddress().getHostAddress(), bound.getPort()).toString();
      return () -> address;
    }
    if (host == null) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG,
          "node.address must name this node, as peer.listen is " + config.listen());
    }
    return () -> new Address(known(host.get()), bound.getPort()).toString();
  }

  /** In one form, so that [10.0.0.1]:7451 is 10.0.0.1:7451. */
  private static String checked(String told) {
    try {
      return Address.parse(told).toString();
    } catch (LarderException e) {
      throw new LarderException(e.code(), "node.address: " + e.getMessage(), e);
    }
  }

  private static String known(Optional<String> host) {
    return host.orElseThrow(() ->
        new LarderException(
            ErrorCode.COORDINATOR_UNAVAILABLE,
            "this node's own address is not known, as no name of coordinator.addresses can be"
                + " looked up; set node.address to go without"));
  }

  /** Members that this node does not read from for a time, and why, for people. */
  public SortedMap<String, String> left() {
    return tracking.left();
  }

  /** Trackers that did not answer lately and are not asked for a time, and with which code. */
  public SortedMap<String, String> silentTrackers() {
    return tracking.link().silent();
  }

  /** Totals by metric name, without prefix. */
  public Map<String, Long> counters() {
    Map<String, Long> out = new LinkedHashMap<>(tracking.counters());
    out.put("tracker_asks_served_total", service.asks());
    out.put("tracker_drops_told_total", drops.told());
    out.put("tracker_drops_lost_total", drops.lost());
    PeerDoor open = door;
    if (open != null) {
      out.putAll(open.counters());
    }
    return out;
  }

  /** Present figures by metric name, without prefix; those of the tracking are the engine's. */
  public Map<String, Long> gauges() {
    Map<String, Long> out = new LinkedHashMap<>();
    out.put("tracker_drops_untold", drops.untold());
    PeerDoor open = door;
    if (open != null) {
      out.putAll(open.gauges());
    }
    return out;
  }

  /** Drops every connection at once and tells nobody, as a crash does. */
  public void cut() {
    PeerDoor open = door;
    client.close();
    if (open != null) {
      open.close();
    }
  }

  /** Tells the trackers that this node leaves, then drops its connections; idempotent. */
  @Override
  public void close() {
    drops.close();
    tracking.close();
    cut();
  }
}
