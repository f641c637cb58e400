package dev.larder.perf.measure;

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
import dev.larder.perf.process.ChildProcess;
import dev.larder.perf.process.Etcd;
import dev.larder.perf.worker.ReadWriteWatch;
import dev.larder.perf.worker.UpdateLoad;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/** Three coordinators beside three members of etcd, and what a killed leader costs. */
public final class CoordinatorEtcd implements Measure {
  private static final int WRITERS = 64;
  private static final int ROUND_SECONDS = 6;
  private static final int WATCH_SECONDS = 8;
  private static final List<String> JVM = List.of("-Xmx256m", "-XX:+UseSerialGC");

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
    Samples updates = new Samples();
    Samples lookups = new Samples();
    Samples peerUpdates = new Samples();
    Samples peerLookups = new Samples();
    Samples halfRates = new Samples();
    Samples halfLookups = new Samples();
    Samples peerHalfLookups = new Samples();
    Samples tenthLookups = new Samples();
    Samples peerTenthLookups = new Samples();
    try (ChildProcess load =
        bench
            .children()
            .java(
                "updates",
                JVM,
                UpdateLoad.class,
                List.of(
                    group.tls().toString(),
                    group.addresses(),
                    String.join(",", etcd.addresses()),
                    Integer.toString(WRITERS),
                    Integer.toString(ROUND_SECONDS),
                    Integer.toString(Rounds.COUNT)))) {
      for (int line = 0; line < 2 * (3 * Rounds.COUNT + 1); line++) {
        String text = load.line(180);
        String[] words = text.split(" ", -1);
        bench.say("  %s updates/s %s ms, p99 %s; lookup %s ms, p99 %s".formatted(round(words)));
        if (line < 2) {
          // The compilers' round.
          continue;
        }
        double rate = Double.parseDouble(words[1]);
        double lookup = Double.parseDouble(words[5]);
        switch (words[0]) {
          case "larder" -> {
            updates.add(rate);
            lookups.add(lookup);
          }
          case "etcd" -> {
            peerUpdates.add(rate);
            peerLookups.add(lookup);
          }
          case "larder-half" -> {
            halfRates.add(rate);
            halfLookups.add(lookup);
          }
          case "etcd-half" -> peerHalfLookups.add(lookup);
          case "larder-tenth" -> tenthLookups.add(lookup);
          case "etcd-tenth" -> peerTenthLookups.add(lookup);
          default -> throw new IOException("the load said " + text);
        }
      }
      load.awaitSuccess(30);
    }
    bench.say(
        "  CPU s: coordinators %.0f, etcd %.0f".formatted(group.cpuSeconds(), etcd.cpuSeconds()));
    results.accept(
        new Rounds(updates, peerUpdates).figure(name(), "updates/s", Goal.ratioAtLeast(0.5)));
    results.accept(
        new Rounds(lookups, peerLookups)
            .figure(name() + "-lookup-p99-full", "ms with as many as go", Goal.atMost(2)));
    results.accept(
        new Figure(
            name() + "-half",
            "updates/s, half of etcd's",
            halfRates.median(),
            peerUpdates.median() / 2,
            Goal.ratioAtLeast(0.95)));
    results.accept(
        new Rounds(halfLookups, peerHalfLookups)
            .figure(name() + "-lookup-p99", "ms at half of etcd's updates", Goal.atMost(2)));
    results.accept(
        new Rounds(tenthLookups, peerTenthLookups)
            .figure(
                name() + "-lookup-p99-tenth", "ms at a tenth of etcd's updates", Goal.atMost(2)));
  }

  private static Object[] round(String[] words) {
    Object[] shown = new Object[words.length - 1];
    shown[0] = words[0] + " %.0f".formatted(Double.parseDouble(words[1]));
    for (int i = 2; i < words.length; i++) {
      shown[i - 1] = "%.2f".formatted(Double.parseDouble(words[i]));
    }
    return shown;
  }

  private void killed(Bench bench, Consumer<Figure> results, CoordinatorGroup group)
      throws IOException, InterruptedException {
    Samples writes = new Samples();
    Samples failed = new Samples();
    for (int round = 0; round < Rounds.COUNT; round++) {
      try (ChildProcess watch =
          bench
              .children()
              .java(
                  "watch",
                  JVM,
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
        failed.add(Double.parseDouble(words[5]));
        group.restart(leader);
      }
    }
    bench.say("  writes resumed after " + writes + " s");
    results.accept(
        Figure.alone(name() + "-killed-writes", "s, worst of 5", writes.max(), Goal.atMost(3)));
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
