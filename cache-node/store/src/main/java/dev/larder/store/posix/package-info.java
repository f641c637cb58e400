/**
 * The few system calls Java has no name for: reserving and punching file ranges, and positional
 * reads and writes that an interrupted thread cannot close the file of.
 *
 * <p>Called by the store only. Linux, 64 bit. Any thread; calls block on the disk.
 */
@NullMarked
package dev.larder.store.posix;

import org.jspecify.annotations.NullMarked;
