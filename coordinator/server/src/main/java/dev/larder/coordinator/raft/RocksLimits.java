package dev.larder.coordinator.raft;

/**
 * Bounds of RocksDB's memory, descriptors and readers; the sum of the first two bounds its heap
 * outside of Java's.
 *
 * @param blockCacheBytes cache of data, index and filter blocks
 * @param writeBufferBytes memtables of all tables together
 * @param openFilesMax descriptors of table files
 * @param readThreads platform threads that read for virtual ones
 */
public record RocksLimits(
    long blockCacheBytes, long writeBufferBytes, int openFilesMax, int readThreads) {}
