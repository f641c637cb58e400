package dev.larder.agent.dataset;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.SnapshotRef;

/**
 * Who uses datasets and has a say when they change. Called while other changes wait; must not
 * change datasets. Any thread.
 */
public interface DatasetListener {
  /** Whether an old snapshot, given with its number, must not be dropped. */
  boolean isKept(SnapshotRef snapshot);

  /**
   * This node made a snapshot; its catalog is in the store, and other members want it from here.
   */
  void onSnapshotMade(BlobKey catalog);

  /** A dataset has a new snapshot. */
  void onRefreshed(DatasetName name);

  /**
   * A dataset is to be deleted; nothing has happened yet.
   *
   * @throws dev.larder.protocol.LarderException when it must not be
   */
  void checkDelete(DatasetName name);

  /** A dataset is being deleted. */
  void onDeleting(DatasetName name);

  /** A snapshot is no more, and its catalog with it. */
  void onSnapshotGone(BlobKey catalog);

  /** Nobody uses them. */
  DatasetListener NONE =
      new DatasetListener() {
        @Override
        public boolean isKept(SnapshotRef snapshot) {
          return false;
        }

        @Override
        public void onSnapshotMade(BlobKey catalog) {}

        @Override
        public void onRefreshed(DatasetName name) {}

        @Override
        public void checkDelete(DatasetName name) {}

        @Override
        public void onDeleting(DatasetName name) {}

        @Override
        public void onSnapshotGone(BlobKey catalog) {}
      };
}
