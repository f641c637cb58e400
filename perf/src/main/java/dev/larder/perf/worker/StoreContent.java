package dev.larder.perf.worker;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digests;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;

/** Keys and bytes of the blobs of a test store, computed from their numbers. */
public final class StoreContent {
  private StoreContent() {}

  /** The key of blob {@code number}. */
  public static BlobKey key(long number) {
    return BlobKey.origin(Digests.ofBytes(("perf " + number).getBytes(StandardCharsets.US_ASCII)));
  }

  /** The bytes of blob {@code number}. */
  public static ByteBuffer bytes(long number, int length) {
    byte[] bytes = new byte[length];
    new SplittableRandom(number).nextBytes(bytes);
    return ByteBuffer.wrap(bytes);
  }
}
