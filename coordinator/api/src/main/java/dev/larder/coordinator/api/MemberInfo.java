package dev.larder.coordinator.api;

import java.time.Instant;
import java.util.Map;

/**
 * A member of the fleet.
 *
 * @param id stable across restarts; 1 to 128 characters of letters, digits, '.', '_' and '-'
 * @param address host:port of the peer door, empty when it serves no peers
 * @param zone where it stands, empty when unknown
 * @param labels for selecting nodes
 * @param capacityBytes what its store may hold; weighs placement
 * @param joinedAt set by the coordinator; ignored in {@link CoordinatorClient#join}
 * @param lastSeen the leader's soft knowledge; the epoch (1970) where it has none
 */
public record MemberInfo(
    String id,
    String address,
    String zone,
    Map<String, String> labels,
    long capacityBytes,
    Instant joinedAt,
    Instant lastSeen) {

  /** Copies the labels. */
  public MemberInfo {
    labels = Map.copyOf(labels);
  }

  /** What a member says of itself when it joins. */
  public static MemberInfo joining(
      String id, String address, String zone, Map<String, String> labels, long capacityBytes) {
    return new MemberInfo(id, address, zone, labels, capacityBytes, Instant.EPOCH, Instant.EPOCH);
  }
}
