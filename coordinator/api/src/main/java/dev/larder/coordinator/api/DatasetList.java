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
 */
public record DatasetList(List<DatasetDefinition> datasets, Set<DatasetName> deleted) {

  /** Copies both. */
  public DatasetList {
    datasets = List.copyOf(datasets);
    deleted = Set.copyOf(deleted);
  }
}
