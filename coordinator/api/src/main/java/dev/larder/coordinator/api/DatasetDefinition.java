package dev.larder.coordinator.api;

import dev.larder.protocol.DatasetName;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A dataset as the coordinator keeps it.
 *
 * @param originOptions references only, never secrets
 * @param snapshots ascending
 * @param lastSnapshot highest number ever given out under this name, also before a deletion; 0 for
 *     none
 */
public record DatasetDefinition(
    DatasetName name,
    String originUri,
    Map<String, String> originOptions,
    Instant createdAt,
    List<SnapshotDefinition> snapshots,
    long lastSnapshot) {

  /** Copies map and list. */
  public DatasetDefinition {
    originOptions = Map.copyOf(originOptions);
    snapshots = List.copyOf(snapshots);
  }

  /** The snapshot of the highest number, if there is one. */
  public Optional<SnapshotDefinition> newest() {
    return snapshots.isEmpty() ? Optional.empty() : Optional.of(snapshots.getLast());
  }
}
