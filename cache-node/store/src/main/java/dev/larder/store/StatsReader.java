package dev.larder.store;

import dev.larder.store.index.BlobIndex;
import dev.larder.store.index.Summary;
import java.util.Map;
import java.util.TreeMap;

/** Collects the figures. Every pool outside of the Java heap is among the gauges. */
final class StatsReader {
  private StatsReader() {}

  static StoreStats read(StoreParts parts, StoreWork work) {
    BlobIndex index = parts.index();
    Summary totals = index.summary();
    StoreConfig config = parts.config();
    Map<String, Long> gauges = new TreeMap<>();
    gauges.put("rocksdb_block_cache_bytes", index.cacheBytes());
    gauges.put("rocksdb_block_cache_capacity_bytes", config.blockCacheBytes());
    gauges.put("rocksdb_memtable_bytes", index.property("rocksdb.cur-size-all-mem-tables"));
    gauges.put("rocksdb_memtable_capacity_bytes", config.writeBufferBytes());
    gauges.put("rocksdb_table_reader_bytes", index.property("rocksdb.estimate-table-readers-mem"));
    gauges.put("index_disk_bytes", index.property("rocksdb.live-sst-files-size"));
    gauges.put("buffer_pool_bytes", parts.buffers().bytes());
    gauges.put("buffer_pool_capacity_bytes", config.limits().bufferBytes());
    gauges.put("open_files", (long) parts.open().size());
    gauges.put("open_files_max", (long) config.openFilesMax());
    gauges.put("commit_queue_bytes", work.committer().queuedBytes());
    gauges.put("commit_queue_capacity_bytes", config.commitBytesMax());
    gauges.put("reserved_bytes", parts.space().reserved());
    gauges.put("eviction_units", parts.order().size());
    gauges.put("refused_victims", (long) work.evictor().refused());
    gauges.put("hot_blobs", index.cachedBlobs());
    gauges.put("hot_digest_bytes", index.cachedDigestBytes());
    return new StoreStats(
        parts.space().capacity(),
        parts.space().used(),
        index.pinnedBytes(),
        totals.sealed(),
        totals.fills(),
        parts.counters().snapshot(),
        gauges);
  }
}
