package dev.larder.agent.dataset;

import dev.larder.agent.dataset.Datasets.DatasetInfo;
import dev.larder.agent.dataset.Datasets.SnapshotInfo;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Digest;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What this node keeps of a dataset, enough to read without a coordinator.
 *
 * @param snapshots ascending
 */
record Definition(
    DatasetName name,
    String uri,
    OriginOptions options,
    Instant createdAt,
    List<KeptSnapshot> snapshots) {

  Definition {
    snapshots = List.copyOf(snapshots);
  }

  /**
   * A snapshot.
   *
   * @param rootUri canonical URI of the origin's root: objects lie below it
   * @param hasOwnUris whether objects carry URIs of their own in the catalog
   */
  record KeptSnapshot(
      SnapshotInfo info,
      Digest catalogRoot,
      long catalogSizeBytes,
      String rootUri,
      boolean hasOwnUris) {}

  DatasetInfo info() {
    return new DatasetInfo(
        name, uri, options, createdAt, snapshots.stream().map(KeptSnapshot::info).toList());
  }

  Optional<KeptSnapshot> find(OptionalLong number) {
    if (number.isEmpty()) {
      return snapshots.isEmpty() ? Optional.empty() : Optional.of(snapshots.getLast());
    }
    return snapshots.stream()
        .filter(each -> each.info().number() == number.getAsLong())
        .findFirst();
  }

  Definition with(List<KeptSnapshot> other) {
    return new Definition(name, uri, options, createdAt, other);
  }
}
