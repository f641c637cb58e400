package dev.larder.agent.read;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.FakeOrigin;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.StoreConfig;
import dev.larder.testkit.Seeds;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Readers that do anything while origin and store fail at random: every byte handed out is
 * compared, every fault is one the origin gave, and nothing is left behind.
 */
class RandomReadersTest {
  private static final int MIB = 1 << 20;
  private static final int READERS = 8;
  private static final int READS = 25;

  @TempDir Path directory;

  @Test
  void everyByteIsRightWhateverFails() {
    Seeds.run(3, this::life);
  }

  @Test
  @Tag("long")
  void everyByteIsRightForLong() {
    Seeds.run(200, this::life);
  }

  private void life(Random random) throws Exception {
    FakeOrigin origin = new FakeOrigin();
    List<OriginObject> objects = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      int size = 1 + random.nextInt(i % 2 == 0 ? 100_000 : 12 * MIB);
      objects.add(origin.add("o" + i, size, random));
    }
    StoreConfig store =
        StoreConfig.defaults(Files.createTempDirectory(directory, "store"))
            .withBudget(random.nextBoolean() ? 0 : 24L * MIB, 0);
    try (ReadRig rig = new ReadRig(store, origin, ReadRig.quick(30))) {
      AtomicInteger served = new AtomicInteger();
      try (Weather weather = new Weather(rig, random.nextLong())) {
        weather.start();
        readAll(rig, objects, random, served);
      }
      assertTrue(served.get() > READERS, "faults left hardly a read: " + served);
      origin.onPiece((object, offset) -> {});
      rig.store.failWrites(null);
      ReadRig.await("store is tried again", () -> !rig.engine.isStoreDown());
      for (OriginObject object : objects) {
        rig.readAndCompare(object, 0, object.sizeBytes(), ReadIntent.WHOLE);
      }
      assertEquals(0, rig.engine.counters().integrityFailures.sum());
      assertEquals(0, rig.engine.counters().refetches.sum());
    }
    assertEquals(0, origin.openReads(), "requests left open");
  }

  private static void readAll(
      ReadRig rig, List<OriginObject> objects, Random random, AtomicInteger served)
      throws Exception {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> readers = new ArrayList<>();
      for (int i = 0; i < READERS; i++) {
        long seed = random.nextLong();
        readers.add(threads.submit(() -> reader(rig, objects, new Random(seed), served)));
      }
      for (Future<?> reader : readers) {
        reader.get(120, TimeUnit.SECONDS);
      }
    }
  }

  private static void reader(
      ReadRig rig, List<OriginObject> objects, Random random, AtomicInteger served) {
    for (int i = 0; i < READS; i++) {
      OriginObject object = objects.get(random.nextInt(objects.size()));
      ReadIntent intent = ReadIntent.values()[random.nextInt(3)];
      long offset = random.nextBoolean() ? 0 : random.nextLong(object.sizeBytes());
      long length = 1 + random.nextLong(object.sizeBytes() - offset);
      try {
        rig.readAndCompare(object, offset, length, intent);
        served.incrementAndGet();
      } catch (LarderException e) {
        assertEquals(ErrorCode.ORIGIN_UNAVAILABLE, e.code(), e.toString());
      }
    }
  }

  /** Makes origin and store fail now and then. */
  private static final class Weather implements AutoCloseable {
    private final ReadRig rig;
    private final Random random;
    private final AtomicBoolean isOver = new AtomicBoolean();
    private final Thread thread = Thread.ofPlatform().unstarted(this::run);

    Weather(ReadRig rig, long seed) {
      this.rig = rig;
      this.random = new Random(seed);
    }

    void start() {
      Random pieces = new Random(random.nextLong());
      rig.origin.pieceMax(1 + random.nextInt(200_000));
      rig.origin.onPiece((object, offset) -> {
        int dice;
        synchronized (pieces) {
          dice = pieces.nextInt(1500);
        }
        if (dice < 2) {
          throw new LarderException(ErrorCode.ORIGIN_UNAVAILABLE, "bad weather");
        }
        if (dice < 20) {
          Thread.yield();
        }
      });
      thread.start();
    }

    private void run() {
      while (!isOver.get()) {
        java.util.concurrent.locks.LockSupport.parkNanos(
            TimeUnit.MILLISECONDS.toNanos(5 + random.nextInt(60)));
        rig.store.failWrites(
            switch (random.nextInt(4)) {
              case 0 -> ErrorCode.STORE_FULL;
              case 1 -> ErrorCode.STORE_IO;
              default -> null;
            });
      }
    }

    @Override
    public void close() throws InterruptedException {
      isOver.set(true);
      thread.join();
    }
  }
}
