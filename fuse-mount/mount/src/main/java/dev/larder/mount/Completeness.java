package dev.larder.mount;

import dev.larder.agent.dataset.Datasets;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.SnapshotRef;
import dev.larder.store.BlobStore;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Whether the files of a snapshot are all in the store. What was found there is not looked for
 * again until the store loses it, so that only the first answer takes as long as the snapshot is
 * large: some microseconds a file.
 *
 * <p><b>Threads:</b> any; questions about one snapshot take turns.
 */
final class Completeness {
  private final Datasets datasets;
  private final BlobStore store;
  private final Losses losses = new Losses();
  private final ConcurrentHashMap<Question, Checklist> lists = new ConcurrentHashMap<>();

  /** Which files of a snapshot. */
  enum Which {
    /** Those a packed catalog holds. */
    SMALL,
    /** The others. */
    LARGE
  }

  private record Question(SnapshotRef snapshot, Which which) {}

  Completeness(Datasets datasets, BlobStore store) {
    this.datasets = datasets;
    this.store = store;
  }

  /** The store lost a blob or a part of one. Returns at once. */
  void lost(BlobKey key) {
    losses.add(key);
  }

  boolean isComplete(SnapshotRef snapshot, Which which) {
    return list(snapshot, which).isComplete();
  }

  /** Number of such files, none of them empty; only of those looked at while not all are here. */
  long files(SnapshotRef snapshot, Which which) {
    return list(snapshot, which).files();
  }

  /** Forgets what is known of other snapshots. */
  void keepOnly(Set<SnapshotRef> snapshots) {
    lists.keySet().removeIf(question -> !snapshots.contains(question.snapshot()));
  }

  private Checklist list(SnapshotRef snapshot, Which which) {
    return lists.computeIfAbsent(
        new Question(snapshot, which),
        q -> new Checklist(datasets, store, losses, snapshot, which));
  }
}
