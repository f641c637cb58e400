package dev.larder.agent.dataset;

import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.protocol.SnapshotRef;
import org.jspecify.annotations.Nullable;

/**
 * Looks paths up in catalogs that are open already, for callers that must not wait.
 *
 * <p><b>Threads:</b> any, event loops above all: a look-up in a mapped catalog is fine, opening one
 * is not.
 */
public interface QuickStat {

  /**
   * The entry at a path, or null when it cannot be said at once or there is none: the caller then
   * takes {@link Datasets#stat}, which knows the fault. Never throws for names that do not exist.
   */
  @Nullable Found tryStat(SnapshotRef snapshot, String path);

  /** An entry and the number of the snapshot it stands in. */
  record Found(Entry entry, long snapshot) {}
}
