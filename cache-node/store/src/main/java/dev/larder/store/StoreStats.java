package dev.larder.store;

import java.util.Map;

/**
 * Figures of a store at one moment.
 *
 * @param capacityBytes the budget in force now (elastic)
 * @param usedBytes bytes the budget is charged for: data files, small blobs
 * @param pinnedBytes the part of them that is pinned
 * @param sealedBlobs blobs complete
 * @param fillingBlobs blobs not complete
 * @param counters totals since start by metric name without prefix, such as {@code
 *     evicted_bytes_total}, {@code corrupt_blocks_total}
 * @param gauges present values by name, such as {@code rocksdb_block_cache_bytes}; every off-heap
 *     pool is among them
 */
public record StoreStats(
    long capacityBytes,
    long usedBytes,
    long pinnedBytes,
    long sealedBlobs,
    long fillingBlobs,
    Map<String, Long> counters,
    Map<String, Long> gauges) {}
