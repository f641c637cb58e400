package dev.larder.store;

import java.nio.file.Path;
import java.time.Duration;

/**
 * How a store is set up. Keys in the agent's configuration stand beside each component.
 *
 * @param directory {@code store.directory}: the data directory (index, fills, blobs, quarantine)
 * @param diskMaxBytes {@code store.disk-max}: most bytes used on disk; 0 means no limit of its own
 * @param diskMinFreeBytes {@code store.disk-min-free}: bytes of the volume left free for others
 * @param blockCacheBytes {@code store.block-cache}: RocksDB block cache, off heap
 * @param writeBufferBytes {@code store.write-buffer}: RocksDB memtables together, off heap
 * @param openFilesMax {@code store.open-files-max}: descriptors kept for data files
 * @param commitDelay {@code store.commit-delay}: longest wait to gather a group commit
 * @param commitBytesMax {@code store.commit-bytes-max}: data written and not yet committed
 */
public record StoreConfig(
    Path directory,
    long diskMaxBytes,
    long diskMinFreeBytes,
    long blockCacheBytes,
    long writeBufferBytes,
    int openFilesMax,
    Duration commitDelay,
    long commitBytesMax) {

  private static final long MIB = 1L << 20;

  /** Defaults for a directory: everything but 10 % of the volume (at least 1 GiB) may be used. */
  public static StoreConfig defaults(Path directory) {
    return new StoreConfig(
        directory, 0, -1, 32 * MIB, 16 * MIB, 1024, Duration.ofMillis(5), 256 * MIB);
  }
}
