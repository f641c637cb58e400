package dev.larder.perf.jmh;

import dev.larder.perf.Bench;
import dev.larder.perf.worker.StoreContent;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore;
import dev.larder.store.LarderStore;
import dev.larder.store.StoreConfig;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The store's hot paths: {@code perf/run jmh StoreBenchmark}. With {@code -t 16} the two that
 * commit show what the group commit gives.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {
      "-Xmx512m",
      "--enable-native-access=ALL-UNNAMED",
      "--sun-misc-unsafe-memory-access=allow"
    })
public class StoreBenchmark {
  private static final int SMALL_COUNT = 50_000;
  private static final int SMALL_BYTES = 4096;
  private static final int LARGE_BLOCKS = 64;
  private static final long LARGE_NUMBER = -1;

  private final AtomicLong fresh = new AtomicLong(1L << 40);
  private final BlobKey[] keys = new BlobKey[SMALL_COUNT];

  @SuppressWarnings("NullAway.Init") // set before any benchmark runs
  private LarderStore store;

  @SuppressWarnings("NullAway.Init")
  private BlobStore.SealedBlob sealed;

  @SuppressWarnings("NullAway.Init")
  private Path directory;

  /** A store with small blobs and one sealed blob of 64 MiB. */
  @Setup
  public void open() throws Exception {
    Path work =
        Path.of(System.getProperty("larder.perf.work", System.getProperty("java.io.tmpdir")));
    directory = Files.createTempDirectory(Files.createDirectories(work), "jmh");
    store = LarderStore.open(StoreConfig.defaults(directory));
    for (int i = 0; i < SMALL_COUNT; i++) {
      keys[i] = StoreContent.key(i);
    }
    List.of(keys).parallelStream()
        .forEach(key ->
            store.putSmall(
                key,
                StoreContent.bytes(key.hashCode(), SMALL_BYTES),
                Trust.ATTESTED,
                Optional.empty()));
    BlobKey large = StoreContent.key(LARGE_NUMBER);
    try (BlobStore.Fill fill = store.openFill(large, (long) LARGE_BLOCKS * Blocks.BLOCK_BYTES)) {
      for (int block = 0; block < LARGE_BLOCKS; block++) {
        writeBlock(fill, block, StoreContent.bytes(block, Blocks.BLOCK_BYTES));
      }
      fill.seal(Trust.ATTESTED, Optional.empty(), Optional.empty());
    }
    sealed = store.openSealed(large).orElseThrow();
  }

  /** Ends it and deletes its files. */
  @TearDown
  public void close() throws IOException {
    sealed.close();
    store.close();
    Bench.delete(directory);
  }

  @Benchmark
  public Object find() {
    return store.find(randomKey());
  }

  @Benchmark
  public Object readSmall() {
    return store.readSmall(randomKey());
  }

  /** Includes allocating the target, as the callers of this path do. */
  @Benchmark
  public Object readSealed4k() {
    ByteBuffer target = ByteBuffer.allocate(4096);
    long page = ThreadLocalRandom.current().nextLong(LARGE_BLOCKS * 256L);
    sealed.read(page * 4096, target);
    return target;
  }

  @Benchmark
  public Object putSmall() {
    long number = fresh.getAndIncrement();
    return store.putSmall(
        StoreContent.key(number),
        StoreContent.bytes(number, SMALL_BYTES),
        Trust.ATTESTED,
        Optional.empty());
  }

  /** One block of 1 MiB of a fill: written, synced, indexed. */
  @Benchmark
  public void complete(FillState state) throws Exception {
    state.next(store, fresh);
  }

  /** A fill of each thread; when full it is deleted and the next one begun. */
  @State(Scope.Thread)
  public static class FillState {
    private final ByteBuffer content = StoreContent.bytes(0, Blocks.BLOCK_BYTES);
    private BlobStore.@Nullable Fill current;
    private int block;

    void next(BlobStore store, AtomicLong numbers) throws Exception {
      BlobStore.Fill fill = current;
      if (fill != null && block == LARGE_BLOCKS) {
        BlobKey full = fill.key();
        fill.close();
        store.delete(full);
        fill = null;
      }
      if (fill == null) {
        BlobKey key = StoreContent.key(numbers.getAndIncrement());
        fill = store.openFill(key, (long) LARGE_BLOCKS * Blocks.BLOCK_BYTES);
        current = fill;
        block = 0;
      }
      writeBlock(fill, block++, content.duplicate());
    }
  }

  private static void writeBlock(BlobStore.Fill fill, int block, ByteBuffer content)
      throws Exception {
    Digest digest = Digests.ofBytes(content.duplicate());
    fill.reserve(Blocks.blockOffset(block), content.remaining());
    fill.write(Blocks.blockOffset(block), content);
    fill.complete(block, List.of(digest)).get();
  }

  private BlobKey randomKey() {
    return keys[ThreadLocalRandom.current().nextInt(SMALL_COUNT)];
  }
}
