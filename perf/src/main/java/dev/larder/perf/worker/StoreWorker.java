package dev.larder.perf.worker;

import dev.larder.perf.process.ProcStat;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore;
import dev.larder.store.LarderStore;
import dev.larder.store.StoreConfig;
import dev.larder.store.StoreStats;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A store in a process of its own.
 *
 * <ul>
 *   <li>{@code build DIR COUNT} fills it with blobs of 1 KiB, one in 200 of them of 128 KiB
 *   <li>{@code open DIR COUNT SEED} opens it, reads one random blob, prints {@code first
 *       MILLISECONDS OPEN_MILLISECONDS}
 *   <li>{@code churn DIR COUNT SECONDS} writes and reads in equal parts, blobs like those of build,
 *       with a full budget, so that everything written evicts something; prints {@code churn
 *       OPERATIONS EVICTED_BYTES RSS_PEAK_BYTES REFUSED}
 *   <li>{@code seal DIR COUNT THREADS} fills an empty one with blobs of 100 KiB, so many at a time;
 *       prints {@code sealed SECONDS}
 * </ul>
 */
public final class StoreWorker {
  /** Bytes of a small blob. */
  public static final int SMALL_BYTES = 1024;

  /** Bytes of a blob kept as a file. */
  public static final int FILE_BYTES = 128 << 10;

  /** One blob in so many is kept as a file. */
  public static final int FILE_EVERY = 200;

  /** Bytes of a blob that seal makes. */
  public static final int SEAL_BYTES = 100 << 10;

  private static final int THREADS = 16;

  private StoreWorker() {}

  public static void main(String[] arguments) throws Exception {
    Path directory = Path.of(arguments[1]);
    long count = Long.parseLong(arguments[2]);
    switch (arguments[0]) {
      case "build" -> build(directory, count);
      case "open" -> open(directory, count, Long.parseLong(arguments[3]));
      case "churn" -> churn(directory, count, Long.parseLong(arguments[3]));
      case "seal" -> seal(directory, count, Integer.parseInt(arguments[3]));
      default -> throw new IllegalArgumentException(arguments[0]);
    }
  }

  private static void build(Path directory, long count) throws Exception {
    AtomicLong next = new AtomicLong();
    try (LarderStore store = LarderStore.open(StoreConfig.defaults(directory))) {
      run(
          THREADS,
          () -> {
            for (long i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
              if (i % FILE_EVERY == 0) {
                putFile(store, i, FILE_BYTES);
              } else {
                putSmall(store, i, SMALL_BYTES);
              }
            }
          });
    }
    System.out.println("built " + count);
  }

  private static void open(Path directory, long count, long seed) {
    long number = new SplittableRandom(seed).nextLong(count);
    long started = System.nanoTime();
    try (LarderStore store = LarderStore.open(StoreConfig.defaults(directory))) {
      long opened = System.nanoTime();
      // Churn evicted some, at most a few of a million.
      while (!read(store, number, count)) {
        number = (number + 1) % count;
      }
      long done = System.nanoTime();
      System.out.println("first " + (done - started) / 1e6 + " " + (opened - started) / 1e6);
    }
  }

  private static void churn(Path directory, long count, long seconds) throws Exception {
    StoreConfig defaults = StoreConfig.defaults(directory);
    long used;
    try (LarderStore store = LarderStore.open(defaults)) {
      used = store.stats().usedBytes();
    }
    AtomicLong operations = new AtomicLong();
    AtomicLong refused = new AtomicLong();
    AtomicLong fresh = new AtomicLong(count + System.nanoTime());
    StoreStats stats;
    try (LarderStore store = LarderStore.open(defaults.withBudget(used, 0))) {
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
      run(
          THREADS,
          () -> {
            SplittableRandom random = new SplittableRandom(Thread.currentThread().threadId());
            while (System.nanoTime() < end) {
              int dice = random.nextInt(2 * FILE_EVERY);
              try {
                if (dice < FILE_EVERY) {
                  read(store, random.nextLong(count), count);
                } else if (dice > FILE_EVERY) {
                  putSmall(
                      store,
                      fresh.getAndIncrement(),
                      SMALL_BYTES / 2 + random.nextInt(SMALL_BYTES));
                } else {
                  putFile(
                      store,
                      fresh.getAndIncrement(),
                      FILE_BYTES / 2 + 1 + random.nextInt(FILE_BYTES));
                }
                operations.incrementAndGet();
              } catch (LarderException e) {
                // An agent reads past a full store, so it is no failure, but it is told.
                if (e.code() != ErrorCode.STORE_FULL) {
                  throw e;
                }
                refused.incrementAndGet();
                LockSupport.parkNanos(10_000_000);
              }
            }
          });
      stats = store.stats();
    }
    System.out.println(
        "churn "
            + operations
            + " "
            + stats.counters().getOrDefault("evicted_bytes_total", -1L)
            + " "
            + ProcStat.of(ProcessHandle.current().pid()).rssPeakBytes()
            + " "
            + refused);
  }

  private static void seal(Path directory, long count, int threads) throws Exception {
    AtomicLong next = new AtomicLong();
    try (LarderStore store = LarderStore.open(StoreConfig.defaults(directory))) {
      long started = System.nanoTime();
      run(
          threads,
          () -> {
            for (long i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
              putFile(store, i, SEAL_BYTES);
            }
          });
      System.out.println("sealed " + (System.nanoTime() - started) / 1e9);
    }
  }

  /** Reads a blob with the store's checks; false when it is absent. */
  private static boolean read(BlobStore store, long number, long count) {
    if (number % FILE_EVERY == 0 && number < count) {
      Optional<BlobStore.SealedBlob> found = store.openSealed(StoreContent.key(number));
      if (found.isEmpty()) {
        return false;
      }
      try (BlobStore.SealedBlob blob = found.get()) {
        ByteBuffer target = ByteBuffer.allocate(4096);
        return blob.read(64 << 10, target) == 4096;
      }
    }
    Optional<ByteBuffer> bytes = store.readSmall(StoreContent.key(number));
    if (bytes.isPresent() && !bytes.get().equals(StoreContent.bytes(number, SMALL_BYTES))) {
      throw new IllegalStateException("blob " + number + " has other bytes than were put");
    }
    return bytes.isPresent();
  }

  private static void putSmall(BlobStore store, long number, int length) {
    store.putSmall(
        StoreContent.key(number),
        StoreContent.bytes(number, length),
        Trust.ATTESTED,
        Optional.empty());
  }

  private static void putFile(BlobStore store, long number, int length)
      throws ExecutionException, InterruptedException {
    BlobKey key = StoreContent.key(number);
    ByteBuffer content = StoreContent.bytes(number, length);
    try (BlobStore.Fill fill = store.openFill(key, length)) {
      fill.reserve(0, length);
      fill.write(0, content.duplicate());
      List<Digest> digests = new ArrayList<>();
      for (long block = 0; block < Blocks.blockCount(length); block++) {
        digests.add(
            Digests.ofBytes(
                content.slice((int) Blocks.blockOffset(block), Blocks.blockLength(length, block))));
      }
      fill.complete(0, digests).get();
      fill.seal(Trust.ATTESTED, Optional.empty(), Optional.empty());
    }
  }

  @FunctionalInterface
  private interface Work {
    void run() throws Exception;
  }

  private static void run(int threads, Work work) throws IOException, InterruptedException {
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        all.add(
            pool.submit(() -> {
              work.run();
              return 0;
            }));
      }
      for (Future<?> one : all) {
        one.get();
      }
    } catch (ExecutionException e) {
      throw new IOException("a thread failed", e.getCause());
    }
  }
}
