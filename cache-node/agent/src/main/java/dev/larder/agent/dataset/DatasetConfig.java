package dev.larder.agent.dataset;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;

/**
 * Bounds on datasets.
 *
 * @param datasetsMax {@code dataset.max}: datasets attached
 * @param snapshotsMax {@code dataset.snapshots-max}: snapshots kept of each; the oldest that is not
 *     pinned goes
 * @param sortMemoryBytes {@code dataset.sort-memory}: heap for sorting one listing
 * @param listingsMax {@code dataset.listings-max}: listings at work at once
 */
public record DatasetConfig(
    int datasetsMax, int snapshotsMax, long sortMemoryBytes, int listingsMax) {

  /** Checks bounds; BAD_CONFIG names the key. */
  public DatasetConfig {
    check(datasetsMax >= 1, "dataset.max must be at least 1");
    check(snapshotsMax >= 1, "dataset.snapshots-max must be at least 1");
    check(
        sortMemoryBytes >= 4L << 20 && sortMemoryBytes <= 1L << 30,
        "dataset.sort-memory must be 4MiB to 1GiB");
    check(listingsMax >= 1, "dataset.listings-max must be at least 1");
  }

  /** 1,000 datasets, 20 snapshots of each, 24 MiB to sort, two listings at once. */
  public static DatasetConfig defaults() {
    return new DatasetConfig(1000, 20, 24L << 20, 2);
  }

  private static void check(boolean holds, String message) {
    if (!holds) {
      throw new LarderException(ErrorCode.BAD_CONFIG, message);
    }
  }
}
