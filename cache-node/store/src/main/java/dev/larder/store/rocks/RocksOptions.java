package dev.larder.store.rocks;

import java.util.ArrayList;
import java.util.List;
import org.rocksdb.AbstractEventListener;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.ChecksumType;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.CompressionType;
import org.rocksdb.DBOptions;
import org.rocksdb.IndexType;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.LRUCache;
import org.rocksdb.WALRecoveryMode;
import org.rocksdb.WriteBufferManager;

/** Options, all explicit where another version of RocksDB could choose otherwise. */
final class RocksOptions {
  /** Block checksums bound to file and place; the oldest version that has it. */
  private static final int FORMAT_VERSION = 6;

  private static final int BLOOM_BITS_PER_KEY = 10;

  /** Small enough that a random look-up reads little, large enough for a digest list of 2 KiB. */
  private static final int BLOCK_BYTES = 8 << 10;

  private static final long TARGET_FILE_BYTES = 32L << 20;
  private static final long LEVEL_BASE_BYTES = 128L << 20;
  private static final long INFO_LOG_BYTES = 1L << 20;

  private RocksOptions() {}

  static Cache cache(Handles handles, RocksSettings settings) {
    // One shard bit per 8 MiB: more shards would each be too small for a filter partition.
    int shardBits = settings.blockCacheBytes() >= (32L << 20) ? 2 : 0;
    return handles.own(new LRUCache(settings.blockCacheBytes(), shardBits, false, 0.5));
  }

  static DBOptions database(
      Handles handles, RocksSettings settings, Cache cache, AbstractEventListener listener) {
    WriteBufferManager buffers =
        handles.own(new WriteBufferManager(settings.writeBufferBytes(), cache));
    return handles
        .own(new DBOptions())
        .setCreateIfMissing(true)
        .setCreateMissingColumnFamilies(true)
        .setParanoidChecks(true)
        .setWalRecoveryMode(WALRecoveryMode.PointInTimeRecovery)
        .setWriteBufferManager(buffers)
        .setMaxTotalWalSize(Math.max(2 * settings.writeBufferBytes(), 16L << 20))
        .setMaxOpenFiles(settings.openFilesMax())
        .setMaxFileOpeningThreads(2)
        .setSkipStatsUpdateOnDbOpen(true)
        .setAvoidFlushDuringRecovery(true)
        .setAvoidFlushDuringShutdown(false)
        .setMaxBackgroundJobs(2)
        .setBytesPerSync(1 << 20)
        .setWalBytesPerSync(1 << 20)
        .setStatsDumpPeriodSec(0)
        .setStatsPersistPeriodSec(0)
        .setInfoLogLevel(InfoLogLevel.WARN_LEVEL)
        .setMaxLogFileSize(INFO_LOG_BYTES)
        .setKeepLogFileNum(2)
        .setListeners(List.of(handles.own(listener)));
  }

  static List<ColumnFamilyDescriptor> families(
      Handles handles, RocksSettings settings, Cache cache) {
    List<ColumnFamilyDescriptor> out = new ArrayList<>();
    for (Family family : Family.values()) {
      out.add(
          new ColumnFamilyDescriptor(family.nameBytes(), family(handles, settings, cache, family)));
    }
    return out;
  }

  private static ColumnFamilyOptions family(
      Handles handles, RocksSettings settings, Cache cache, Family family) {
    BlockBasedTableConfig table =
        new BlockBasedTableConfig()
            .setFormatVersion(FORMAT_VERSION)
            .setChecksumType(ChecksumType.kXXH3)
            .setBlockSize(BLOCK_BYTES)
            .setBlockCache(cache)
            .setCacheIndexAndFilterBlocks(true)
            .setCacheIndexAndFilterBlocksWithHighPriority(true)
            .setPinTopLevelIndexAndFilter(true)
            .setIndexType(IndexType.kTwoLevelIndexSearch)
            .setPartitionFilters(true)
            .setFilterPolicy(handles.own(new BloomFilter(BLOOM_BITS_PER_KEY, false)));
    // Keys and digests are random; only the content of small blobs may shrink.
    CompressionType compression =
        family == Family.SMALL ? CompressionType.LZ4_COMPRESSION : CompressionType.NO_COMPRESSION;
    return handles
        .own(new ColumnFamilyOptions())
        .setTableFormatConfig(table)
        .setCompressionType(compression)
        .setBottommostCompressionType(compression)
        .setWriteBufferSize(Math.max(settings.writeBufferBytes() / 2, 1L << 20))
        .setMaxWriteBufferNumber(3)
        .setLevelCompactionDynamicLevelBytes(true)
        .setTargetFileSizeBase(TARGET_FILE_BYTES)
        .setMaxBytesForLevelBase(LEVEL_BASE_BYTES);
  }
}
