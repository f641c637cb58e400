package dev.larder.store.index;

import dev.larder.store.rocks.RocksSettings;

/**
 * Bounds of the index.
 *
 * @param rocks the database's own
 * @param blobEntriesMax hot blob records kept on the heap
 * @param digestBytesMax hot digest lists kept on the heap
 */
public record IndexSettings(RocksSettings rocks, long blobEntriesMax, long digestBytesMax) {}
