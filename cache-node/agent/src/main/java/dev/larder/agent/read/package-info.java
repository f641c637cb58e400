/**
 * Reading blobs through the cache: the interface front doors (HTTP now, FUSE later) use. A call
 * here never says where bytes came from; the filler behind it decides.
 */
@NullMarked
package dev.larder.agent.read;

import org.jspecify.annotations.NullMarked;
