package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.Trust;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** What the store's own tests share. */
final class StoreTestSupport {
  static final int MIB = 1 << 20;

  private StoreTestSupport() {}

  static StoreConfig config(Path directory) {
    return StoreConfig.defaults(directory).withBudget(0, 0);
  }

  static byte[] content(long seed, int sizeBytes) {
    byte[] out = new byte[sizeBytes];
    new Random(seed).nextBytes(out);
    return out;
  }

  static BlobKey shaKey(byte[] content) {
    return BlobKey.sha256(Digests.ofBytes(content));
  }

  static BlobKey originKey(long seed) {
    return BlobKey.origin(Digests.ofBytes(ByteBuffer.allocate(8).putLong(0, seed).array()));
  }

  static Digest blockDigest(byte[] content, long block) {
    int from = (int) Blocks.blockOffset(block);
    return Digests.ofBytes(
        ByteBuffer.wrap(content, from, Blocks.blockLength(content.length, block)));
  }

  /** Writes and declares some blocks; waits until they are present. */
  static void fill(BlobStore.Fill fill, byte[] content, long first, long end) {
    List<CompletableFuture<Void>> all = new ArrayList<>();
    for (long block = first; block < end; block++) {
      int from = (int) Blocks.blockOffset(block);
      int length = Blocks.blockLength(content.length, block);
      fill.write(from, ByteBuffer.wrap(content, from, length));
      all.add(fill.complete(block, List.of(blockDigest(content, block))));
    }
    all.forEach(CompletableFuture::join);
  }

  static BlobStore.SealedInfo put(BlobStore store, BlobKey key, byte[] content) {
    try (BlobStore.Fill fill = store.openFill(key, content.length)) {
      fill(fill, content, 0, Blocks.blockCount(content.length));
      return fill.seal(Trust.ATTESTED, Optional.empty(), Optional.empty());
    }
  }

  static byte[] readAll(BlobStore store, BlobKey key) {
    try (BlobStore.SealedBlob blob = store.openSealed(key).orElseThrow()) {
      ByteBuffer out = ByteBuffer.allocate((int) blob.info().sizeBytes());
      blob.read(0, out);
      return out.array();
    }
  }

  /** Waits for a condition that other threads bring about; fails after half a minute. */
  static void await(String what, BooleanSupplier condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("not within 30 s: " + what);
      }
      java.util.concurrent.locks.LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
    }
  }
}
