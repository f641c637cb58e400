package dev.larder.coordinator.api;

import java.util.List;
import java.util.Map;

/**
 * Counts and the state of the group.
 *
 * @param leaderId empty while there is none
 * @param appliedIndex last Raft entry in the answering coordinator's state
 * @param full keys of the bounds of rows that are reached, as {@code coordinator.roots-max}
 * @param group the coordinators and who of them answers
 * @param used what members' stores hold
 * @param health what the asked coordinator found amiss at itself
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
    Group group,
    Used used,
    Health health) {

  /** In {@link #full} where it is the asked coordinator's disk, and no bound of the state. */
  public static final String DISK_FULL = "coordinator.free-space-min";

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
   * What members' stores hold; the leader's soft knowledge.
   *
   * @param bytes on the disks of those that said so
   * @param members how many did; 0 where another was asked
   */
  public record Used(long bytes, long members) {
    /** Nobody said anything. */
    public static final Used NONE = new Used(0, 0);
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

  /**
   * What the asked coordinator found amiss at itself; the others may be well, or not.
   *
   * @param clockOffSeconds by which its host's clock is ahead of the time it goes by, negative
   *     where it is behind; 0 where it is believed
   * @param snapshotsSetAside of its state, that were found damaged
   * @param refused calls at its door since it started, by reason; empty where nobody counts
   */
  public record Health(double clockOffSeconds, long snapshotsSetAside, Map<String, Long> refused) {
    /** Nothing is amiss. */
    public static final Health NONE = new Health(0, 0, Map.of());

    /** Copies the map. */
    public Health {
      refused = Map.copyOf(refused);
    }
  }
}
