package dev.larder.perf.measure;

import dev.larder.client.LarderClient;
import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Measure;
import dev.larder.perf.Rounds;
import dev.larder.perf.http.CurlLoad;
import dev.larder.perf.http.RawHttp;
import dev.larder.perf.origin.OriginProcess;
import dev.larder.perf.process.Nginx;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/** One agent's peer door: a sealed blob of 1 GiB to one client, plain and with TLS. */
public final class PeerServe implements Measure {
  private static final long BYTES = 1L << 30;
  private static final int ROUNDS = 9;
  private static final long SEAL_NANOS_MAX = 120_000_000_000L;

  @Override
  public String name() {
    return "peer-serve";
  }

  @Override
  public String about() {
    return "a sealed 1 GiB blob from the peer door to one client, against nginx: plain and TLS 1.3";
  }

  @Override
  public void run(Bench bench, Consumer<Figure> results) throws Exception {
    Path files = SampleFiles.large(bench, BYTES);
    try (ClusterRig rig =
        ClusterRig.start(
            bench, ClusterRig.Host.HERE, List.of(ClusterRig.Host.HERE), "peer.tls: off")) {
      String target = "/peer/v1/blobs/" + sealed(bench, rig, files);
      String[] door = rig.peerDoor(0).split(":", -1);
      InetSocketAddress address = new InetSocketAddress(door[0], Integer.parseInt(door[1]));
      Map<String, String> range = Map.of("Range", "bytes=0-" + (BYTES - 1));
      Rounds.Sampler larder =
          round -> {
            try (RawHttp http = RawHttp.connect(address)) {
              return http.get(target, range).gigabytesPerSecond();
            }
          };
      try (Nginx nginx = nginx(Nginx.start(bench, files))) {
        Rounds.Sampler peer =
            round -> {
              try (RawHttp http = RawHttp.connect(nginx.address())) {
                return http.get("/large.bin", Map.of()).gigabytesPerSecond();
              }
            };
        report(bench, results, "-plain", larder, peer, 0.95);
      }
    }
    Optional<Path> curl = Bench.program("curl");
    if (curl.isEmpty()) {
      throw new IOException("curl is not installed (Debian: apt-get install curl)");
    }
    try (ClusterRig rig =
        ClusterRig.start(bench, ClusterRig.Host.HERE, List.of(ClusterRig.Host.HERE), "")) {
      String url = "https://" + rig.peerDoor(0) + "/peer/v1/blobs/" + sealed(bench, rig, files);
      CurlLoad client = new CurlLoad(curl.get(), rig.tls());
      try (Nginx nginx = nginx(Nginx.startTls(bench, files, rig.tls()))) {
        String plainUrl = "https://127.0.0.1:" + nginx.address().getPort() + "/large.bin";
        report(
            bench,
            results,
            "-tls",
            round -> client.gigabytesPerSecond(url, BYTES),
            round -> client.gigabytesPerSecond(plainUrl, BYTES),
            0.9);
      }
    }
  }

  private void report(
      Bench bench,
      Consumer<Figure> results,
      String suffix,
      Rounds.Sampler larder,
      Rounds.Sampler nginx,
      double goal)
      throws Exception {
    // Uncounted: the first read after sealing, and the compilers.
    for (int i = 0; i < 3; i++) {
      larder.sample(i);
      nginx.sample(i);
    }
    Rounds rounds = Rounds.interleave(ROUNDS, larder, nginx);
    bench.say("  " + name() + suffix + " " + rounds + " GB/s");
    results.accept(rounds.figure(name() + suffix, "GB/s", Goal.ratioAtLeast(goal)));
  }

  private static Nginx nginx(Optional<Nginx> started) throws IOException {
    return started.orElseThrow(() -> new IOException("there is no nginx to compare with"));
  }

  /** Has the agent fetch and seal the blob; its key. */
  private static String sealed(Bench bench, ClusterRig rig, Path files) throws Exception {
    try (OriginProcess origin = OriginProcess.start(bench, files, 0);
        LarderClient client = rig.client(0)) {
      client
          .control()
          .create(
              "served",
              "s3://served/",
              Map.of(
                  "endpoint", origin.url(),
                  "region", "us-east-1",
                  "path-style", "true",
                  "credentials", "anonymous"),
              (objects, bytes) -> {});
      rig.run(0, "warm", "served");
      long deadline = System.nanoTime() + SEAL_NANOS_MAX;
      String stat = client.control().statJson("served", "large.bin");
      while (!stat.replace(" ", "").contains("\"state\":\"sealed\"")) {
        if (System.nanoTime() > deadline) {
          throw new IOException("the blob was not sealed: " + stat);
        }
        LockSupport.parkNanos(50_000_000);
        stat = client.control().statJson("served", "large.bin");
      }
      return ClusterRig.field(stat, "key");
    }
  }
}
