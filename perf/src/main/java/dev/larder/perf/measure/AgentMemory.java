package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Measure;
import dev.larder.perf.Samples;
import dev.larder.perf.http.RequestLoad;
import dev.larder.perf.process.ProcStat;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/** Resident memory of {@code larder dev}, idle and at full load. */
public final class AgentMemory implements Measure {
  private static final int SMALL_COUNT = 1000;
  private static final long LARGE_BYTES = 1L << 30;

  /** Cold reads at once. */
  private static final int COLD_COUNT = 8;

  private static final double MIB = 1 << 20;

  @Override
  public String name() {
    return "agent-rss";
  }

  @Override
  public String about() {
    return "resident memory of larder dev (agent and coordinator): idle, and most at full load";
  }

  @Override
  public void run(Bench bench, Consumer<Figure> results) throws Exception {
    Path files = bench.work().resolve("files-mixed");
    Files.createDirectories(files);
    SampleFiles.link(
        SampleFiles.small(bench, SMALL_COUNT, 4096).resolve("small"), files.resolve("small"));
    SampleFiles.link(SampleFiles.large(bench, LARGE_BYTES), files);
    try (Rig rig = Rig.start(bench, files, 0)) {
      Samples idle = new Samples();
      LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(10));
      for (int i = 0; i < 5; i++) {
        LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1));
        idle.add(rig.larder().process().stat().rssBytes() / MIB);
      }
      bench.say("  idle " + idle + " MiB");
      results.accept(Figure.alone(name() + "-idle", "MiB", idle.median(), Goal.atMost(256)));
      load(bench, rig);
      ProcStat loaded = rig.larder().process().stat();
      bench.say(
          "  now %.0f MiB, of it %.0f no file; CPU %.1f s"
              .formatted(loaded.rssBytes() / MIB, loaded.anonBytes() / MIB, loaded.cpuSeconds()));
      results.accept(
          Figure.alone(name() + "-load", "MiB", loaded.rssPeakBytes() / MIB, Goal.atMost(512)));
    }
  }

  /** All at once: small hits over 64 connections, large hits, cold reads. */
  private static void load(Bench bench, Rig rig) throws Exception {
    int seconds = bench.longForm() ? 120 : 30;
    rig.createDataset("hit");
    rig.read("hit", "large.bin");
    List<String> names = SampleFiles.names(SMALL_COUNT);
    for (String name : names) {
      rig.read("hit", name);
    }
    for (int i = 0; i < COLD_COUNT; i++) {
      rig.createDataset("cold-" + i);
    }
    List<String> paths = names.stream().map(name -> "/datasets/hit/" + name).toList();
    RequestLoad small = RequestLoad.find(bench, 64, seconds);
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    try (ExecutorService threads = Executors.newCachedThreadPool()) {
      List<Future<?>> work = new ArrayList<>();
      work.add(
          threads.submit(
              () -> small.perSecond(rig.larder().address(), paths, rig.larder().headers())));
      for (int i = 0; i < 4; i++) {
        work.add(
            threads.submit(() -> {
              while (System.nanoTime() < end) {
                rig.read("hit", "large.bin");
              }
              return 0;
            }));
      }
      for (int i = 0; i < COLD_COUNT; i++) {
        String dataset = "cold-" + i;
        work.add(threads.submit(() -> rig.read(dataset, "large.bin")));
      }
      for (Future<?> one : work) {
        one.get(5, TimeUnit.MINUTES);
      }
    }
  }
}
