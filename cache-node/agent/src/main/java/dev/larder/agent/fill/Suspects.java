package dev.larder.agent.fill;

import dev.larder.protocol.BlobKey;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Blobs that were set aside before they were final, with what members had said of them: their next
 * flight believes nobody and compares. At most {@code fill.blobs-max}, the oldest goes. Any thread.
 */
final class Suspects {
  private final int max;
  private final Map<BlobKey, Hearsay> blobs = new LinkedHashMap<>();

  Suspects(int max) {
    this.max = max;
  }

  /** A blob was set aside; with no hearsay in it members have no part in that. */
  synchronized void note(BlobKey key, Hearsay hearsay) {
    if (hearsay.isEmpty()) {
      return;
    }
    blobs.put(key, hearsay);
    if (blobs.size() > max) {
      blobs.remove(blobs.keySet().iterator().next());
    }
  }

  /** What is suspected of a blob; null for nothing. */
  synchronized @Nullable Hearsay of(BlobKey key) {
    return blobs.get(key);
  }

  /** The flight that compared is over. */
  synchronized void compared(BlobKey key, @Nullable Hearsay suspected) {
    blobs.remove(key, suspected);
  }
}
