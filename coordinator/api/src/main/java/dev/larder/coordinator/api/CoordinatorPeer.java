package dev.larder.coordinator.api;

/**
 * One of the coordinators.
 *
 * @param raftAddress host:port of its Raft door
 * @param address host:port of its gRPC door; empty until it said so
 * @param leader whether it leads
 * @param silentMillis since the leader heard it; -1 where the answering one does not know
 * @param lastIndex last entry it is known to have committed; -1 where nothing is known
 */
public record CoordinatorPeer(
    String id,
    String raftAddress,
    String address,
    boolean leader,
    long silentMillis,
    long lastIndex) {}
