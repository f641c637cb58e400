/**
 * The structs of the kernel's FUSE protocol, one class for each frame: offsets as constants, fields
 * as static methods over memory. Nothing here allocates, keeps state or checks lengths.
 *
 * <p>{@code at} is where the frame begins in the memory. All numbers are little endian, which is
 * what the machines we run on have.
 *
 * @see <a href="https://github.com/torvalds/linux/blob/master/include/uapi/linux/fuse.h">fuse.h</a>
 */
@NullMarked
package dev.larder.fuse.frame;

import org.jspecify.annotations.NullMarked;
