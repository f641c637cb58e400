package dev.larder.store.index;

import dev.larder.protocol.BlobKey;
import org.jspecify.annotations.Nullable;

/**
 * Changes to the index that take effect together, totals included. Valid inside the lambda only.
 * The caller holds the blob's lock, so that {@code before} is what the index has.
 */
public interface IndexChange {
  /** Sets a blob's record; {@code before} is null if there was none. */
  void putBlob(BlobKey key, @Nullable BlobRecord before, BlobRecord after);

  /** Removes a blob's record; {@code before} is null if it was unreadable. */
  void removeBlob(BlobKey key, @Nullable BlobRecord before);

  /** Sets a stripe's record. */
  void putStripe(BlobKey key, int stripe, StripeRecord record);

  /** Removes a stripe's record. */
  void removeStripe(BlobKey key, int stripe);

  /** Sets a small blob's content. */
  void putSmall(BlobKey key, SmallRecord record);

  /** Removes a small blob's content. */
  void removeSmall(BlobKey key);

  /** Notes that a removed blob's sealed file is about to be unlinked. */
  void markGoing(BlobKey key);

  /** The file is gone. */
  void unmarkGoing(BlobKey key);

  /**
   * Bytes that were reserved are what the records now speak of; negative where records no longer
   * speak of bytes that stay reserved.
   */
  void unreserve(long bytes);
}
