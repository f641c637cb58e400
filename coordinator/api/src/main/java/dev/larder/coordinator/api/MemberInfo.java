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
 * @param state set by the coordinator; ignored in {@link CoordinatorClient#join}
 * @param weight its share of the stripes to track, in GiB of capacity; set by the coordinator
 */
public record MemberInfo(
    String id,
    String address,
    String zone,
    Map<String, String> labels,
    long capacityBytes,
    Instant joinedAt,
    Instant lastSeen,
    MemberState state,
    long weight) {

  /** Copies the labels. */
  public MemberInfo {
    labels = Map.copyOf(labels);
  }

  /** A member that tracks nothing yet. */
  public MemberInfo(
      String id,
      String address,
      String zone,
      Map<String, String> labels,
      long capacityBytes,
      Instant joinedAt,
      Instant lastSeen) {
    this(id, address, zone, labels, capacityBytes, joinedAt, lastSeen, MemberState.JOINING, 0);
  }

  /** The same, seen then. */
  public MemberInfo seenAt(Instant time) {
    return new MemberInfo(id, address, zone, labels, capacityBytes, joinedAt, time, state, weight);
  }

  /** The same, joined then. */
  public MemberInfo joinedAt(Instant time) {
    return new MemberInfo(id, address, zone, labels, capacityBytes, time, lastSeen, state, weight);
  }

  /** What a member says of itself when it joins. */
  public static MemberInfo joining(
      String id, String address, String zone, Map<String, String> labels, long capacityBytes) {
    return new MemberInfo(id, address, zone, labels, capacityBytes, Instant.EPOCH, Instant.EPOCH);
  }
}
