package dev.larder.store;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digests;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore.BlobInfo;
import dev.larder.store.BlobStore.Fill;
import dev.larder.store.BlobStore.SealedBlob;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Random operations on the store and on {@link ReferenceStore}: the same answers, always. */
class StoreModelTest {
  private static final int MIB = 1 << 20;
  private static final int STEPS = 300;
  private static final int PRESSURE_STEPS = 600;
  private static final long PRESSURE_BUDGET_BYTES = 7L * MIB;

  @TempDir Path folder;

  private final long seed = Seeds.next();
  private final Random random = new Random(seed);
  private final List<Sample> samples = samples();
  private LarderStore real;
  private BlobStore reference;

  /** Few keys, so that operations meet; sizes at the edges of blocks and of small blobs. */
  private static List<Sample> samples() {
    long[] sizes = {
      0,
      1,
      65_536,
      65_537,
      MIB,
      MIB + 1,
      2 * MIB,
      3 * MIB - 1,
      100_000,
      5_000,
      2 * MIB + 65_537,
      700_000
    };
    List<Sample> out = new ArrayList<>();
    for (int number = 0; number < sizes.length; number++) {
      out.add(Sample.of(number, sizes[number]));
    }
    return out;
  }

  @RepeatedTest(8)
  void agreesWithTheReference() {
    try (ReferenceStore.Disk disk = new ReferenceStore.Disk(folder.resolve("reference"))) {
      open(disk);
      for (int step = 0; step < STEPS; step++) {
        String where = "seed " + seed + " step " + step;
        if (random.nextInt(40) == 0) {
          real.close();
          reference.close();
          open(disk);
        }
        step(where);
        assertEquals(state(reference), state(real), where);
      }
      // A fill may hold other bytes, declared as such on purpose; what is sealed may not.
      for (Sample sample : samples) {
        if (real.find(sample.key()).filter(each -> each.root().isPresent()).isPresent()) {
          assertDoesNotThrow(() -> StoreWorkload.checkContent(real, sample), "seed " + seed);
        }
      }
    } finally {
      real.close();
    }
  }

  private void open(ReferenceStore.Disk disk) {
    real = LarderStore.open(config(0));
    reference = new ReferenceStore(disk, 0);
  }

  private StoreConfig config(long budget) {
    return StoreConfig.defaults(folder.resolve("real")).withBudget(budget, 0);
  }

  private static List<BlobInfo> state(BlobStore store) {
    List<BlobInfo> out = new ArrayList<>();
    store.forEach(out::add);
    out.sort(Comparator.comparing(BlobInfo::key));
    return out;
  }

  private void step(String where) {
    Sample sample = samples.get(random.nextInt(samples.size()));
    String owner = random.nextBoolean() ? "a" : "b";
    long draw = random.nextLong();
    switch (random.nextInt(14)) {
      case 0 -> both(where, store -> run(() -> store.pin(sample.key(), owner)));
      case 1 -> both(where, store -> run(() -> store.unpin(sample.key(), owner)));
      case 2 -> both(where, store -> store.delete(sample.key()));
      case 3 -> both(where, store -> store.quarantine(sample.key(), "test"));
      case 4 -> both(where, store -> store.readSmall(sample.key()));
      case 5 -> both(where, store -> putSmall(store, sample, draw));
      case 6 -> both(where, store -> store.find(sample.key()));
      case 7 -> both(where, store -> digests(store, sample));
      case 8, 9 -> both(where, store -> read(store, sample, new Random(draw)));
      default -> {
        if (!sample.isSmall()) {
          both(where, store -> fill(store, sample, new Random(draw)));
        }
      }
    }
  }

  private static boolean run(Runnable action) {
    action.run();
    return true;
  }

  /** Both must answer the same: a value, or a fault of the same code. */
  private void both(String where, Function<BlobStore, Object> call) {
    assertEquals(answer(reference, call), answer(real, call), where);
  }

  private static Object answer(BlobStore store, Function<BlobStore, Object> call) {
    try {
      return call.apply(store);
    } catch (LarderException e) {
      return e.code();
    }
  }

  private static Object putSmall(BlobStore store, Sample sample, long draw) {
    if (!sample.isSmall()) {
      return false;
    }
    ByteBuffer content = sample.content();
    if (draw % 4 == 0 && content.hasRemaining()) {
      content.put(0, (byte) ~content.get(0));
    }
    return store.putSmall(sample.key(), content, Trust.ATTESTED, Optional.of(sample.root()));
  }

  private static Object digests(BlobStore store, Sample sample) {
    return sample.sizeBytes() == 0 ? false : store.digests(sample.key(), 0);
  }

