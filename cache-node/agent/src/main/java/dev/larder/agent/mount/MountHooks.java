package dev.larder.agent.mount;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.SnapshotRef;

/** What mounts are asked or told when datasets change. Any thread; must not change datasets. */
public interface MountHooks {
  /** Whether a snapshot, given with its number, is mounted and must be kept. */
  boolean isMounted(SnapshotRef snapshot);

  /** A dataset has a new snapshot. Returns soon. */
  void onRefreshed(DatasetName name);

  /**
   * A dataset is to be deleted.
   *
   * @throws dev.larder.protocol.LarderException MOUNT_BUSY while it is mounted
   */
  void checkDelete(DatasetName name);

  /** A snapshot is no more; nothing that was made from its catalog is of use. */
  void onCatalogGone(BlobKey catalog);
}
