package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Measure;
import dev.larder.perf.Rounds;
import dev.larder.perf.origin.OriginProcess;
import dev.larder.perf.process.ChildProcess;
import dev.larder.perf.process.Namespaces;
import dev.larder.perf.process.PageCache;
import dev.larder.perf.worker.BarrierReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * A cold object of one agent from another that has it: checked and stored as it comes, by a warm-up
 * and for a reader that takes it in file order.
 */
public final class PeerLink implements Measure {
  private static final long BYTES = 1L << 30;
  private static final long BITS_PER_SECOND = 2_000_000_000L;
  private static final long READ_SECONDS_MAX = 120;
  private static final int WARM_UPS = 2;
  private static final int HOLDER = 0;
  private static final int READER = 1;

  @Override
  public String name() {
    return "peer-link";
  }

  @Override
  public String about() {
    return "1 GiB from peer to peer, checked and stored, links of 2 Gbit/s in namespaces; root";
  }

  @Override
  public void run(Bench bench, Consumer<Figure> results) throws Exception {
    Path files = SampleFiles.large(bench, BYTES);
    measure(bench, results, files, "", "");
    measure(bench, results, files, "-plain", "peer.tls: off");
  }

  private void measure(
      Bench bench, Consumer<Figure> results, Path files, String suffix, String setting)
      throws Exception {
    long checksum = SampleFiles.checksum(files.resolve("large.bin"));
    Namespaces net =
        Namespaces.create(bench, 2, BITS_PER_SECOND)
            .orElseThrow(() -> new IOException("there are no network namespaces"));
    try (net;
        OriginProcess origin =
            OriginProcess.start(bench, files, 0, Namespaces.hubAddress(), net.atHub());
        ClusterRig rig =
            ClusterRig.start(
                bench,
                new ClusterRig.Host(Namespaces.hubAddress(), net.atHub()),
                IntStream.range(0, 2)
                    .mapToObj(i -> new ClusterRig.Host(Namespaces.address(i), net.behind(i)))
                    .toList(),
                "store.disk-max: 3GiB\n" + setting)) {
      Pair pair = new Pair(bench, net, origin, rig, checksum);
      // Uncounted: connections, and the compilers, which at this rate take a core for some seconds.
      for (int round = 0; round < WARM_UPS; round++) {
        pair.read("link" + suffix + "-first-" + round);
        pair.warm("link" + suffix + "-second-" + round);
      }
      raw(net, origin);
      Rounds warmed =
          Rounds.interleave(
              round -> pair.warm("link" + suffix + "-warm-" + round), round -> raw(net, origin));
      bench.say("  into the store " + warmed + " GB/s");
      results.accept(warmed.figure(name() + suffix, "GB/s", Goal.ratioAtLeast(0.95)));
      Rounds read =
          Rounds.interleave(
              round -> pair.read("link" + suffix + "-read-" + round), round -> raw(net, origin));
      bench.say("  to a reader in file order " + read + " GB/s");
      results.accept(read.figure(name() + suffix + "-reader", "GB/s", Goal.ratioAtLeast(0.95)));
    }
  }

  /**
   * What the reader's link itself carries: the same bytes from the bridge over plain HTTP, thrown
   * away; GB/s.
   */
  private static double raw(Namespaces net, OriginProcess origin)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(net.behind(READER));
    command.addAll(List.of("curl", "-sS", "--fail", "-o", "/dev/null", "-w"));
    command.addAll(List.of("%{size_download} %{time_total}", origin.url() + "/raw/large.bin"));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    String[] words = text.strip().split(" ", -1);
    if (process.waitFor() != 0 || Long.parseLong(words[0]) != BYTES) {
      throw new IOException("curl over the link: " + text);
    }
    return BYTES / 1e9 / Double.parseDouble(words[1]);
  }

  private record Pair(
      Bench bench, Namespaces net, OriginProcess origin, ClusterRig rig, long checksum) {

    /** Has one agent fetch a new object, then a reader take it from the other; GB/s of that. */
    double read(String dataset) throws IOException, InterruptedException {
      create(dataset);
      double seconds = read(dataset, READER);
      return rate(dataset, seconds);
    }

    /**
     * Has one agent fetch a new object, then the other all of it into its store, which is read
     * after that; GB/s by the job's own times.
     */
    double warm(String dataset) throws IOException, InterruptedException {
      create(dataset);
      String job = rig.run(READER, "warm", dataset, "-o", "json");
      double seconds =
          Duration.between(
                      Instant.parse(ClusterRig.field(job, "startedAt")),
                      Instant.parse(ClusterRig.field(job, "endedAt")))
                  .toNanos()
              / 1e9;
      double unused = read(dataset, READER);
      return rate(dataset, seconds);
    }

    private void create(String dataset) throws IOException, InterruptedException {
      rig.run(
          HOLDER,
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
      double unused = read(dataset, HOLDER);
      // The list of files is there before: the transfer is measured, not how a dataset is opened.
      rig.run(READER, "ls", dataset);
      PageCache.sync();
    }

    private double rate(String dataset, double seconds) throws IOException, InterruptedException {
      PageCache.sync();
      long fromOrigin = origin.bytesSent("/" + dataset + "/");
      if (fromOrigin != BYTES) {
        throw new IOException(dataset + ": the origin sent " + fromOrigin + " bytes");
      }
      return BYTES / 1e9 / seconds;
    }

    private double read(String dataset, int node) throws IOException, InterruptedException {
      Path go = bench.work().resolve("go");
      Files.deleteIfExists(go);
      try (ChildProcess reader =
          bench
              .children()
              .java(
                  "reader",
                  net.behind(node),
                  List.of("-Xmx64m", "-XX:+UseSerialGC"),
                  BarrierReader.class,
                  List.of(
                      rig.readyFile(node).toString(),
                      "/datasets/" + dataset + "/large.bin",
                      go.toString()))) {
        reader.line(60);
        Path next = bench.work().resolve("go.next");
        Files.writeString(next, Long.toString(System.currentTimeMillis()));
        Files.move(next, go, StandardCopyOption.ATOMIC_MOVE);
        String[] words = reader.line(READ_SECONDS_MAX).split(" ", -1);
        if (Long.parseLong(words[3]) != BYTES || Long.parseLong(words[4]) != checksum) {
          throw new IOException(dataset + ": a reader got other bytes than the file's");
        }
        return Double.parseDouble(words[2]);
      }
    }
  }
}
