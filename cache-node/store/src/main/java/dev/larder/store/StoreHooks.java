package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Trust;
import java.util.Optional;

/**
 * What the store asks of its owner.
 *
 * @param roots recorded roots, for files whose index was lost
 */
public record StoreHooks(RootLookup roots) {
  /** Knows nothing. */
  public static final StoreHooks NONE = new StoreHooks(key -> Optional.empty());

  /**
   * Where roots are recorded beyond this node. Called from the store's own thread, may block; an
   * exception means not now, and is asked again later.
   */
  @FunctionalInterface
  public interface RootLookup {
    /** The recorded root of a blob. */
    Optional<RecordedRoot> find(BlobKey key);
  }

  /** A root with what it stands on. */
  public record RecordedRoot(long sizeBytes, Digest root, Trust trust) {}
}
