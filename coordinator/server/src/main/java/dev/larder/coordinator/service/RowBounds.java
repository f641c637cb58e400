package dev.larder.coordinator.service;

import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.CoordinatorConfig.Rows;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.logic.Queries;
import dev.larder.coordinator.logic.Record;
import dev.larder.coordinator.raft.RaftNode;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntSupplier;

/**
 * Bounds of the rows that come with what nodes cache. Checked on the state at hand before the log,
 * so that requests at the same time may pass one by a few; what is known may be told again.
 */
final class RowBounds {
  private RowBounds() {}

  /** TOO_MANY when these roots would pass the bound. */
  static void checkRoots(RaftNode node, Rows rows, List<RecordedRoot> roots) {
    long max = rows.rootsMax();
    if (node.readLocal(
        queries -> isBeyond(queries.counts().roots(), max, () -> queries.withoutRoot(roots)))) {
      throw Checks.tooMany("roots", "coordinator.roots-max", max);
    }
  }

  /** TOO_MANY when a member's holdings would pass the bound. */
  static void checkPlacements(RaftNode node, Rows rows, String memberId, List<BlobKey> held) {
    long max = rows.placementsMax();
    if (node.readLocal(
        queries ->
            isBeyond(queries.counts().placements(), max, () -> queries.newTo(memberId, held)))) {
      throw Checks.tooMany("placements", "coordinator.placements-max", max);
    }
  }

  /** The record of a deletion, after which no more names are remembered than allowed. */
  static Record deletion(DatasetName name, String requestId, Rows rows) {
    return new Record.DeleteDataset(name, requestId, rows.tombstonesMax());
  }

  /** Keys of the bounds that are reached. */
  static List<String> full(Queries.Counts counts, Rows rows) {
    List<String> keys = new ArrayList<>();
    if (counts.roots() >= rows.rootsMax()) {
      keys.add("coordinator.roots-max");
    }
    if (counts.placements() >= rows.placementsMax()) {
      keys.add("coordinator.placements-max");
    }
    if (counts.tombstones() >= rows.tombstonesMax()) {
      keys.add("coordinator.tombstones-max");
    }
    return keys;
  }

  /** What is new is counted only where it may matter: one request brings at most a batch. */
  private static boolean isBeyond(long present, long max, IntSupplier added) {
    return present >= max - Limits.BATCH_MAX && present + added.getAsInt() > Math.max(present, max);
  }
}
