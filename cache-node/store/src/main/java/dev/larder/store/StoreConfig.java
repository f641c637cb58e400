package dev.larder.store;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;
import java.time.Duration;

/**
 * How a store is set up. Keys in the agent's configuration stand beside each component.
 *
 * @param directory {@code store.directory}: the data directory (index, fills, blobs, quarantine)
 * @param diskMaxBytes {@code store.disk-max}: most bytes used on disk; 0 means no limit of its own
 * @param diskMinFree {@code store.disk-min-free}: left free for others on the volume
 * @param blockCacheBytes {@code store.block-cache}: RocksDB block cache, off heap
 * @param writeBufferBytes {@code store.write-buffer}: RocksDB memtables together, off heap
 * @param openFilesMax {@code store.open-files-max}: descriptors kept for data files
 * @param commitDelay {@code store.commit-delay}: longest wait to gather a group commit
 * @param commitBytesMax {@code store.commit-bytes-max}: data written and not yet committed
 * @param limits bounds that rarely need a change
 */
public record StoreConfig(
    Path directory,
    long diskMaxBytes,
    MinFree diskMinFree,
    long blockCacheBytes,
    long writeBufferBytes,
    int openFilesMax,
    Duration commitDelay,
    long commitBytesMax,
    Limits limits) {

  private static final long MIB = 1L << 20;

  /** Checks every bound; the message names its key. */
  public StoreConfig {
    require(diskMaxBytes >= 0, "store.disk-max", diskMaxBytes);
    require(blockCacheBytes >= MIB, "store.block-cache", blockCacheBytes);
    require(writeBufferBytes >= MIB, "store.write-buffer", writeBufferBytes);
    require(openFilesMax >= 4, "store.open-files-max", openFilesMax);
    require(
        !commitDelay.isNegative() && commitDelay.compareTo(Duration.ofSeconds(10)) <= 0,
        "store.commit-delay",
        commitDelay);
    require(commitBytesMax >= MIB, "store.commit-bytes-max", commitBytesMax);
  }

  /** With the default limits. */
  public StoreConfig(
      Path directory,
      long diskMaxBytes,
      MinFree diskMinFree,
      long blockCacheBytes,
      long writeBufferBytes,
      int openFilesMax,
      Duration commitDelay,
      long commitBytesMax) {
    this(
        directory,
        diskMaxBytes,
        diskMinFree,
        blockCacheBytes,
        writeBufferBytes,
        openFilesMax,
        commitDelay,
        commitBytesMax,
        Limits.DEFAULTS);
  }

  /** Defaults for a directory: everything but 10 % of the volume (at least 1 GiB) may be used. */
  public static StoreConfig defaults(Path directory) {
    return new StoreConfig(
        directory, 0, MinFree.DEFAULT, 32 * MIB, 16 * MIB, 1024, Duration.ofMillis(5), 256 * MIB);
  }

  /** The same with another budget, both in bytes. */
  public StoreConfig withBudget(long diskMax, long diskMinFree) {
    return new StoreConfig(
        directory,
        diskMax,
        MinFree.ofBytes(diskMinFree),
        blockCacheBytes,
        writeBufferBytes,
        openFilesMax,
        commitDelay,
        commitBytesMax,
        limits);
  }

  /** The same with other limits. */
  public StoreConfig withLimits(Limits other) {
    return new StoreConfig(
        directory,
        diskMaxBytes,
        diskMinFree,
        blockCacheBytes,
        writeBufferBytes,
        openFilesMax,
        commitDelay,
        commitBytesMax,
        other);
  }

  /**
   * Bounds that rarely need a change.
   *
   * @param hotBlobsMax {@code store.hot-blobs-max}: blob records kept on the heap
   * @param hotDigestBytes {@code store.hot-digests}: digest lists kept on the heap
   * @param bufferBytes {@code store.buffers}: direct buffers of 1 MiB for checking and copying
   * @param syncThreads {@code store.sync-threads}: files put on stable storage at a time
   * @param quarantineBytesMax {@code store.quarantine-max}: kept of what was set aside
   * @param refusedVictimsMax {@code store.refused-victims-max}: blobs remembered as in use by
   *     mounts
   * @param saveInterval {@code store.order-save-interval}: how often the eviction order is saved
   */
  public record Limits(
      long hotBlobsMax,
      long hotDigestBytes,
      long bufferBytes,
      int syncThreads,
      long quarantineBytesMax,
      int refusedVictimsMax,
      Duration saveInterval) {
    /** A few MiB in all. */
    public static final Limits DEFAULTS =
        new Limits(10_000, 8 * MIB, 16 * MIB, 4, 1024 * MIB, 10_000, Duration.ofMinutes(2));

    /** Checks every bound; the message names its key. */
    public Limits {
      require(hotBlobsMax >= 0, "store.hot-blobs-max", hotBlobsMax);
      require(hotDigestBytes >= 0, "store.hot-digests", hotDigestBytes);
      require(bufferBytes >= 2 * MIB, "store.buffers", bufferBytes);
      require(syncThreads >= 1, "store.sync-threads", syncThreads);
      require(quarantineBytesMax >= 0, "store.quarantine-max", quarantineBytesMax);
      require(refusedVictimsMax >= 1, "store.refused-victims-max", refusedVictimsMax);
      require(saveInterval.isPositive(), "store.order-save-interval", saveInterval);
    }
  }

  private static void require(boolean holds, String key, Object value) {
    if (!holds) {
      throw new LarderException(ErrorCode.BAD_CONFIG, key + ": value out of range: " + value);
    }
  }
}
