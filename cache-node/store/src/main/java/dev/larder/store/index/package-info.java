/**
 * What the store remembers of its blobs: record formats with versions and checksums, typed access
 * to the database, bounded caches of hot entries, exact totals.
 *
 * <p>Called by the store only. Any thread; calls may block on the disk.
 */
@NullMarked
package dev.larder.store.index;

import org.jspecify.annotations.NullMarked;
