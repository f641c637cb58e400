package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Measure;
import dev.larder.perf.Samples;
import dev.larder.perf.process.PageCache;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** 32 readers of one cold object: the origin's access log says how often each byte was sent. */
public final class SharedRead implements Measure {
  private static final long BYTES = 256L << 20;
  private static final int READERS = 32;

  @Override
  public String name() {
    return "shared-32";
  }

  @Override
  public String about() {
    return "32 readers of one cold 256 MiB object: bytes in the origin's access log per byte";
  }

  @Override
  public void run(Bench bench, Consumer<Figure> results) throws Exception {
    Path files = SampleFiles.large(bench, BYTES);
    long expected = SampleFiles.checksum(files.resolve("large.bin"));
    Samples ratios = new Samples();
    Samples speeds = new Samples();
    try (Rig rig = Rig.start(bench, files, 0);
        ExecutorService readers = Executors.newFixedThreadPool(READERS)) {
      for (int round = 0; round < 5; round++) {
        String dataset = "shared-" + round;
        rig.createDataset(dataset);
        PageCache.occupy(bench);
        long started = System.nanoTime();
        List<Future<Long>> checksums = new ArrayList<>();
        for (int i = 0; i < READERS; i++) {
          checksums.add(readers.submit(() -> rig.checksum(dataset, "large.bin")));
        }
        for (Future<Long> checksum : checksums) {
          if (checksum.get(5, TimeUnit.MINUTES) != expected) {
            throw new IOException("a reader got bytes that are not those of the file");
          }
        }
        speeds.add(READERS * BYTES / (double) (System.nanoTime() - started));
        rig.settle(dataset, "large.bin");
        ratios.add(rig.origin().bytesSent("/" + dataset + "/") / (double) BYTES);
      }
    }
    bench.say("  origin bytes per byte " + ratios + "; readers together " + speeds + " GB/s");
    // The worst round and not the median: each byte once means always.
    results.accept(new Figure(name(), "origin bytes/byte", ratios.max(), null, Goal.atMost(1.00)));
  }
}
