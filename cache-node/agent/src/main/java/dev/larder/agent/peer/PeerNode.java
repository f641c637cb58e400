package dev.larder.agent.peer;

import dev.larder.agent.cluster.Cluster;
import dev.larder.agent.fill.FillConfig;
import dev.larder.agent.fill.FillEngine;
import dev.larder.agent.fill.Members;
import dev.larder.agent.fill.Tracking;
import dev.larder.agent.tracker.Tracker;
import dev.larder.agent.tracker.TrackerDesk;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore;
import java.net.InetSocketAddress;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A node's dealings with the others: its tracker, its peer door, its asks and its reads from
 * members. Made before the fill engine, started with it, closed before it.
 *
 * <p><b>Threads:</b> one starts and closes; the rest is for any.
 */
public final class PeerNode implements AutoCloseable {
  private final PeerConfig config;
  private final BlobStore store;
  private final @Nullable PeerTls tls;
  private final TrackerService service;
  private final PeerClient client;
  private final ClusterTracking tracking;
  private final PeerMembers members;
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
    this.service = new TrackerService(cluster, desk);
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
    this.members = new PeerMembers(cluster, views, client, tracking);
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
  }

  /**
   * Where others reach the door: as told, else where it listens.
   *
   * @param told {@code node.address}, empty when it is not set
   * @throws LarderException BAD_CONFIG when the door listens at every address and none was told
   */
  public String address(String told) {
    PeerDoor open = door;
    if (!told.isEmpty() || open == null) {
      return told;
    }
    InetSocketAddress bound = open.address();
    if (bound.getAddress().isAnyLocalAddress()) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG,
          "node.address must name this node, as peer.listen is " + config.listen());
    }
    return new Address(bound.getAddress().getHostAddress(), bound.getPort()).toString();
  }

  /** Totals by metric name, without prefix. */
  public Map<String, Long> counters() {
    Map<String, Long> out = new LinkedHashMap<>(tracking.counters());
    out.put("tracker_asks_served_total", service.asks());
    PeerDoor open = door;
    if (open != null) {
      out.putAll(open.counters());
    }
    return out;
  }

  /** Present figures by metric name, without prefix; those of the tracking are the engine's. */
  public Map<String, Long> gauges() {
    PeerDoor open = door;
    return open == null ? Map.of() : open.gauges();
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
    tracking.close();
    cut();
  }
}
