package dev.larder.coordinator.service;

import dev.larder.coordinator.CoordinatorConfig.Rows;
import dev.larder.coordinator.api.CoordinatorStatus;
import dev.larder.coordinator.api.CoordinatorStatus.Health;
import dev.larder.coordinator.logic.Queries;
import dev.larder.coordinator.raft.RaftMembers;
import dev.larder.coordinator.raft.RaftNode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * Puts together what this coordinator says of the group and of itself; from its own state, so that
 * it also answers while no majority does. Any thread.
 */
public final class StatusReport {
  private final RaftNode node;
  private final Rows rows;
  private final SpaceCheck space;
  private final Supplier<Health> health;

  /**
   * All parts stay the caller's.
   *
   * @param health asked for each report; must not wait
   */
  public StatusReport(RaftNode node, Rows rows, SpaceCheck space, Supplier<Health> health) {
    this.node = node;
    this.rows = rows;
    this.space = space;
    this.health = health;
  }

  /** As of now, with what members said of their stores. */
  CoordinatorStatus now(CoordinatorStatus.Used used) {
    Queries.Counts counts = node.readLocal(Queries::counts);
    return new CoordinatorStatus(
        node.leaderId(),
        node.term(),
        node.appliedIndex(),
        node.readLocal(Queries::epoch),
        counts.members(),
        counts.datasets(),
        counts.snapshots(),
        counts.roots(),
        counts.pins(),
        counts.placements(),
        node.readLocal(Queries::disputes),
        full(counts),
        group(),
        used,
        health.get());
  }

  private List<String> full(Queries.Counts counts) {
    List<String> full = new ArrayList<>(RowBounds.full(counts, rows));
    if (space.isFull()) {
      full.add(CoordinatorStatus.DISK_FULL);
    }
    return full;
  }

  private CoordinatorStatus.Group group() {
    RaftMembers all = node.members();
    return new CoordinatorStatus.Group(
        node.id(), all.peers().size(), all.answering(), all.hasMajority(), all.silent());
  }
}
