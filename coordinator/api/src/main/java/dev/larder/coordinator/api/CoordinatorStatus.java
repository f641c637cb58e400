package dev.larder.coordinator.api;

import java.util.List;

/**
 * Counts and the state of the group.
 *
 * @param leaderId empty while there is none
 * @param appliedIndex last Raft entry in the answering coordinator's state
 * @param full keys of the bounds of rows that are reached, as {@code coordinator.roots-max}
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
    Disputes disputes,
    List<String> full,
    Group group) {

  /** Copies the list. */
  public CoordinatorStatus {
    full = List.copyOf(full);
  }

  /**
   * Roots that members do not agree on.
   *
   * @param open those no root stands for
   * @param settled those that ended with a root, since the cluster began
   */
  public record Disputes(long open, long settled) {
    /** Everybody agrees. */
    public static final Disputes NONE = new Disputes(0, 0);
  }

  /**
   * The coordinators.
   *
   * @param answeringId the one that was asked
   * @param size how many there are
   * @param answering how many the leader hears, itself counted; 0 where another was asked
   * @param hasMajority whether changes can be made
   * @param silent ids of those that the leader does not hear; empty where another was asked
   */
  public record Group(
      String answeringId, long size, long answering, boolean hasMajority, List<String> silent) {
    /** Copies the list. */
    public Group {
      silent = List.copyOf(silent);
    }
  }
}
