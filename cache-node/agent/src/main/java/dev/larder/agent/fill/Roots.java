package dev.larder.agent.fill;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.store.BlobStore.SealedInfo;
import java.util.Optional;

/** What the cluster knows of blobs' roots. Any thread. */
public interface Roots {

  /**
   * The root recorded for a key, if one is known and the coordinator answers; may block as long as
   * a call to it does, but not once others wait in vain; never fails.
   */
  Optional<Digest> expected(BlobKey key);

  /** A blob was sealed here: its root is to be recorded. Does not block. */
  void sealed(SealedInfo info);

  /**
   * Whether members do not agree on a blob's root: no copy of it is to be used or made until they
   * do, and readers go to the origin. Does not block.
   */
  default boolean isDisputed(BlobKey key) {
    return false;
  }

  /** What came in here has another root than the one recorded; it is not kept. Does not block. */
  default void disagrees(SealedInfo own) {}
}
