package dev.larder.agent.cluster;

import dev.larder.protocol.placement.Placement;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The members of one epoch and the placement among them. Immutable; any thread. */
public final class ClusterView {
  private final long epoch;
  private final Map<String, Peer> peers;
  private final Placement placement;

  /** A view of an epoch; {@code members} has each id once. */
  public ClusterView(long epoch, List<Peer> members) {
    this.epoch = epoch;
    Map<String, Peer> byId = new HashMap<>();
    members.forEach(peer -> byId.put(peer.id(), peer));
    this.peers = Map.copyOf(byId);
    this.placement = new Placement(epoch, members.stream().map(Peer::placed).toList());
  }

  /** Before the coordinator was heard for the first time: nobody is known. */
  public static ClusterView empty() {
    return new ClusterView(0, List.of());
  }

  /** Names the member list; a greater one is newer. */
  public long epoch() {
    return epoch;
  }

  /** A member by id. */
  public Optional<Peer> peer(String id) {
    return Optional.ofNullable(peers.get(id));
  }

  /** All members, by id. */
  public Map<String, Peer> peers() {
    return peers;
  }

  /** Who tracks what. */
  public Placement placement() {
    return placement;
  }
}
