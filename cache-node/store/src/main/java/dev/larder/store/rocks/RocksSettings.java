package dev.larder.store.rocks;

/**
 * Memory and file bounds of the database.
 *
 * @param blockCacheBytes data, index and filter blocks, off heap
 * @param writeBufferBytes memtables of all families together, off heap
 * @param openFilesMax table files kept open
 */
public record RocksSettings(long blockCacheBytes, long writeBufferBytes, int openFilesMax) {}
