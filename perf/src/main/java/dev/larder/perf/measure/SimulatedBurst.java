package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Measure;
import dev.larder.perf.Samples;
import dev.larder.perf.sim.Network;
import dev.larder.perf.sim.Outcome;
import dev.larder.perf.sim.Plot;
import dev.larder.perf.sim.Simulation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A burst of nodes that all want 1 GB, simulated with the real placement and trackers. */
public final class SimulatedBurst implements Measure {
  private static final long SEED = 7450;
  private static final int ROUNDS = 5;
  private static final int NODES = 1_000;
  private static final int NODES_LONG = 10_000;

  @Override
  public String name() {
    return "sim-burst";
  }

  @Override
  public String about() {
    return "simulated: 1,000 nodes (--long: 10,000) want 1 GB at once, in eight scenarios; plots";
  }

  /** What comes out of the rounds of a scenario. */
  private record Result(Samples p99, Samples origin, Samples mostOverMean, Samples computing) {
    Result() {
      this(new Samples(), new Samples(), new Samples(), new Samples());
    }
  }

  @Override
  public void run(Bench bench, Consumer<Figure> results) throws IOException {
    Network burst = Network.burst(bench.longForm() ? NODES_LONG : NODES);
    Result all = scenario(bench, "", "all live", burst);
    report(results, "", all, Goal.atMost(1.5));
    results.accept(
        Figure.alone(
            name() + "-most-upload", "of the mean", all.mostOverMean.median(), Goal.atMost(4)));
    results.accept(
        Figure.alone(name() + "-computing", "s", all.computing.median(), Goal.atMost(120)));
    report(
        results,
        "-dying",
        scenario(
            bench,
            "-dying",
            "a tenth of the processes is killed in the first half second",
            burst.withDying(0.1)),
        null);
    report(
        results,
        "-lost",
        scenario(
            bench,
            "-lost",
            "a tenth of the hosts is lost in the first half second",
            burst.withLostHosts(0.1)),
        null);
    Result slow =
        scenario(bench, "-slow", "a twentieth sends at a tenth of the rate", burst.withSlow(0.05));
    report(results, "-slow", slow, null);
    results.accept(
        Figure.alone(
            name() + "-slow-most-upload",
            "of the mean",
            slow.mostOverMean.median(),
            Goal.atMost(4)));
    report(
        results,
        "-restarts",
        scenario(
            bench,
            "-restarts",
            "a hundredth restarts every 100 ms, away for 1 s",
            burst.withRestarts()),
        null);
    report(results, "-zones", scenario(bench, "-zones", "four zones", burst.withZones(4, 0)), null);
    report(
        results,
        "-thin",
        scenario(bench, "-thin", "four zones with links of 10 Gbit/s", burst.withZones(4, 10)),
        null);
    Result poor =
        scenario(
            bench,
            "-one-slot",
            "one upload slot a node, no cut-through",
            burst.withOneSlotAndNoCutThrough());
    results.accept(
        new Figure(
            name() + "-one-slot-p99",
            "s",
            poor.p99.median(),
            all.p99.median(),
            Goal.ratioAtLeast(3)));
  }

  private void report(Consumer<Figure> results, String suffix, Result result, @Nullable Goal p99) {
    results.accept(Figure.alone(name() + suffix + "-p99", "s", result.p99.median(), p99));
    results.accept(
        Figure.alone(
            name() + suffix + "-origin",
            "origin bytes/byte",
            result.origin.median(),
            Goal.atMost(1.05)));
  }

  private Result scenario(Bench bench, String suffix, String title, Network network)
      throws IOException {
    Result result = new Result();
    // A large network takes long and varies little.
    int rounds = bench.longForm() ? 1 : ROUNDS;
    for (int round = 0; round < rounds; round++) {
      long started = System.nanoTime();
      Outcome outcome = Simulation.run(network, SEED + round);
      double seconds = (System.nanoTime() - started) / 1e9;
      result.p99.add(outcome.p99Seconds());
      result.origin.add(outcome.originBytes() / (double) network.blobBytes());
      result.mostOverMean.add(outcome.mostUploadBytes() / outcome.meanUploadBytes());
      result.computing.add(seconds);
      bench.say(
          String.format(
              Locale.ROOT,
              "  %s%s: %s in %.1f s; bound %.2f s",
              name(),
              suffix,
              outcome,
              seconds,
              network.boundSeconds()));
      if (round == 0) {
        plot(bench, suffix, title, network, outcome);
      }
    }
    return result;
  }

  private void plot(Bench bench, String suffix, String title, Network network, Outcome outcome)
      throws IOException {
    Path plots = Files.createDirectories(bench.root().resolve("perf/plots"));
    String size = String.format(Locale.ROOT, "%,d nodes: ", network.nodes());
    Path file = plots.resolve(name() + suffix + "-" + network.nodes() + ".svg");
    Files.writeString(file, Plot.svg(size + title, outcome, network.boundSeconds()));
  }
}
