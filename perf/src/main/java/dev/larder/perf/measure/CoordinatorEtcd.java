package dev.larder.perf.measure;

import static dev.larder.perf.measure.LoadedPair.ALL;
import static dev.larder.perf.measure.LoadedPair.IDLE;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.TlsFiles;
import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Measure;
import dev.larder.perf.Rounds;
import dev.larder.perf.Samples;
import dev.larder.perf.measure.LoadedPair.Asked;
import dev.larder.perf.process.ChildProcess;
import dev.larder.perf.process.Etcd;
import dev.larder.perf.worker.ReadWriteWatch;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/** Three coordinators beside three members of etcd, and what a killed leader costs. */
public final class CoordinatorEtcd implements Measure {
  private static final int WATCH_SECONDS = 8;

  // Holders that never come back to say that they live; placements of theirs must stay.
  private static final String SETTINGS = "coordinator.member-deadline: 1h";

  @Override
  public String name() {
    return "coordinator-etcd";
  }

  @Override
  public String about() {
    return "three coordinators beside three etcd members: durable updates, lookups, a killed leader";
  }

  @Override
  public void run(Bench bench, Consumer<Figure> results) throws Exception {
    try (CoordinatorGroup group = CoordinatorGroup.start(bench, 3, SETTINGS, Map.of())) {
      Etcd etcd =
          Etcd.start(bench, group.tls())
              .orElseThrow(() -> new IOException("there is no etcd to compare with"));
      try (etcd) {
        compare(bench, results, group, etcd);
      }
      killed(bench, results, group);
    }
  }

  private void compare(Bench bench, Consumer<Figure> results, CoordinatorGroup group, Etcd etcd)
      throws IOException, InterruptedException {
    try (LoadedPair load = new LoadedPair(bench, group, etcd)) {
      load.warm();
      LoadedPair.Result full = load.rounds("as many as go", ALL, Asked.LOOKUPS_PACED);
      double peer = full.updates().baselines().median();
      results.accept(full.updates().figure(name(), "updates/s", Goal.ratioAtLeast(0.5)));
      results.accept(p99(full.sent(), "-full", "from sent, with as many as go"));
      results.accept(p99(full.due(), "-full-due", "each 5 ms from due, with as many as go"));
      LoadedPair.Result half =
          load.rounds("half of etcd's, one after another", peer / 2, Asked.LOOKUPS);
      results.accept(rate(half, "-half-in-turn", peer / 2));
      results.accept(p99(half.due(), "-in-turn", "one after another, at half of etcd's updates"));
      LoadedPair.Result paced =
          load.rounds("half of etcd's, each 5 ms", peer / 2, Asked.LOOKUPS_PACED);
      results.accept(rate(paced, "-half", peer / 2));
      results.accept(p99(paced.due(), "", "each 5 ms from due, at half of etcd's updates"));
      LoadedPair.Result tenth =
          load.rounds("a tenth of etcd's, one after another", peer / 10, Asked.LOOKUPS);
      results.accept(
          p99(tenth.due(), "-in-turn-tenth", "one after another, at a tenth of etcd's updates"));
      LoadedPair.Result idle = load.rounds("no changes, each 5 ms", IDLE, Asked.LOOKUPS_PACED);
      results.accept(p99(idle.due(), "-idle", "each 5 ms from due, with no changes"));
      LoadedPair.Result nothing =
          load.rounds("no changes, calls that do nothing", IDLE, Asked.NOTHING_PACED);
      // No floor of the row before: a client of its own, answered by a thread of its own.
      results.accept(
          nothing
              .due()
              .figure(name() + "-nothing-p99-idle", "ms each 5 ms from due, no changes", null));
    }
    bench.say(
        String.format(
            Locale.ROOT,
            "  CPU s: coordinators %.0f, etcd %.0f",
            group.cpuSeconds(),
            etcd.cpuSeconds()));
  }

  /** Whether the changes that were asked for were made while lookups were. */
  private Figure rate(LoadedPair.Result result, String suffix, double wanted) {
    return new Figure(
        name() + suffix,
        "updates/s, of those asked for",
        result.updates().values().median(),
        wanted,
        Goal.ratioAtLeast(0.95));
  }

  private Figure p99(Rounds rounds, String suffix, String how) {
    return rounds.figure(name() + "-lookup-p99" + suffix, "ms " + how, Goal.atMost(2));
  }

  private void killed(Bench bench, Consumer<Figure> results, CoordinatorGroup group)
      throws IOException, InterruptedException {
    Samples writes = new Samples();
    Samples failed = new Samples();
    Samples reads = new Samples();
    Samples linears = new Samples();
    for (int round = 0; round < Rounds.COUNT; round++) {
      try (ChildProcess watch =
          bench
              .children()
              .java(
                  "watch",
                  LoadedPair.JVM,
                  ReadWriteWatch.class,
                  List.of(
                      group.tls().toString(),
                      group.addresses(),
                      Integer.toString(WATCH_SECONDS)))) {
        watch.line(60);
        LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1));
        int leader = leader(group);
        group.kill(leader);
        String[] words = watch.line(WATCH_SECONDS + 30).split(" ", -1);
        watch.awaitSuccess(30);
        bench.say(
            "  c%d killed: %s ms without a write, %s without a read, %s without a linear one; %s reads"
                .formatted(leader, words[1], words[2], words[3], words[4]));
        writes.add(Double.parseDouble(words[1]) / 1e3);
        reads.add(Double.parseDouble(words[2]) / 1e3);
        linears.add(Double.parseDouble(words[3]) / 1e3);
        failed.add(Double.parseDouble(words[5]));
        group.restart(leader);
      }
    }
    bench.say("  writes resumed after " + writes + " s");
    results.accept(
        Figure.alone(
            name() + "-killed-writes",
            "s, worst of " + Rounds.COUNT,
            writes.max(),
            Goal.atMost(3)));
    results.accept(
        Figure.alone(
            name() + "-killed-lookup-gap",
            "s, worst of " + Rounds.COUNT,
            reads.max(),
            Goal.atMost(3)));
    results.accept(
        Figure.alone(
            name() + "-killed-linear-gap",
            "s, worst of " + Rounds.COUNT,
            linears.max(),
            Goal.atMost(3)));
    results.accept(
        Figure.alone(name() + "-killed-reads", "reads failed", failed.max(), Goal.atMost(0)));
  }

  private static int leader(CoordinatorGroup group) throws IOException {
    try (CoordinatorClient client =
        GrpcCoordinatorClient.connect(
            CoordinatorClientConfig.of(List.of(group.addresses().split(",", -1))),
            TlsFiles.read(
                group.tls().resolve("agent.key"),
                group.tls().resolve("agent.pem"),
                group.tls().resolve("ca.pem")))) {
      return Integer.parseInt(client.status().leaderId().substring(1));
    }
  }
}
