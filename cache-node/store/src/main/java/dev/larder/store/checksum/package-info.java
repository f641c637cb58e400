/** Checksums that origins publish, computed in one pass over a blob's bytes. */
@NullMarked
package dev.larder.store.checksum;

import org.jspecify.annotations.NullMarked;
