package dev.larder.store;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The process that {@link CrashTest} kills: works on a store and tells on its standard output, one
 * line each, what the store acknowledged. A line that was written survives the process.
 */
final class CrashChild {
  static final String READY = "ready";

  /** Begins a line that says how many units this process evicted so far. */
  static final String EVICTED = "evicted ";

  private CrashChild() {}

  public static void main(String[] arguments) throws InterruptedException {
    StoreConfig config = config(Path.of(arguments[0]), Long.parseLong(arguments[1]));
    long seed = Long.parseLong(arguments[2]);
    PrintStream out =
        new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.US_ASCII);
    LarderStore store = LarderStore.open(config);
    StoreWorkload workload = new StoreWorkload(store, seed, new Lines(store, out));
    out.println(READY);
    List<Thread> threads = new ArrayList<>();
    for (int thread = 0; thread < StoreWorkload.THREADS; thread++) {
      int own = thread;
      threads.add(
          Thread.ofPlatform()
              .start(() -> {
                try {
                  workload.run(own, new AtomicBoolean());
                } catch (Throwable fault) {
                  out.println("fault " + fault);
                  throw fault;
                }
              }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
  }

  /** Small write buffers, so that RocksDB flushes and compacts all the time. */
  static StoreConfig config(Path directory, long budget) {
    StoreConfig defaults = StoreConfig.defaults(directory);
    return new StoreConfig(
        directory,
        budget,
        MinFree.ofBytes(0),
        defaults.blockCacheBytes(),
        1 << 20,
        16,
        defaults.commitDelay(),
        defaults.commitBytesMax());
  }

  private record Lines(LarderStore store, PrintStream out) implements StoreWorkload.Sink {
    @Override
    public void block(int number, long block) {
      out.println("block " + number + ' ' + block);
    }

    @Override
    public void sealed(int number) {
      out.println("sealed " + number);
      out.println(EVICTED + store.stats().counters().getOrDefault("evicted_units_total", 0L));
    }

    @Override
    public void pinned(int number) {
      out.println("pinned " + number);
    }

    @Override
    public void unpinning(int number) {
      out.println("unpinning " + number);
    }

    @Override
    public void deleting(int number) {
      out.println("deleting " + number);
    }
  }
}
