package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Measure;
import dev.larder.perf.Rounds;
import dev.larder.perf.Samples;
import dev.larder.perf.process.ChildProcess;
import dev.larder.perf.process.PageCache;
import dev.larder.perf.worker.StoreWorker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** A store with a million blobs: start, and memory while everything written evicts something. */
public final class StoreMillion implements Measure {
  private static final long COUNT = 1_000_000;
  // As the launcher starts an agent.
  private static final List<String> JVM =
      List.of("-Xmx256m", "-XX:MaxDirectMemorySize=128m", "-XX:+UseG1GC");
  private static final double MIB = 1 << 20;

  private record Answer(String[] words, double seconds) {}

  @Override
  public String name() {
    return "store-1m";
  }

  @Override
  public String about() {
    return "a store of 1,000,000 blobs in its own process: first verified read, memory in churn";
  }

  @Override
  public void run(Bench bench, Consumer<Figure> results) throws Exception {
    Path directory = bench.work().resolve("store-1m");
    Path complete = bench.work().resolve("store-1m.complete");
    if (!Files.exists(complete)) {
      build(bench, directory, complete);
    }
    Samples first = new Samples();
    Samples opened = new Samples();
    Samples process = new Samples();
    for (int round = 0; round < Rounds.COUNT; round++) {
      if (!PageCache.drop()) {
        bench.say("  not root: the page cache could not be dropped first");
      }
      Answer answer = worker(bench, 60, "open", directory, Integer.toString(round));
      first.add(Double.parseDouble(answer.words()[1]) / 1e3);
      opened.add(Double.parseDouble(answer.words()[2]) / 1e3);
      process.add(answer.seconds());
    }
    bench.say(
        "  first read after %s s, open %s s; %s s after the process was started"
            .formatted(first, opened, process));
    results.accept(Figure.alone(name() + "-open", "s", first.median(), Goal.atMost(1)));
    int seconds = bench.longForm() ? 600 : 60;
    // What churn leaves is no store of a known million any more.
    Files.deleteIfExists(complete);
    String[] churn =
        worker(bench, seconds + 120, "churn", directory, Integer.toString(seconds)).words();
    bench.say(
        "  churn of %d s: %s operations, %.0f MiB evicted, %s refused with STORE_FULL"
            .formatted(seconds, churn[1], Long.parseLong(churn[2]) / MIB, churn[4]));
    results.accept(
        Figure.alone(
            name() + "-churn-rss", "MiB", Long.parseLong(churn[3]) / MIB, Goal.atMost(400)));
  }

  private static void build(Bench bench, Path directory, Path complete) throws Exception {
    bench.say("  building the store of " + COUNT + " blobs…");
    Bench.delete(directory);
    Files.createDirectories(directory);
    worker(bench, 600, "build", directory, "");
    Files.createFile(complete);
  }

  /** The words of the process's line, and how long after its start it came. */
  private static Answer worker(
      Bench bench, long secondsMax, String mode, Path directory, String last)
      throws IOException, InterruptedException {
    List<String> arguments = new ArrayList<>(List.of(mode, directory.toString(), "" + COUNT));
    if (!last.isEmpty()) {
      arguments.add(last);
    }
    List<String> options = new ArrayList<>(JVM);
    options.add(
        "-Djava.library.path=" + bench.root().resolve("cache-node/dist/target/larder/lib/native"));
    long started = System.nanoTime();
    try (ChildProcess worker =
        bench.children().java("store-" + mode, options, StoreWorker.class, arguments)) {
      String line = worker.line(secondsMax);
      double seconds = (System.nanoTime() - started) / 1e9;
      worker.awaitSuccess(60);
      return new Answer(line.split(" ", -1), seconds);
    }
  }
}
