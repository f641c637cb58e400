/**
 * The FUSE protocol as the kernel speaks it on /dev/fuse, and a server of one flat, read-only name
 * space of blobs.
 */
@NullMarked
package dev.larder.fuse;

import org.jspecify.annotations.NullMarked;
