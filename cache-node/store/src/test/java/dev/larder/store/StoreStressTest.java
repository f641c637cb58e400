package dev.larder.store;

import static dev.larder.store.StoreTestSupport.MIB;
import static dev.larder.store.StoreTestSupport.config;
import static dev.larder.store.StoreTestSupport.content;
import static dev.larder.store.StoreTestSupport.originKey;
import static dev.larder.store.StoreTestSupport.put;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Threads on few keys and little room: nothing wrong is read, nothing hangs, the totals are exact.
 */
final class StoreStressTest {
  private static final int KEYS = 12;
  private static final int ROUNDS = 60;

  @TempDir Path directory;

  private static byte[] bytesOf(int i) {
    return content(i, i % 3 == 0 ? 9_000 + i : (i % 4 + 1) * MIB / 2 + 70_000 + i);
  }

  @Test
  void manyThreadsOnFewKeys() throws Exception {
    long seed = Long.getLong("larder.seed", System.nanoTime());
    StoreConfig config = config(directory).withBudget(9 * MIB, 0);
    long used;
    try (LarderStore store = LarderStore.open(config)) {
      List<Future<Integer>> all = new ArrayList<>();
      try (ExecutorService pool = Executors.newFixedThreadPool(6)) {
        for (int t = 0; t < 6; t++) {
          Random random = new Random(seed + t);
          all.add(pool.submit(() -> work(store, random)));
        }
      }
      int reads = 0;
      for (Future<Integer> each : all) {
        reads += each.get();
      }
      assertTrue(reads > 0, "seed " + seed);
      assertEquals(0L, store.stats().gauges().get("reserved_bytes"), "seed " + seed);
      used = store.stats().usedBytes();
      assertTrue(used <= 9 * MIB, "seed " + seed + " used " + used);
      long[] sum = new long[1];
      store.forEach(info ->
          sum[0] += info.sizeBytes() <= 65_536 ? info.sizeBytes() + 256 : info.presentBytes());
      assertEquals(sum[0], used, "seed " + seed);
    }
    try (LarderStore store = LarderStore.open(config)) {
      store.awaitSettled();
      assertEquals(used, store.stats().usedBytes(), "seed " + seed);
      assertEquals(0, store.scrub(Long.MAX_VALUE).corrupt(), "seed " + seed);
    }
  }

  private static int work(LarderStore store, Random random) {
    int reads = 0;
    for (int round = 0; round < ROUNDS; round++) {
      int i = random.nextInt(KEYS);
      byte[] bytes = bytesOf(i);
      BlobKey key = originKey(i);
      try {
        switch (random.nextInt(6)) {
          case 0 -> store.delete(key);
          case 1 -> store.quarantine(key, "stress");
          case 2, 3 -> {
            if (bytes.length <= 65_536) {
              store.putSmall(key, ByteBuffer.wrap(bytes), Trust.ATTESTED, Optional.empty());
            } else {
              put(store, key, bytes);
            }
          }
          default -> reads += read(store, key, bytes) ? 1 : 0;
        }
      } catch (LarderException e) {
        allow(e);
      } catch (CompletionException e) {
        allow((LarderException) e.getCause());
      }
    }
    return reads;
  }

  /** Room runs out, and blobs go under the hands of their users: those are answers, not faults. */
  private static void allow(LarderException e) {
    if (e.code() != ErrorCode.STORE_FULL
        && e.code() != ErrorCode.UNKNOWN_BLOB
        && e.code() != ErrorCode.STORE_CORRUPT) {
      throw e;
    }
  }

  private static boolean read(LarderStore store, BlobKey key, byte[] bytes) {
    if (bytes.length <= 65_536) {
      Optional<ByteBuffer> found = store.readSmall(key);
      found.ifPresent(content -> assertEquals(ByteBuffer.wrap(bytes), content));
      return found.isPresent();
    }
    Optional<BlobStore.SealedBlob> found = store.openSealed(key);
    if (found.isEmpty()) {
      return false;
    }
    try (BlobStore.SealedBlob blob = found.get()) {
      ByteBuffer out = ByteBuffer.allocate(bytes.length);
      blob.read(0, out);
      assertArrayEquals(bytes, out.array());
    }
    return true;
  }
}
