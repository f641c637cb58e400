package dev.larder.coordinator.logic;

import dev.larder.coordinator.api.DatasetDefinition;
import dev.larder.coordinator.api.PathPin;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.api.SnapshotDefinition;
import dev.larder.coordinator.api.WarmUpJob;
import dev.larder.protocol.ErrorCode;
import java.util.List;

/** What applying a record answered to the one who asked for it. */
public sealed interface Outcome {
  /** The state does not allow it; nothing changed. */
  record Refused(ErrorCode code, String message) implements Outcome {}

  /** The epoch after a member came or went. */
  record Epoch(long epoch) implements Outcome {}

  /** The dataset that was defined. */
  record Defined(DatasetDefinition dataset) implements Outcome {}

  /** The snapshot with its number. */
  record Added(SnapshotDefinition snapshot) implements Outcome {}

  /** The roots that stand where another was sent. */
  record Conflicts(List<RecordedRoot> standing) implements Outcome {}

  /** The pin that stands. */
  record Pinned(PathPin pin) implements Outcome {}

  /** The warm-up that stands, or how it ended. */
  record WarmUp(WarmUpJob job) implements Outcome {}

  /** What each record of {@link Record.Together} answered, in their order. */
  record Together(List<Outcome> outcomes) implements Outcome {}

  /** How many rows went. */
  record Removed(int count) implements Outcome {}
}
