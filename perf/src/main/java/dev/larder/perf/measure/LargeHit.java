package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Measure;
import dev.larder.perf.Rounds;
import dev.larder.perf.http.RawHttp;
import dev.larder.perf.process.Nginx;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** A local hit over HTTP on one sealed blob of 1 GiB against nginx with sendfile. */
public final class LargeHit implements Measure {
  private static final long BYTES = 1L << 30;
  private static final int ROUNDS = 9;

  @Override
  public String name() {
    return "http-hit-1g";
  }

  @Override
  public String about() {
    return "a sealed 1 GiB blob over HTTP, one connection, against nginx with sendfile";
  }

  @Override
  public void run(Bench bench, Consumer<Figure> results) throws Exception {
    Path files = SampleFiles.large(bench, BYTES);
    try (Rig rig = Rig.start(bench, files, 0)) {
      rig.createDataset("hit");
      if (rig.checksum("hit", "large.bin") != SampleFiles.checksum(files.resolve("large.bin"))) {
        throw new IOException("the bytes through larder are not those of the file");
      }
      rig.settle("hit", "large.bin");
      Rounds.Sampler larder = round -> rig.read("hit", "large.bin").gigabytesPerSecond();
      // Uncounted: the first read after sealing, and the compilers.
      for (int i = 0; i < 3; i++) {
        larder.sample(i);
      }
      Optional<Nginx> started = Nginx.start(bench, files);
      if (started.isEmpty()) {
        Rounds alone = Rounds.interleave(ROUNDS, larder, round -> 1);
        results.accept(
            Figure.alone(name(), "GB/s", alone.values().median(), Goal.ratioAtLeast(0.95)));
        return;
      }
      try (Nginx nginx = started.get()) {
        Rounds.Sampler peer =
            round -> {
              try (RawHttp http = RawHttp.connect(nginx.address())) {
                return http.get("/large.bin", Map.of()).gigabytesPerSecond();
              }
            };
        peer.sample(0);
        Rounds rounds = Rounds.interleave(ROUNDS, larder, peer);
        bench.say("  " + rounds + " GB/s");
        results.accept(rounds.figure(name(), "GB/s", Goal.ratioAtLeast(0.95)));
      }
    }
  }
}
