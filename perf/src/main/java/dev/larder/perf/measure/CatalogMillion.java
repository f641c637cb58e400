package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Measure;
import dev.larder.perf.Rounds;
import dev.larder.perf.Samples;
import dev.larder.perf.process.ChildProcess;
import dev.larder.perf.process.PageCache;
import dev.larder.perf.worker.CatalogWorker;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** The catalog of a million objects, in a JVM with a heap of 64 MiB. */
public final class CatalogMillion implements Measure {
  private static final long COUNT = 1_000_000;
  private static final List<String> JVM = List.of("-Xmx64m", "-XX:+UseSerialGC");
  private static final double MIB = 1 << 20;

  @Override
  public String name() {
    return "catalog-1m";
  }

  @Override
  public String about() {
    return "a catalog of 1,000,000 objects, heap 64 MiB: written beyond the listing, opened";
  }

  @Override
  public void run(Bench bench, Consumer<Figure> results) throws Exception {
    Path directory = bench.fresh("catalog");
    Samples rss = new Samples();
    Samples size = new Samples();
    Rounds rounds =
        Rounds.interleave(
            round -> {
              String[] words = worker(bench, "write", directory, "");
              size.add(Double.parseDouble(words[2]) / MIB);
              rss.add(Double.parseDouble(words[3]) / MIB);
              return Double.parseDouble(words[1]);
            },
            round -> Double.parseDouble(worker(bench, "list", directory, "")[1]));
    bench.say("  written in " + rounds + " s (the listing alone)");
    bench.say("  image " + size + " MiB, peak RSS " + rss + " MiB");
    results.accept(
        Figure.alone(
            name() + "-write",
            "s",
            rounds.values().median() - rounds.baselines().median(),
            Goal.atMost(30)));
    Samples opened = new Samples();
    for (int round = 0; round < Rounds.COUNT; round++) {
      if (!PageCache.drop()) {
        bench.say("  not root: the page cache could not be dropped first");
      }
      opened.add(
          Double.parseDouble(worker(bench, "open", directory, Integer.toString(round))[1]) * 1e3);
    }
    bench.say("  opened, one path looked up, page cache dropped: " + opened + " ms");
    results.accept(Figure.alone(name() + "-open", "ms", opened.median(), Goal.atMost(100)));
  }

  private static String[] worker(Bench bench, String mode, Path directory, String last)
      throws IOException, InterruptedException {
    List<String> arguments = new ArrayList<>(List.of(mode, directory.toString(), "" + COUNT));
    if (!last.isEmpty()) {
      arguments.add(last);
    }
    try (ChildProcess worker =
        bench.children().java("catalog-" + mode, JVM, CatalogWorker.class, arguments)) {
      String line = worker.line(180);
      worker.awaitSuccess(30);
      return line.split(" ", -1);
    }
  }
}
