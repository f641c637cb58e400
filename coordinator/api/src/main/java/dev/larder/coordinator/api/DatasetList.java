package dev.larder.coordinator.api;

import dev.larder.protocol.DatasetName;
import java.util.List;
import java.util.Set;

/**
 * The datasets at one moment.
 *
 * @param datasets by name
 * @param deleted names of datasets that were deleted and not made again: who keeps one of these was
 *     away when that happened, while a name in neither set was never known here
 * @param revision names this moment: the list is the same as long as it stays, also on another
 *     coordinator; 0 where it is not known
 */
public record DatasetList(
    List<DatasetDefinition> datasets, Set<DatasetName> deleted, long revision) {

  /** At a moment that has no name. */
  public DatasetList(List<DatasetDefinition> datasets, Set<DatasetName> deleted) {
    this(datasets, deleted, 0);
  }

  /** Copies both. */
  public DatasetList {
    datasets = List.copyOf(datasets);
    deleted = Set.copyOf(deleted);
  }
}
