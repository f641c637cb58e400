package dev.larder.coordinator.api;

/**
 * Counts and the state of the group.
 *
 * @param leaderId empty while there is none
 * @param appliedIndex last Raft entry in the answering coordinator's state
 */
public record CoordinatorStatus(
    String leaderId,
    long term,
    long appliedIndex,
    long epoch,
    long members,
    long datasets,
    long snapshots,
    long roots,
    long pins,
    long placements) {}
