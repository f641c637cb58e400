package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Rounds;
import dev.larder.perf.Samples;
import dev.larder.perf.process.FileCache;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** From the kill of the agent until a read of an incomplete file is answered; the keeper's RSS. */
public final class MountKillPause extends MountMeasure {
  private static final long BYTES = 2L << 30;
  private static final long LOCAL_BYTES = 64L << 20;
  private static final int READS = 1;
  private static final double MIB = 1 << 20;

  public MountKillPause() {
    super(
        "mount-kill-pause",
        "seconds from kill -9 of larder dev to the first read answered; the keeper's memory");
  }

  @Override
  void measure(Bench bench, Consumer<Figure> results) throws Exception {
    Path files = SampleFiles.large(bench, BYTES);
    Samples pauses = new Samples();
    Samples keeper = new Samples();
    try (MountRig mounts = MountRig.start(bench, files, 0);
        ExecutorService reader = Executors.newSingleThreadExecutor()) {
      Rig rig = mounts.rig();
      rig.createDataset("part");
      Path file = mounts.mount("part").resolve("large.bin");
      FileReads.sequential(file, LOCAL_BYTES, 1);
      for (int round = 0; round < Rounds.COUNT; round++) {
        FileCache.evict(file);
        int seed = round;
        rig.larder().process().kill();
        long killed = System.nanoTime();
        Future<Long> answered =
            reader.submit(() -> {
              FileReads.random(file, LOCAL_BYTES, 1, READS, seed);
              return System.nanoTime();
            });
        rig.killAndStart();
        pauses.add((answered.get(1, TimeUnit.MINUTES) - killed) / 1e9);
        keeper.add(withoutShared(mounts.keeperPid()) / MIB);
      }
      bench.say("  first reads answered after " + pauses + " s");
      results.accept(Figure.alone(name(), "s", pauses.median(), Goal.atMost(3)));
      bench.say("  keeper " + keeper + " MiB without the shared memory");
      results.accept(Figure.alone("keeper-rss", "MiB", keeper.median(), Goal.atMost(64)));
    }
  }

  /** Resident bytes of a process that no other shares with it. */
  private static long withoutShared(long pid) throws IOException {
    long kibibytes = 0;
    for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
      if (line.startsWith("RssAnon:") || line.startsWith("RssFile:")) {
        kibibytes += Long.parseLong(line.replaceAll("[^0-9]", ""));
      }
    }
    return kibibytes << 10;
  }
}
