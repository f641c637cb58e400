/**
 * What the front door and CSI ask of mounts. The implementation lives in {@code fuse-mount} and is
 * handed in by the distribution; an agent without one answers that it cannot mount.
 */
@NullMarked
package dev.larder.agent.mount;

import org.jspecify.annotations.NullMarked;
