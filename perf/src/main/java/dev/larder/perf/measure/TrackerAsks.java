package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Measure;
import dev.larder.perf.Rounds;
import dev.larder.perf.Samples;
import dev.larder.perf.process.ChildProcess;
import dev.larder.perf.worker.TrackerWorker;
import java.io.IOException;
import java.util.List;
import java.util.function.Consumer;

/** One node's tracker under bursts of asks: how many one core answers, and what it remembers. */
public final class TrackerAsks implements Measure {
  private static final int MEMBERS = 10_000;
  private static final int BURSTS = 100;

  /** {@code fill.tracked-stripes-max}. */
  private static final int ENTRIES_MAX = 100_000;

  /** A full collection leaves no dead objects lie: what lives is what is counted. */
  private static final List<String> JVM =
      List.of("-Xmx256m", "-XX:+UseSerialGC", "-XX:MarkSweepDeadRatio=0");

  private static final int FULL_ASKS = 300_000;
  private static final int SLOW_BURSTS = 30;

  private static final double MIB = 1 << 20;

  @Override
  public String name() {
    return "tracker-asks";
  }

  @Override
  public String about() {
    return "bursts of 10,000 members that ask one tracker for one stripe: asks a CPU second, also with every entry a live lease; heap";
  }

  @Override
  public void run(Bench bench, Consumer<Figure> results) throws Exception {
    bursts(bench, results, "asks", "");
    bursts(bench, results, "told", "-told");
    slow(bench, results);
    full(bench, results);
    heap(bench, results, "heap", "-heap", MEMBERS);
    heap(bench, results, "heap", "-heap-one-each", 1);
    heap(bench, results, "heap-told", "-heap-told", 1);
  }

  private void bursts(Bench bench, Consumer<Figure> results, String mode, String suffix)
      throws IOException, InterruptedException {
    Samples perCpu = new Samples();
    Samples wall = new Samples();
    Samples reports = new Samples();
    for (int round = 0; round < Rounds.COUNT; round++) {
      String[] words = worker(bench, mode, MEMBERS, BURSTS);
      perCpu.add(Double.parseDouble(words[1]));
      wall.add(Double.parseDouble(words[2]));
      reports.add(Double.parseDouble(words[3]));
    }
    bench.say("  %s: asks a CPU second %s, a second %s".formatted(mode, perCpu, wall));
    bench.say("  reports a CPU second " + reports);
    results.accept(
        Figure.alone(name() + suffix, "asks/CPU s", perCpu.median(), Goal.atLeast(50_000)));
  }

  private void slow(Bench bench, Consumer<Figure> results)
      throws IOException, InterruptedException {
    Samples perCpu = new Samples();
    for (int round = 0; round < Rounds.COUNT; round++) {
      perCpu.add(Double.parseDouble(worker(bench, "slow", MEMBERS, SLOW_BURSTS)[1]));
    }
    bench.say("  with the one who fetches named as slow: asks a CPU second " + perCpu);
    results.accept(
        Figure.alone(name() + "-slow", "asks/CPU s", perCpu.median(), Goal.atLeast(50_000)));
  }

  private void full(Bench bench, Consumer<Figure> results)
      throws IOException, InterruptedException {
    Samples known = new Samples();
    Samples unknown = new Samples();
    for (int round = 0; round < Rounds.COUNT; round++) {
      String[] words = worker(bench, "full", ENTRIES_MAX, FULL_ASKS);
      known.add(Double.parseDouble(words[1]));
      unknown.add(Double.parseDouble(words[2]));
    }
    bench.say(
        "  with a live lease in each of %d entries: asks a CPU second %s for these stripes, %s for others"
            .formatted(ENTRIES_MAX, known, unknown));
    results.accept(
        Figure.alone(name() + "-full", "asks/CPU s", known.median(), Goal.atLeast(50_000)));
    results.accept(
        Figure.alone(name() + "-no-room", "asks/CPU s", unknown.median(), Goal.atLeast(50_000)));
  }

  private void heap(
      Bench bench, Consumer<Figure> results, String mode, String suffix, int perStripe)
      throws IOException, InterruptedException {
    Samples atBound = new Samples();
    Samples beyond = new Samples();
    for (int round = 0; round < Rounds.COUNT; round++) {
      String[] words = worker(bench, mode, ENTRIES_MAX, perStripe);
      double empty = Double.parseDouble(words[1]);
      atBound.add((Double.parseDouble(words[2]) - empty) / MIB);
      beyond.add((Double.parseDouble(words[3]) - empty) / MIB);
    }
    bench.say(
        "  %s, %d members a stripe: %s MiB at the bound, %.0f bytes an entry; after five times as many %s"
            .formatted(mode, perStripe, atBound, atBound.median() * MIB / ENTRIES_MAX, beyond));
    results.accept(
        new Figure(
            name() + suffix, "MiB", beyond.median(), atBound.median(), Goal.ratioAtMost(1.05)));
  }

  private static String[] worker(Bench bench, String mode, int first, int second)
      throws IOException, InterruptedException {
    try (ChildProcess worker =
        bench
            .children()
            .java(
                "tracker-" + mode,
                JVM,
                TrackerWorker.class,
                List.of(mode, Integer.toString(first), Integer.toString(second)))) {
      String line = worker.line(180);
      worker.awaitSuccess(30);
      return line.split(" ", -1);
    }
  }
}
