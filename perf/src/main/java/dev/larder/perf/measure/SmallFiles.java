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
import dev.larder.perf.process.ProcStat;
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
  private static final int WARM_UPS = 3;
  private static final String[] CPU_OF = {"larder", "the client", "the origin"};

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
    List<Samples> used = List.of(new Samples(), new Samples(), new Samples());
    Path downloads = target(bench);
    try (Rig rig = Rig.start(bench, files, 0)) {
      // Uncounted: the compilers, which have some hundred methods of this path to get through.
      for (int i = 0; i < WARM_UPS; i++) {
        rig.createDataset("warm-up-" + i);
        download(rig, "warm-up-" + i, downloads.resolve("warm-up-" + i));
        check(files, downloads.resolve("warm-up-" + i), names);
      }
      PageCache.occupy(bench);
      Rounds rounds =
          Rounds.interleave(
              round -> {
                rig.createDataset("cold-" + round);
                PageCache.sync();
                double[] before = cpu(rig);
                double took = download(rig, "cold-" + round, downloads.resolve("cold-" + round));
                double[] after = cpu(rig);
                for (int i = 0; i < CPU_OF.length; i++) {
                  used.get(i).add(after[i] - before[i]);
                }
                return took;
              },
              round -> readRaw(rig, "cold-" + round, names));
      for (int round = 0; round < 5; round++) {
        rig.createDataset("serial-" + round);
        PageCache.sync();
        serial.add(readSerially(rig, "serial-" + round, names));
      }
      bench.say("  download " + rounds + " s; one by one " + serial + " s");
      double all = 0;
      for (int i = 0; i < CPU_OF.length; i++) {
        bench.say("  CPU of a download, " + CPU_OF[i] + ": " + used.get(i) + " s");
        all += used.get(i).median();
      }
      results.accept(rounds.figure(name(), "s", Goal.atMost(2.5)));
      results.accept(Figure.alone(name() + "-one-by-one", "s", serial.median(), null));
      results.accept(Figure.alone(name() + "-cpu", "CPU s", all, null));
    } finally {
      Bench.delete(downloads);
    }
  }

  /**
   * Into memory where that is possible, as what creating a file on disk costs is no property of the
   * cache: ext4 searches past inodes freed a while ago, and after another measure's deletions that
   * was three quarters of what the client spent.
   */
  private static Path target(Bench bench) throws IOException {
    Path memory = Path.of("/dev/shm");
    if (Files.isDirectory(memory) && Files.isWritable(memory)) {
      return Files.createTempDirectory(memory, "larder-perf");
    }
    bench.say("  no /dev/shm: what creating files costs is in the figures");
    return bench.fresh("downloads");
  }

  private static double[] cpu(Rig rig) throws IOException {
    return new double[] {
      rig.larder().process().stat().cpuSeconds(),
      ProcStat.of(ProcessHandle.current().pid()).cpuSeconds(),
      rig.origin().process().stat().cpuSeconds()
    };
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
