package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Measure;
import dev.larder.perf.Rounds;
import dev.larder.perf.Samples;
import dev.larder.perf.origin.OriginProcess;
import dev.larder.perf.process.ChildProcess;
import dev.larder.perf.process.MachineCpu;
import dev.larder.perf.process.Namespaces;
import dev.larder.perf.process.PageCache;
import dev.larder.perf.sim.Network;
import dev.larder.perf.sim.Simulation;
import dev.larder.perf.worker.BarrierReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/** Four agents behind links of their own that read one cold object at the same moment. */
public final class PeerFour implements Measure {
  private static final int AGENTS = 4;
  private static final long BYTES = 1L << 30;

  /**
   * What two cores carry for four agents with TLS and SHA-256, their readers, the origin and the
   * kernel's links: an agent alone takes about 13 CPU seconds a GiB here. At 500 Mbit/s the cores
   * are full before the links are.
   */
  private static final long BITS_PER_SECOND = 250_000_000L;

  /** Of what a link carries, headers of Ethernet, IP and TCP taken off. */
  private static final double PAYLOAD = 1448.0 / 1514;

  private static final long BARRIER_MILLIS_MAX = 50;
  private static final long READ_SECONDS_MAX = 300;
  private static final long SEED = 7450;
  private static final int ROUNDS_SIMULATED = 15;

  @Override
  public String name() {
    return "peer-four";
  }

  @Override
  public String about() {
    return "four agents in namespaces with links of 250 Mbit/s, one cold 1 GiB object at once;"
        + " root";
  }

  @Override
  public void run(Bench bench, Consumer<Figure> results) throws Exception {
    Optional<Namespaces> made = Namespaces.create(bench, AGENTS, BITS_PER_SECOND);
    if (made.isEmpty()) {
      throw new IOException("there are no network namespaces to put agents into");
    }
    Path files = SampleFiles.large(bench, BYTES);
    long checksum = SampleFiles.checksum(files.resolve("large.bin"));
    try (Namespaces net = made.get();
        OriginProcess origin =
            OriginProcess.start(bench, files, 0, Namespaces.hubAddress(), net.atHub());
        ClusterRig rig =
            ClusterRig.start(
                bench,
                new ClusterRig.Host(Namespaces.hubAddress(), net.atHub()),
                IntStream.range(0, AGENTS)
                    .mapToObj(i -> new ClusterRig.Host(Namespaces.address(i), net.behind(i)))
                    .toList(),
                "store.disk-max: 3GiB")) {
      Round reads = new Round(bench, net, origin, rig, checksum);
      // Uncounted: connections and compilers.
      reads.read("warm-up", AGENTS);
      PageCache.sync();
      Samples fromOrigin = new Samples();
      Samples cpu = new Samples();
      Rounds rounds =
          Rounds.interleave(
              round -> {
                PageCache.occupy(bench);
                MachineCpu before = MachineCpu.now();
                double seconds = reads.read("four-" + round, AGENTS);
                cpu.add(MachineCpu.now().busySeconds() - before.busySeconds());
                fromOrigin.add(origin.bytesSent("/four-" + round + "/") / (double) BYTES);
                PageCache.sync();
                return seconds;
              },
              round -> {
                PageCache.occupy(bench);
                double seconds = reads.read("one-" + round, 1);
                PageCache.sync();
                return seconds;
              });
      bench.say("  " + rounds + " s; origin " + fromOrigin + " bytes a byte");
      results.accept(rounds.figure(name(), "s", Goal.ratioAtMost(1.3)));
      results.accept(
          Figure.alone(
              name() + "-origin", "origin bytes/byte", fromOrigin.max(), Goal.atMost(1.0)));
      predict(bench, results, rounds.values().median(), cpu);
    }
  }

  /**
   * The same in the simulation. Its links are as tc shapes them, and all nodes together take in
   * what this machine's cores can: by the CPU seconds, not the time, that the machine spent on the
   * real ones. So what is predicted is the order in which links and cores are busy.
   */
  private void predict(Bench bench, Consumer<Figure> results, double real, Samples cpu) {
    double linkRate = BITS_PER_SECOND / 8.0 * PAYLOAD;
    double cores = Runtime.getRuntime().availableProcessors();
    double sharedRate = cores * AGENTS * BYTES / cpu.median();
    Samples predicted = new Samples();
    for (int round = 0; round < ROUNDS_SIMULATED; round++) {
      Network network = Network.small(AGENTS, BYTES, linkRate, sharedRate);
      predicted.add(Simulation.run(network, SEED + round).lastSeconds());
    }
    bench.say(
        "  the four took "
            + cpu
            + " CPU s, so the cores can take in %.0f MB/s, the four links %.0f MB/s"
                .formatted(sharedRate / 1e6, AGENTS * linkRate / 1e6));
    bench.say("  simulated: all done after " + predicted + " s");
    results.accept(
        new Figure(name() + "-simulated", "s", predicted.median(), real, Goal.ratioAtLeast(0.8)));
    results.accept(
        new Figure(
            name() + "-simulated-most", "s", predicted.median(), real, Goal.ratioAtMost(1.2)));
  }

  /** One object, cold everywhere, read by some agents at once. */
  private record Round(
      Bench bench, Namespaces net, OriginProcess origin, ClusterRig rig, long checksum) {

    /** Seconds from the first start to the last end. */
    double read(String dataset, int agents) throws IOException, InterruptedException {
      rig.run(
          0,
          "dataset",
          "create",
          dataset,
          "s3://" + dataset + "/",
          "--endpoint",
          origin.url(),
          "--region",
          "us-east-1",
          "--path-style",
          "--anonymous");
      Path go = bench.work().resolve("go");
      Files.deleteIfExists(go);
      List<ChildProcess> readers = new ArrayList<>();
      try {
        for (int node = 0; node < agents; node++) {
          readers.add(
              bench
                  .children()
                  .java(
                      "reader",
                      net.behind(node),
                      List.of("-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
                      BarrierReader.class,
                      List.of(
                          rig.readyFile(node).toString(),
                          "/datasets/" + dataset + "/large.bin",
                          go.toString())));
        }
        for (ChildProcess reader : readers) {
          reader.line(60);
        }
        Path next = bench.work().resolve("go.next");
        Files.writeString(next, Long.toString(System.currentTimeMillis() + 300));
        Files.move(next, go, StandardCopyOption.ATOMIC_MOVE);
        return seconds(dataset, readers);
      } finally {
        readers.forEach(ChildProcess::close);
      }
    }

    private double seconds(String dataset, List<ChildProcess> readers)
        throws IOException, InterruptedException {
      List<Long> starts = new ArrayList<>();
      double end = 0;
      for (ChildProcess reader : readers) {
        String[] words = reader.line(READ_SECONDS_MAX).split(" ", -1);
        if (Long.parseLong(words[3]) != BYTES || Long.parseLong(words[4]) != checksum) {
          throw new IOException(dataset + ": a reader got other bytes than the file's");
        }
        starts.add(Long.parseLong(words[1]));
        end = Math.max(end, Long.parseLong(words[1]) / 1e3 + Double.parseDouble(words[2]));
      }
      long first = starts.stream().min(Comparator.naturalOrder()).orElseThrow();
      long spread = starts.stream().max(Comparator.naturalOrder()).orElseThrow() - first;
      double seconds = end - first / 1e3;
      bench.say("  %s: %.2f s, begun within %d ms".formatted(dataset, seconds, spread));
      if (spread > BARRIER_MILLIS_MAX) {
        throw new IOException("the readers began " + spread + " ms apart");
      }
      return seconds;
    }
  }
}
