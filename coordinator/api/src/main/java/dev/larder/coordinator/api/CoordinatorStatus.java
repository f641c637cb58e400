package dev.larder.coordinator.api;

/**
 * Counts and the state of the group.
 *
 * @param leaderId empty while there is none
 * @param appliedIndex last Raft entry in the answering coordinator's state
 * @param group the coordinators and who of them answers
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
    long placements,
    Group group) {

  /**
   * The coordinators.
   *
   * @param answeringId the one that was asked
   * @param size how many there are
   * @param answering how many the leader hears, itself counted; 0 where another was asked
   * @param hasMajority whether changes can be made
   */
  public record Group(String answeringId, long size, long answering, boolean hasMajority) {}
}
