/**
 * The only place of the store that knows RocksDB: one database with its column families, every
 * native handle with one owner, every fault as an {@link dev.larder.store.rocks.IndexFault}.
 *
 * <p>Called by the index only. Any thread; calls may block on the disk.
 */
@NullMarked
package dev.larder.store.rocks;

import org.jspecify.annotations.NullMarked;
