package dev.larder.agent.fill;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.store.BlobStore.SealedInfo;
import java.util.Optional;

/** What the cluster knows of blobs' roots. Any thread. */
public interface Roots {

  /**
   * The root recorded for a key, if one is known and the coordinator answers; may block for a short
   * while, never fails.
   */
  Optional<Digest> expected(BlobKey key);

  /** A blob was sealed here: its root is to be recorded. Does not block. */
  void sealed(SealedInfo info);
}
