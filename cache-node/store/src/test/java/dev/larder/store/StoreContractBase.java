package dev.larder.store;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.larder.protocol.Blocks;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore.Fill;
import dev.larder.store.BlobStore.SealedBlob;
import dev.larder.store.BlobStore.SealedInfo;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;

/** What contract tests of a {@link BlobStore} stand on: a store to open, samples to put. */
abstract class StoreContractBase {
  static final int MIB = 1 << 20;

  /** Numbers that are a multiple of three have sha256 keys. */
  static final Sample NAMED = Sample.of(1, 2 * MIB + 77);

  static final Sample SHA = Sample.of(3, MIB + 5);
  static final Sample SMALL = Sample.of(4, 5_000);
  static final Sample SMALL_SHA = Sample.of(6, 300);

  @TempDir Path folder;
  BlobStore store;

  /** Opens the store in a folder; {@code budget} 0 means no bound. */
  abstract BlobStore open(Path directory, long budget);

  BlobStore store(long budget) {
    store = open(folder.resolve("data"), budget);
    return store;
  }

  void reopen(long budget) {
    store.close();
    store(budget);
  }

  @AfterEach
  void closeStore() {
    if (store != null) {
      store.close();
    }
  }

  static void fill(Fill fill, Sample sample, long first, int count) {
    for (long block = first; block < first + count; block++) {
      fill.write(Blocks.blockOffset(block), sample.block(block));
    }
    join(fill.complete(first, sample.digests(first, count)));
  }

  static void join(java.util.concurrent.Future<?> future) {
    try {
      future.get(30, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException fault) {
        throw fault;
      }
      throw new AssertionError(e);
    } catch (InterruptedException | java.util.concurrent.TimeoutException e) {
      throw new AssertionError("no commit within 30 s", e);
    }
  }

  static SealedInfo put(BlobStore store, Sample sample) {
    if (sample.isSmall()) {
      return store.putSmall(sample.key(), sample.content(), Trust.ATTESTED, Optional.empty());
    }
    try (Fill fill = store.openFill(sample.key(), sample.sizeBytes())) {
      fill(fill, sample, 0, (int) sample.blocks());
      return seal(fill);
    }
  }

  static SealedInfo seal(Fill fill) {
    return fill.seal(Trust.ATTESTED, Optional.empty(), Optional.empty());
  }

  static void readAndCheck(BlobStore store, Sample sample) {
    if (sample.isSmall()) {
      sample.check(0, store.readSmall(sample.key()).orElseThrow());
      return;
    }
    try (SealedBlob blob = store.openSealed(sample.key()).orElseThrow()) {
      ByteBuffer out = ByteBuffer.allocate((int) sample.sizeBytes());
      assertEquals(sample.sizeBytes(), blob.read(0, out));
      sample.check(0, out.flip());
    }
  }
}
