package dev.larder.agent.read;

import dev.larder.agent.fill.SmallContent;
import dev.larder.protocol.BlobKey;
import org.jspecify.annotations.Nullable;

/**
 * Answers small blobs at once where that needs no waiting, so that a front door can serve them on
 * its event loop.
 *
 * <p><b>Threads:</b> any, event loops above all: must not wait for a lock that is held during I/O,
 * for the network or for a queue; a block cache hit or a page fault is fine.
 */
public interface LocalSmall {

  /**
   * The whole checked content of a sealed small blob, which the caller may keep, or null when it
   * cannot be said at once: the caller then takes {@link ReadPlane#open}. Never throws for a blob
   * that is absent or damaged.
   */
  @Nullable SmallContent tryLocalSmall(BlobKey key);
}
