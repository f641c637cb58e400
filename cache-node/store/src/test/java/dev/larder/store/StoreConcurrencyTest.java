package dev.larder.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.Blocks;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore.Fill;
import dev.larder.store.BlobStore.SealedBlob;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Many threads on few keys with room for half of them: every byte that is read is right. */
class StoreConcurrencyTest {
  private static final int MIB = 1 << 20;
  private static final int THREADS = 8;
  private static final int STEPS = 150;
  private static final int KEYS = 8;
  private static final long BUDGET_BYTES = 9L * MIB;

  /** What another thread's delete, seal or eviction may make of a call. */
  private static final Set<ErrorCode> RACES =
      EnumSet.of(ErrorCode.UNKNOWN_BLOB, ErrorCode.STORE_FULL);

  @TempDir Path folder;

  private final long seed = Seeds.next();
  private final List<Sample> samples = new ArrayList<>();
  private final AtomicLong checkedBytes = new AtomicLong();
  private final AtomicLong sealed = new AtomicLong();

  @Test
  void everyByteIsRightUnderContention() throws Exception {
    for (int number = 0; number < KEYS; number++) {
      samples.add(Sample.of(number, number % 4 == 0 ? 40_000 : 2 * MIB + 1000 * number));
    }
    Path directory = folder.resolve("store");
    StoreConfig config = StoreConfig.defaults(directory).withBudget(BUDGET_BYTES, 0);
    try (LarderStore store = LarderStore.open(config);
        ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
      List<Future<?>> running = new ArrayList<>();
      for (int thread = 0; thread < THREADS; thread++) {
        Random random = new Random(seed + thread);
        running.add(threads.submit(() -> work(store, random)));
      }
      for (Future<?> each : running) {
        each.get(120, TimeUnit.SECONDS);
      }
      store.awaitSettled();
      StoreTruth.checkClaims(store, samples);
      StoreTruth.checkFilesAndStats(store, directory, samples);
      assertEquals(0, store.stats().gauges().get("reserved_bytes"), "reservations were given back");
      assertTrue(store.stats().counters().get("evicted_units_total") > 0, "no pressure");
      assertTrue(checkedBytes.get() > 10L * MIB && sealed.get() > 10, "hardly anything happened");
    } catch (java.util.concurrent.ExecutionException e) {
      throw new AssertionError("seed " + seed, e.getCause());
    }
  }

  private void work(LarderStore store, Random random) {
    for (int step = 0; step < STEPS; step++) {
      Sample sample = samples.get(random.nextInt(KEYS));
      try {
        switch (random.nextInt(10)) {
          case 0 -> store.delete(sample.key());
          case 1 -> pinForAMoment(store, sample);
          case 2, 3, 4, 5 -> read(store, sample, random);
          default -> fill(store, sample, random);
        }
        assertTrue(store.stats().usedBytes() <= BUDGET_BYTES, "over budget");
      } catch (LarderException e) {
        if (!RACES.contains(e.code())) {
          throw e;
        }
      }
    }
  }

  private void pinForAMoment(BlobStore store, Sample sample) {
    String owner = Thread.currentThread().getName();
    store.pin(sample.key(), owner);
    store.unpin(sample.key(), owner);
  }

  private void read(BlobStore store, Sample sample, Random random) {
    if (sample.isSmall()) {
      store.readSmall(sample.key()).ifPresent(bytes -> check(sample, 0, bytes));
      return;
    }
    Optional<SealedBlob> opened = store.openSealed(sample.key());
    if (opened.isPresent()) {
      try (SealedBlob blob = opened.get()) {
        long offset = random.nextLong(sample.sizeBytes());
        ByteBuffer out = ByteBuffer.allocate(MIB);
        blob.read(offset, out);
        check(sample, offset, out.flip());
      }
    }
  }

  private void check(Sample sample, long offset, ByteBuffer bytes) {
    checkedBytes.addAndGet(bytes.remaining());
    sample.check(offset, bytes);
  }

  private void fill(BlobStore store, Sample sample, Random random) {
    if (sample.isSmall()) {
      store.putSmall(sample.key(), sample.content(), Trust.ATTESTED, Optional.empty());
      return;
    }
    try (Fill fill = store.openFill(sample.key(), sample.sizeBytes())) {
      for (int i = 0; i < 3; i++) {
        long block = random.nextLong(sample.blocks());
        if (!fill.isPresent(block)) {
          fill.write(Blocks.blockOffset(block), sample.block(block));
          BlobStoreContract.join(fill.complete(block, sample.digests(block, 1)));
        }
        ByteBuffer out = ByteBuffer.allocate(100_000);
        fill.read(Blocks.blockOffset(block), out);
        check(sample, Blocks.blockOffset(block), out.flip());
      }
      if (fill.isComplete()) {
        fill.seal(Trust.ATTESTED, Optional.of(sample.root()), Optional.empty());
        sealed.incrementAndGet();
      }
    }
  }
}
