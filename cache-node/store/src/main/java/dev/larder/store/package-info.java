/**
 * The content store of one node: small blobs as RocksDB values, large ones as files with offsets
 * 1:1, an index of what is present and checked, eviction, scrub.
 *
 * <p>{@link dev.larder.store.BlobStore} is the contract; the agent is its only caller. Every method
 * may be called from any thread and may block on the disk.
 */
@NullMarked
package dev.larder.store;

import org.jspecify.annotations.NullMarked;
