package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Measure;
import dev.larder.perf.Rounds;
import dev.larder.perf.http.RequestLoad;
import dev.larder.perf.process.Nginx;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** Local hits over HTTP on 1,000 blobs of 4 KiB with 64 connections against nginx. */
public final class SmallHit implements Measure {
  private static final int COUNT = 1000;
  private static final int BYTES = 4096;
  private static final int CONNECTIONS = 64;

  @Override
  public String name() {
    return "http-hit-4k";
  }

  @Override
  public String about() {
    return "1,000 blobs of 4 KiB over 64 connections, requests/s, against nginx";
  }

  @Override
  public void run(Bench bench, Consumer<Figure> results) throws Exception {
    Path files = SampleFiles.small(bench, COUNT, BYTES);
    List<String> names = SampleFiles.names(COUNT);
    RequestLoad load = RequestLoad.find(bench, CONNECTIONS, bench.longForm() ? 15 : 4);
    try (Rig rig = Rig.start(bench, files, 0)) {
      rig.createDataset("hit");
      for (String name : names) {
        if (rig.checksum("hit", name) != SampleFiles.checksum(files.resolve(name))) {
          throw new IOException("the bytes of " + name + " through larder are not the file's");
        }
      }
      List<String> paths = names.stream().map(name -> "/datasets/hit/" + name).toList();
      Rounds.Sampler larder =
          round -> load.perSecond(rig.larder().address(), paths, rig.larder().headers());
      // Uncounted: the compilers.
      larder.sample(0);
      larder.sample(1);
      Optional<Nginx> started = Nginx.start(bench, files);
      Goal goal = Goal.ratioAtLeast(0.6);
      if (started.isEmpty()) {
        Rounds alone = Rounds.interleave(larder, round -> 1);
        results.accept(Figure.alone(name(), "requests/s", alone.values().median(), goal));
        return;
      }
      try (Nginx nginx = started.get()) {
        List<String> plain = names.stream().map(name -> "/" + name).toList();
        Rounds rounds =
            Rounds.interleave(larder, round -> load.perSecond(nginx.address(), plain, Map.of()));
        bench.say("  " + rounds + " requests/s");
        results.accept(rounds.figure(name(), "requests/s", goal));
      }
    }
  }
}
