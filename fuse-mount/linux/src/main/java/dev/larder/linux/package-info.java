/**
 * System calls Java has no name for, through the foreign function API: mounts, loop devices, shared
 * memory, sockets that carry descriptors. Linux on 64 bit only. Knows nothing of Larder.
 */
@NullMarked
package dev.larder.linux;

import org.jspecify.annotations.NullMarked;
