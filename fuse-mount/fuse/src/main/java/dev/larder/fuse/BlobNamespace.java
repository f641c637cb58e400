package dev.larder.fuse;

import dev.larder.protocol.BlobKey;
import java.util.OptionalLong;

/**
 * The blobs a {@link FuseServer} serves.
 *
 * <p><b>Threads:</b> any, the threads that read the kernel's requests among them: neither call may
 * wait for the network, for another process or for a queue; an index, a mapped catalog or a lock
 * held briefly is fine. <b>Errors:</b> {@link dev.larder.protocol.LarderException}, see {@link
 * Errnos}.
 */
public interface BlobNamespace {

  /**
   * A blob's size in bytes; empty when no attached catalog lists it. Once told, it never changes,
   * and a key that is listed is never answered with empty.
   */
  OptionalLong sizeOf(BlobKey key);

  /**
   * Opens a blob that {@link #sizeOf} once told the size of; the server closes the result. Called
   * also for blobs no catalog lists any more, as files opened before go on.
   */
  OpenedBlob open(BlobKey key);
}