  private static Object read(BlobStore store, Sample sample, Random random) {
    Optional<SealedBlob> opened = store.openSealed(sample.key());
    if (opened.isEmpty()) {
      return false;
    }
    try (SealedBlob blob = opened.get()) {
      long offset = random.nextLong(sample.sizeBytes() + 10);
      ByteBuffer out = ByteBuffer.allocate(random.nextInt(2 * MIB));
      int got = blob.read(offset, out);
      sample.check(offset, out.flip());
      return List.of(got, blob.info());
    }
  }

  /** Fills some blocks in random order, sometimes wrongly, and perhaps seals. */
  private static Object fill(BlobStore store, Sample sample, Random random) {
    List<Object> answers = new ArrayList<>();
    try (Fill fill = store.openFill(sample.key(), sample.sizeBytes())) {
      for (int i = random.nextInt(4); i > 0 && sample.blocks() > 0; i--) {
        long block = random.nextLong(sample.blocks());
        if (!fill.isPresent(block)) {
          boolean wrong = random.nextInt(12) == 0;
          ByteBuffer bytes = wrong ? ByteBuffer.allocate(sample.block(block).capacity()) : null;
          write(fill, sample, block, bytes);
        }
        ByteBuffer out = ByteBuffer.allocate(1000);
        answers.add(
            answer(store, any -> fill.read(Blocks.blockOffset(block) + random.nextInt(1), out)));
        answers.add(out.flip());
      }
      answers.add(fill.isComplete());
      answers.add(fill.isSealed());
      if (random.nextInt(8) == 0 && sample.blocks() > 0) {
        answers.add(fill.drop(0));
      }
      if (random.nextBoolean()) {
        answers.add(
            answer(
                store,
                any ->
                    fill.seal(
                        random.nextBoolean() ? Trust.VERIFIED : Trust.ATTESTED,
                        Optional.of(sample.root()),
                        Optional.empty())));
      }
      answers.add(fill.isComplete());
    }
    return answers;
  }

  /** Writes a block, or other bytes in its place: declared with the digest of what was written. */
  private static void write(Fill fill, Sample sample, long block, ByteBuffer other) {
    int length = Blocks.blockLength(sample.sizeBytes(), block);
    ByteBuffer bytes = other == null ? sample.block(block) : other.limit(length);
    fill.write(Blocks.blockOffset(block), bytes.duplicate());
    BlobStoreContract.join(fill.complete(block, List.of(Digests.ofBytes(bytes.duplicate()))));
  }

  /** Eviction makes answers the store's own affair; what must hold is checked after each step. */
  @Test
  @Timeout(120)
  void holdsItsPromisesUnderPressure() {
    Set<Sample> sealedWhilePinned = new HashSet<>();
    long evicted = 0;
    real = LarderStore.open(config(PRESSURE_BUDGET_BYTES));
    try {
      for (int step = 0; step < PRESSURE_STEPS; step++) {
        String where = "seed " + seed + " step " + step;
        if (random.nextInt(100) == 0) {
          evicted += real.stats().counters().get("evicted_units_total");
          real.close();
          real = LarderStore.open(config(PRESSURE_BUDGET_BYTES));
        }
        pressureStep(sealedWhilePinned);
        StoreStats stats = real.stats();
        assertTrue(stats.usedBytes() <= PRESSURE_BUDGET_BYTES, where + " used " + stats);
        assertEquals(stats.sealedBlobs() + stats.fillingBlobs(), state(real).size(), where);
        for (Sample sample : sealedWhilePinned) {
          assertEquals(
              Optional.of(BlobStore.State.SEALED),
              real.find(sample.key()).map(BlobInfo::state),
              where + " evicted although pinned");
        }
      }
      evicted += real.stats().counters().get("evicted_units_total");
      assertTrue(evicted > 0, "no pressure");
      real.awaitSettled();
      for (Sample sample : samples) {
        StoreWorkload.checkContent(real, sample);
      }
    } finally {
      real.close();
    }
  }

  private void pressureStep(Set<Sample> sealedWhilePinned) {
    Sample sample = samples.get(random.nextInt(samples.size()));
    try {
      switch (random.nextInt(12)) {
        case 0 -> {
          real.pin(sample.key(), "test");
          if (real.find(sample.key()).filter(each -> each.root().isPresent()).isPresent()) {
            sealedWhilePinned.add(sample);
          }
        }
        case 1, 2, 3 -> {
          sealedWhilePinned.remove(sample);
          real.unpin(sample.key(), "test");
        }
        case 4, 5 -> read(real, sample, random);
        default -> {
          if (!sample.isSmall() || real.readSmall(sample.key()).isEmpty()) {
            BlobStoreContract.put(real, sample);
          }
        }
      }
    } catch (LarderException e) {
      assertEquals(dev.larder.protocol.ErrorCode.STORE_FULL, e.code(), () -> "seed " + seed);
    }
  }
}
