package dev.larder.agent.cluster;

import dev.larder.protocol.placement.PlacedMember;

/**
 * A member of the cluster.
 *
 * @param id stable identity; survives restarts
 * @param address host:port of its peer door; empty when it serves no peers
 * @param zone where it stands, empty when unknown
 * @param weight its share of the stripes to track; 0 for newcomers and members that drain
 */
public record Peer(String id, String address, String zone, long weight) {
  /** As the placement function sees it; a member without a peer door tracks nothing. */
  public PlacedMember placed() {
    return new PlacedMember(id, zone, address.isEmpty() ? 0 : weight);
  }
}
