package dev.larder.agent.dataset;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;

/**
 * Bounds on datasets.
 *
 * @param datasetsMax {@code dataset.max}: datasets attached
 * @param snapshotsMax {@code dataset.snapshots-max}: snapshots kept of each; the oldest that is not
 *     pinned goes
 * @param sortMemoryBytes {@code dataset.sort-memory}: heap for sorting one listing
 * @param listingsMax {@code dataset.listings-max}: listings at work at once
 * @param syncEvery {@code dataset.sync-interval}: how often changes of other members are asked for
 */
public record DatasetConfig(
    int datasetsMax, int snapshotsMax, long sortMemoryBytes, int listingsMax, Duration syncEvery) {

  /** Checks bounds; BAD_CONFIG names the key. */
  public DatasetConfig {
    check(datasetsMax >= 1, "dataset.max must be at least 1");
    check(snapshotsMax >= 1, "dataset.snapshots-max must be at least 1");
    check(
        sortMemoryBytes >= 4L << 20 && sortMemoryBytes <= 1L << 30,
        "dataset.sort-memory must be 4MiB to 1GiB");
    check(listingsMax >= 1, "dataset.listings-max must be at least 1");
    check(syncEvery.isPositive(), "dataset.sync-interval must be positive");
  }

  /**
   * 1,000 datasets, 20 snapshots of each, 24 MiB to sort, two listings at once, asked every 5 s.
   */
  public static DatasetConfig defaults() {
    return new DatasetConfig(1000, 20, 24L << 20, 2, Duration.ofSeconds(5));
  }

  private static void check(boolean holds, String message) {
    if (!holds) {
      throw new LarderException(ErrorCode.BAD_CONFIG, message);
    }
  }
}
