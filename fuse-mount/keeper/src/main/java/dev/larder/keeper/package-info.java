/**
 * The keeper: a small process that makes every mount call and owns the FUSE descriptor and the
 * shared memory of requests, so that agents may come and go; and the client the agent talks to it
 * with.
 */
@NullMarked
package dev.larder.keeper;

import org.jspecify.annotations.NullMarked;
