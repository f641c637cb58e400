package dev.larder.store;

import static dev.larder.store.StoreTestSupport.config;
import static dev.larder.store.StoreTestSupport.content;
import static dev.larder.store.StoreTestSupport.originKey;
import static dev.larder.store.StoreTestSupport.put;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The bound {@code store.open-files-max}. */
final class OpenFilesTest {
  private static final int SIZE_BYTES = 70_000;

  @TempDir Path directory;

  private StoreConfig withFiles(int filesMax) {
    StoreConfig base = config(directory);
    return new StoreConfig(
        base.directory(),
        base.diskMaxBytes(),
        base.diskMinFree(),
        base.blockCacheBytes(),
        base.writeBufferBytes(),
        filesMax,
        Duration.ZERO,
        base.commitBytesMax(),
        base.limits());
  }

  @Test
  void oneMoreThanFitIsRefusedAndAnIdleOneGivesWay() {
    try (LarderStore store = LarderStore.open(withFiles(4))) {
      List<BlobStore.Fill> fills = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        fills.add(store.openFill(originKey(i), SIZE_BYTES));
      }
      LarderException e =
          assertThrows(LarderException.class, () -> store.openFill(originKey(4), SIZE_BYTES));
      assertEquals(ErrorCode.TOO_MANY, e.code());
      fills.forEach(BlobStore.Fill::close);
      for (int i = 0; i < 10; i++) {
        put(store, originKey(i), content(i, SIZE_BYTES));
      }
      assertTrue(store.stats().gauges().get("open_files") <= 4);
    }
  }

  @Test
  void manyThreadsAreNeverRefusedWhileFilesAreIdle() throws Exception {
    int threads = 8;
    AtomicInteger next = new AtomicInteger();
    long seed = Seeds.next();
    // Room for one file of each thread, and one more that may be idle.
    try (LarderStore store = LarderStore.open(withFiles(threads + 1));
        ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      List<Future<?>> running = new ArrayList<>();
      for (int thread = 0; thread < threads; thread++) {
        Random random = new Random(seed + thread);
        running.add(
            pool.submit(() -> {
              for (int step = 0; step < 60; step++) {
                int number = next.getAndIncrement();
                byte[] bytes = content(number, SIZE_BYTES);
                put(store, originKey(number), bytes);
                int earlier = random.nextInt(number + 1);
                store
                    .openSealed(originKey(earlier))
                    .ifPresent(blob -> {
                      java.nio.ByteBuffer out = java.nio.ByteBuffer.allocate(SIZE_BYTES);
                      try (blob) {
                        blob.read(0, out);
                      }
                      assertArrayEquals(content(earlier, SIZE_BYTES), out.array());
                    });
              }
              return 0;
            }));
      }
      for (Future<?> each : running) {
        each.get(120, TimeUnit.SECONDS);
      }
      assertEquals(threads * 60L, store.stats().sealedBlobs());
    }
  }
}
