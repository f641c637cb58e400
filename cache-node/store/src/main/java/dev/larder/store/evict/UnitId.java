package dev.larder.store.evict;

import dev.larder.protocol.BlobKey;

/**
 * What can be evicted on its own.
 *
 * @param stripe a stripe of a fill, or {@link #WHOLE}
 */
public record UnitId(BlobKey key, int stripe) {
  /** The whole sealed blob. */
  public static final int WHOLE = -1;

  /** Checks the stripe. */
  public UnitId {
    if (stripe < WHOLE) {
      throw new IllegalArgumentException("no such stripe: " + stripe);
    }
  }

  /** The whole sealed blob. */
  public static UnitId whole(BlobKey key) {
    return new UnitId(key, WHOLE);
  }
}
