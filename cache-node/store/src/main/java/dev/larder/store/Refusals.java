package dev.larder.store;

import dev.larder.protocol.BlobKey;
import java.util.LinkedHashMap;
import java.util.concurrent.TimeUnit;

/**
 * Blobs that the {@link VictimGuard} refused, until it is time to ask again. Bounded by {@code
 * store.refused-victims-max}: beyond, those refused longest ago are forgotten and asked about
 * early.
 *
 * <p>Any thread; a leaf in the order of locks.
 */
final class Refusals {
  private static final long FIRST_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final long LAST_NANOS = TimeUnit.SECONDS.toNanos(60);

  private final int blobsMax;
  private final LinkedHashMap<BlobKey, Refusal> refused = new LinkedHashMap<>();

  private record Refusal(long untilNanos, long waitNanos) {}

  Refusals(int blobsMax) {
    this.blobsMax = blobsMax;
  }

  /** Whether it is not yet time to ask again. */
  synchronized boolean isRefused(BlobKey key, long nowNanos) {
    Refusal refusal = refused.get(key);
    return refusal != null && refusal.untilNanos() - nowNanos > 0;
  }

  /** The guard refused; the wait doubles each time, but for one that was asked about early. */
  synchronized void add(BlobKey key, long nowNanos) {
    if (isRefused(key, nowNanos)) {
      return;
    }
    Refusal before = refused.remove(key);
    long wait = before == null ? FIRST_NANOS : Math.min(LAST_NANOS, 2 * before.waitNanos());
    refused.put(key, new Refusal(nowNanos + wait, wait));
    if (refused.size() > blobsMax) {
      refused.pollFirstEntry();
    }
  }

  /** The guard granted. */
  synchronized void forget(BlobKey key) {
    refused.remove(key);
  }

  synchronized int size() {
    return refused.size();
  }
}
