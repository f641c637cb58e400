package dev.larder.perf.measure;

import dev.larder.client.DownloadRequest;
import dev.larder.client.LarderClient.DownloadResult;
import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Measure;
import dev.larder.perf.Rounds;
import dev.larder.perf.Samples;
import dev.larder.perf.http.RawHttp;
import dev.larder.perf.process.PageCache;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** 5,000 cold files of 8 KiB through one client. */
public final class SmallFiles implements Measure {
  private static final int COUNT = 5000;
  private static final int BYTES = 8 << 10;

  @Override
  public String name() {
    return "small-5000";
  }

  @Override
  public String about() {
    return "5,000 cold files of 8 KiB: one client's download, and one by one; raw GETs one by one";
  }

  @Override
  public void run(Bench bench, Consumer<Figure> results) throws Exception {
    Path files = SampleFiles.small(bench, COUNT, BYTES);
    List<String> names = SampleFiles.names(COUNT);
    Samples serial = new Samples();
    try (Rig rig = Rig.start(bench, files, 0)) {
      rig.createDataset("warm-up");
      download(rig, "warm-up", bench.fresh("downloaded"));
      check(files, bench.work().resolve("downloaded"), names);
      Rounds rounds =
          Rounds.interleave(
              round -> {
                rig.createDataset("cold-" + round);
                Path target = bench.fresh("downloaded");
                PageCache.sync();
                return download(rig, "cold-" + round, target);
              },
              round -> readRaw(rig, "cold-" + round, names));
      for (int round = 0; round < 5; round++) {
        rig.createDataset("serial-" + round);
        PageCache.sync();
        serial.add(readSerially(rig, "serial-" + round, names));
      }
      bench.say("  download " + rounds + " s; one by one " + serial + " s");
      results.accept(rounds.figure(name(), "s", Goal.atMost(2.5)));
      results.accept(Figure.alone(name() + "-one-by-one", "s", serial.median(), null));
    }
  }

  private static double download(Rig rig, String dataset, Path target) throws IOException {
    long started = System.nanoTime();
    DownloadResult result = rig.client().download(DownloadRequest.of(dataset, "small", target));
    double seconds = (System.nanoTime() - started) / 1e9;
    if (result.bytes() != (long) COUNT * BYTES) {
      throw new IOException("downloaded " + result.bytes() + " bytes");
    }
    return seconds;
  }

  private static double readSerially(Rig rig, String dataset, List<String> names)
      throws IOException {
    byte[] buffer = new byte[BYTES];
    long started = System.nanoTime();
    for (String name : names) {
      try (InputStream in = rig.client().openStream(dataset, name)) {
        if (in.readNBytes(buffer, 0, BYTES) != BYTES) {
          throw new IOException(name + " is short");
        }
      }
    }
    return (System.nanoTime() - started) / 1e9;
  }

  private static double readRaw(Rig rig, String bucket, List<String> names) throws IOException {
    long started = System.nanoTime();
    try (RawHttp http = RawHttp.connect(rig.origin().address())) {
      for (String name : names) {
        http.get("/" + bucket + "/" + name, Map.of());
      }
    }
    return (System.nanoTime() - started) / 1e9;
  }

  private static void check(Path files, Path downloaded, List<String> names) throws IOException {
    for (String name : names) {
      if (Files.mismatch(files.resolve(name), downloaded.resolve(name)) >= 0) {
        throw new IOException(name + " was downloaded with other bytes");
      }
    }
  }
}
