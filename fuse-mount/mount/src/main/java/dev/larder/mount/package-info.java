/** Mounts of datasets on this host: the side of the agent. */
@NullMarked
package dev.larder.mount;

import org.jspecify.annotations.NullMarked;
