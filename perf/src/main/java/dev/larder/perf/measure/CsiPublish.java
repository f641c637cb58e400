package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Measure;
import dev.larder.perf.Rounds;
import dev.larder.perf.Samples;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** Volumes of pods, published by the driver of a node over its Unix socket. */
public final class CsiPublish implements Measure {
  private static final int VOLUMES = 200;
  private static final int PODS = 100;
  private static final int WARM_ROUNDS = 25;
  private static final int FILES = 200;
  private static final double MIB = 1 << 20;

  @Override
  public String name() {
    return "csi-publish";
  }

  @Override
  public String about() {
    return "publish of a known dataset at 200 volumes, 100 pods at once, memory in a cgroup; root";
  }

  @Override
  public void run(Bench bench, Consumer<Figure> results) throws Exception {
    Path files = SampleFiles.small(bench, FILES, 4096);
    try (CsiRig rig = CsiRig.start(bench, files)) {
      Path[] targets = new Path[VOLUMES];
      for (int pod = 0; pod < VOLUMES; pod++) {
        targets[pod] = rig.target(pod);
      }
      // Uncounted: the compilers. Until some 5,000 publishes a tail is theirs.
      for (int i = 0; i < WARM_ROUNDS; i++) {
        again(rig, targets);
      }
      atVolumes(bench, results, rig, targets);
      atOnce(bench, results, rig, targets);
      publishAll(rig, targets);
      check(targets[VOLUMES - 1]);
      memory(bench, results, rig);
      unpublishAll(rig, targets);
    }
  }

  private static void publishAll(CsiRig rig, Path[] targets) {
    for (int pod = 0; pod < targets.length; pod++) {
      rig.publish(pod, targets[pod]);
    }
  }

  private static void unpublishAll(CsiRig rig, Path[] targets) {
    for (int pod = 0; pod < targets.length; pod++) {
      rig.unpublish(pod, targets[pod]);
    }
  }

  /** With all volumes there, each goes and comes again; sorted times of the publishes. */
  private static long[] again(CsiRig rig, Path[] targets) {
    publishAll(rig, targets);
    long[] nanos = new long[targets.length];
    for (int pod = 0; pod < targets.length; pod++) {
      rig.unpublish(pod, targets[pod]);
      nanos[pod] = rig.publish(pod, targets[pod]);
    }
    Arrays.sort(nanos);
    return nanos;
  }

  private void atVolumes(Bench bench, Consumer<Figure> results, CsiRig rig, Path[] targets)
      throws Exception {
    Samples medians = new Samples();
    Samples soon = new Samples();
    Rounds rounds =
        Rounds.interleave(
            round -> {
              double all = rig.published();
              double quick = rig.publishedSoon();
              long[] nanos = again(rig, targets);
              soon.add(100 * (rig.publishedSoon() - quick) / (rig.published() - all));
              medians.add(nanos[nanos.length / 2] / 1e6);
              return p99(nanos);
            },
            round -> p99(binds(bench)));
    unpublishAll(rig, targets);
    bench.say("  publish in ms: median " + medians + ", p99 " + rounds.values());
    bench.say("  mkdir and mount(8) --bind in ms: p99 " + rounds.baselines());
    bench.say("  of 100 in the driver, by its own clock, within 5 ms: " + soon);
    results.accept(rounds.figure(name() + "-p99", "ms", Goal.atMost(5)));
    results.accept(
        Figure.alone(name() + "-in-driver", "of 100 within 5 ms", soon.median(), Goal.atLeast(99)));
  }

  private static double p99(long[] sortedNanos) {
    return sortedNanos[(int) (0.99 * (sortedNanos.length - 1))] / 1e6;
  }

  /** What the same costs somebody with a shell: a directory and mount(8). */
  private static long[] binds(Bench bench) throws IOException, InterruptedException {
    Path home = bench.fresh("binds");
    Path from = Files.createDirectory(home.resolve("from"));
    long[] nanos = new long[VOLUMES];
    List<Path> made = new ArrayList<>();
    try {
      for (int i = 0; i < VOLUMES; i++) {
        Path at = home.resolve("at-" + i);
        long start = System.nanoTime();
        Files.createDirectory(at);
        command("mount", "--bind", from.toString(), at.toString());
        nanos[i] = System.nanoTime() - start;
        made.add(at);
      }
    } finally {
      for (Path at : made) {
        command("umount", at.toString());
      }
    }
    Arrays.sort(nanos);
    return nanos;
  }

  private static void command(String... words) throws IOException, InterruptedException {
    int status = new ProcessBuilder(words).inheritIO().start().waitFor();
    if (status != 0) {
      throw new IOException(String.join(" ", words) + " ended with status " + status);
    }
  }

  private void atOnce(Bench bench, Consumer<Figure> results, CsiRig rig, Path[] targets)
      throws Exception {
    Path[] some = Arrays.copyOf(targets, PODS);
    Samples seconds = new Samples();
    for (int round = 0; round < Rounds.COUNT; round++) {
      CountDownLatch go = new CountDownLatch(1);
      long start;
      try (ExecutorService pods = Executors.newVirtualThreadPerTaskExecutor()) {
        List<Future<?>> all = new ArrayList<>();
        for (int pod = 0; pod < PODS; pod++) {
          int number = pod;
          all.add(
              pods.submit(() -> {
                go.await();
                return rig.publish(number, some[number]);
              }));
        }
        start = System.nanoTime();
        go.countDown();
        for (Future<?> one : all) {
          one.get();
        }
      }
      seconds.add((System.nanoTime() - start) / 1e9);
      check(some[PODS - 1]);
      unpublishAll(rig, some);
    }
    bench.say("  100 pods at once " + seconds + " s");
    results.accept(Figure.alone(name() + "-100-pods", "s", seconds.median(), Goal.atMost(1)));
  }

  private void memory(Bench bench, Consumer<Figure> results, CsiRig rig) throws IOException {
    bench.say(
        "  agent %.0f MiB resident, %.0f of its cgroup not to be reclaimed; keeper %.0f, %.0f"
            .formatted(
                rig.agent().stat().rssBytes() / MIB,
                rig.agentCage().unreclaimableBytes() / MIB,
                rig.keeper().stat().rssBytes() / MIB,
                rig.keeperCage().unreclaimableBytes() / MIB));
    results.accept(
        Figure.alone(
            name() + "-agent-peak",
            "MiB of its cgroup",
            rig.agentCage().peakBytes() / MIB,
            Goal.atMost(CsiRig.AGENT_BYTES_MAX / MIB)));
    results.accept(
        Figure.alone(
            name() + "-keeper-peak",
            "MiB of its cgroup",
            rig.keeperCage().peakBytes() / MIB,
            Goal.atMost(CsiRig.KEEPER_BYTES_MAX / MIB)));
  }

  /** Reads what a pod would. */
  private static void check(Path target) throws IOException {
    long count = 0;
    long bytes = 0;
    try (Stream<Path> all = Files.walk(target)) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        count++;
        bytes += Files.readAllBytes(file).length;
      }
    }
    if (count != FILES || bytes != FILES * 4096L) {
      throw new IOException(target + " shows " + count + " files of " + bytes + " bytes");
    }
  }
}
