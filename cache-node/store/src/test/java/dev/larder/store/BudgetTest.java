package dev.larder.store;

import static dev.larder.store.StoreTestSupport.MIB;
import static dev.larder.store.StoreTestSupport.await;
import static dev.larder.store.StoreTestSupport.config;
import static dev.larder.store.StoreTestSupport.content;
import static dev.larder.store.StoreTestSupport.fill;
import static dev.larder.store.StoreTestSupport.originKey;
import static dev.larder.store.StoreTestSupport.put;
import static dev.larder.store.StoreTestSupport.shaKey;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.ContentChecksum.Algorithm;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.checksum.ContentHasher;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class BudgetTest {
  @TempDir Path directory;

  @Test
  void shrinksWhenOthersFillTheVolumeAndGrowsBack() throws Exception {
    try (TestVolume volume = TestVolume.tmpfs(directory, 96)) {
      StoreConfig config = config(volume.path().resolve("data")).withBudget(0, 16 * MIB);
      Path hog = volume.path().resolve("hog");
      try (LarderStore store = LarderStore.open(config)) {
        for (int i = 0; i < 20; i++) {
          put(store, originKey(i), content(i, 2 * MIB));
        }
        long before = store.stats().capacityBytes();
        assertEquals(40L * MIB, store.stats().usedBytes());
        Files.write(hog, new byte[40 * MIB]);
        await("evicted without a write", () -> store.stats().usedBytes() < 36L * MIB);
        await(
            "within the budget", () -> store.stats().usedBytes() <= store.stats().capacityBytes());
        assertTrue(store.stats().sealedBlobs() > 0);
        // Counted when the round is over, and the room is given back in it.
        await("counted", () -> store.stats().counters().get("evicted_bytes_total") > 0);
        Files.delete(hog);
        await("grows back", () -> store.stats().capacityBytes() > before - 4 * MIB);
      }
    }
  }

  @Test
  void roomIsMadeBesideTheFillThatWillNeedItAndNoMoreThanThat() {
    StoreConfig config = config(directory).withBudget(64L * MIB, 0);
    try (LarderStore store = LarderStore.open(config)) {
      for (int i = 0; i < 15; i++) {
        put(store, originKey(i), content(i, 4 * MIB));
      }
      try (BlobStore.Fill large = store.openFill(originKey(99), 80L * MIB)) {
        // However much of the blob is missing: nobody said that it will be asked for.
        large.reserve(0, MIB);
        large.prepare(3 * MIB);
        large.reserve(MIB, MIB);
        assertEquals(0, evictedUnits(store));
        large.prepare(78L * MIB);
        // A sixteenth of the budget is to be free, and half of it was.
        await("made before it is asked for", () -> evictedUnits(store) == 1);
        await("free", () -> store.stats().usedBytes() == 58L * MIB);
      }
    }
  }

  private static long evictedUnits(LarderStore store) {
    return store.stats().counters().get("evicted_units_total");
  }

  @Test
  void aBlobLargerThanTheBudgetLivesInStripes() {
    byte[] bytes = content(1, 70 * MIB);
    StoreConfig config = config(directory).withBudget(66L * MIB, 0);
    try (LarderStore store = LarderStore.open(config);
        BlobStore.Fill fill = store.openFill(originKey(1), bytes.length)) {
      fill(fill, bytes, 0, 64);
      LarderException full = assertThrows(LarderException.class, () -> fill(fill, bytes, 64, 70));
      assertEquals(ErrorCode.STORE_FULL, full.code());
      assertTrue(fill.drop(0));
      fill(fill, bytes, 66, 70);
      assertFalse(fill.isPresent(0));
      assertFalse(fill.isComplete());
      fill.verify(66L * MIB, 4 * MIB);
      assertTrue(store.stats().usedBytes() <= 66L * MIB);
    }
  }

  @ParameterizedTest
  @EnumSource(Algorithm.class)
  void theOriginsChecksumVouchesForTheContent(Algorithm algorithm) {
    byte[] bytes = content(2, 2 * MIB + 5);
    ContentHasher hasher = ContentHasher.of(algorithm);
    hasher.update(ByteBuffer.wrap(bytes));
    byte[] value = hasher.value();
    byte[] wrong = value.clone();
    wrong[0] ^= 1;
    for (BlobKey key : new BlobKey[] {originKey(1), shaKey(bytes)}) {
      try (LarderStore store = LarderStore.open(config(directory.resolve(key.fileName())))) {
        try (BlobStore.Fill fill = store.openFill(key, bytes.length)) {
          fill(fill, bytes, 0, 3);
          LarderException e =
              assertThrows(
                  LarderException.class,
                  () ->
                      fill.seal(
                          Trust.ATTESTED,
                          Optional.empty(),
                          Optional.of(new ContentChecksum(algorithm, wrong))));
          assertEquals(ErrorCode.ORIGIN_CORRUPT, e.code());
        }
        try (BlobStore.Fill fill = store.openFill(key, bytes.length)) {
          assertFalse(fill.isPresent(0));
          fill(fill, bytes, 0, 3);
          assertEquals(
              Trust.VERIFIED,
              fill.seal(
                      Trust.ATTESTED,
                      Optional.empty(),
                      Optional.of(new ContentChecksum(algorithm, value)))
                  .trust());
        }
      }
    }
  }
}
