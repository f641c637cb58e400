package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Measure;
import dev.larder.perf.Samples;
import dev.larder.perf.sim.Network;
import dev.larder.perf.sim.Outcome;
import dev.larder.perf.sim.Simulation;
import java.util.function.Consumer;

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
    return "simulated: 1,000 nodes (--long: 10,000) want 1 GB at once; also with a tenth of them dying";
  }

  @Override
  public void run(Bench bench, Consumer<Figure> results) {
    Network burst = Network.burst(bench.longForm() ? NODES_LONG : NODES);
    scenario(bench, results, "", burst);
    scenario(bench, results, "-dying", burst.withDying(0.1));
    scenario(bench, results, "-zones", burst.withZones(4));
  }

  private void scenario(Bench bench, Consumer<Figure> results, String suffix, Network network) {
    Samples p99 = new Samples();
    Samples origin = new Samples();
    for (int round = 0; round < ROUNDS; round++) {
      Outcome outcome = Simulation.run(network, SEED + round);
      p99.add(outcome.p99Seconds());
      origin.add(outcome.originBytes() / (double) network.blobBytes());
      bench.say(
          "  %s%s: %d done, p50 %.3f s, p99 %.3f s, last %.3f s; upload mean %.2f GB, most %.2f GB; %.2f GB between zones"
              .formatted(
                  name(),
                  suffix,
                  outcome.finished(),
                  outcome.p50Seconds(),
                  outcome.p99Seconds(),
                  outcome.lastSeconds(),
                  outcome.meanUploadBytes() / 1e9,
                  outcome.mostUploadBytes() / 1e9,
                  outcome.crossZoneBytes() / 1e9));
    }
    bench.say("  the physical bound is %.2f s".formatted(network.boundSeconds()));
    results.accept(Figure.alone(name() + suffix + "-p99", "s", p99.median(), null));
    results.accept(
        Figure.alone(
            name() + suffix + "-origin", "origin bytes/byte", origin.median(), Goal.atMost(1.05)));
  }
}
