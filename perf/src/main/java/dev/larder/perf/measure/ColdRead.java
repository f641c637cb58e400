package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Measure;
import dev.larder.perf.Rounds;
import dev.larder.perf.Samples;
import dev.larder.perf.http.RawHttp.Transfer;
import dev.larder.perf.process.PageCache;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Consumer;

/** A cold read through, against a raw GET of the same object. */
public final class ColdRead implements Measure {
  /** Cold opens before the first that counts. */
  private static final int OPENS_BEFORE = 300;

  private final String name;
  private final long sizeBytes;
  private final long bytesPerSecond;
  private final double goal;

  private ColdRead(String name, long sizeBytes, long bytesPerSecond, double goal) {
    this.name = name;
    this.sizeBytes = sizeBytes;
    this.bytesPerSecond = bytesPerSecond;
    this.goal = goal;
  }

  /** Origin held to 200 MB/s. */
  public static Measure limited() {
    return new ColdRead("cold-200", 512L << 20, 200_000_000, 0.95);
  }

  /** Origin as fast as it goes. */
  public static Measure unlimited() {
    return new ColdRead("cold-unlimited", 1L << 30, 0, 0.5);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String about() {
    return bytesPerSecond == 0
        ? "cold read through of 1 GiB against a raw GET; CPU seconds per GB"
        : "cold read through of 512 MiB, origin at 200 MB/s, against a raw GET; first byte";
  }

  @Override
  public void run(Bench bench, Consumer<Figure> results) throws Exception {
    Path files = bench.work().resolve("files-" + name);
    SampleFiles.link(
        SampleFiles.small(bench, OPENS_BEFORE, 160 << 10).resolve("small"), files.resolve("small"));
    SampleFiles.link(SampleFiles.large(bench, sizeBytes), files);
    long expected = SampleFiles.checksum(files.resolve("large.bin"));
    Samples firstBytes = new Samples();
    Samples firstBytesRaw = new Samples();
    Samples cpu = new Samples();
    try (Rig rig = Rig.start(bench, files, bytesPerSecond)) {
      // Uncounted: the compilers, and the proof that the bytes are right.
      rig.createDataset("warm-up");
      if (rig.checksum("warm-up", "large.bin") != expected) {
        throw new IOException("the bytes through larder are not those of the file");
      }
      rig.settle("warm-up", "large.bin");
      // An agent serves for weeks: opens that its compilers never saw are not what a reader meets.
      for (String each : SampleFiles.names(OPENS_BEFORE)) {
        rig.read("warm-up", each);
      }
      Rounds rounds =
          Rounds.interleave(
              round -> {
                String dataset = "cold-" + round;
                rig.createDataset(dataset);
                PageCache.occupy(bench);
                double before = rig.larder().process().stat().cpuSeconds();
                Transfer transfer = rig.read(dataset, "large.bin");
                rig.settle(dataset, "large.bin");
                cpu.add((rig.larder().process().stat().cpuSeconds() - before) / (sizeBytes / 1e9));
                firstBytes.add(transfer.firstByteNanos() / 1e6);
                return transfer.gigabytesPerSecond();
              },
              round -> {
                Transfer transfer = rig.readRaw("cold-" + round, "large.bin");
                firstBytesRaw.add(transfer.firstByteNanos() / 1e6);
                return transfer.gigabytesPerSecond();
              });
      bench.say("  " + rounds + " GB/s");
      bench.say("  first byte " + firstBytes + " against " + firstBytesRaw + " ms");
      bench.say("  CPU " + cpu + " s/GB");
      results.accept(rounds.figure(name, "GB/s", Goal.ratioAtLeast(goal)));
      if (bytesPerSecond > 0) {
        results.accept(
            Figure.alone(
                name + "-first-byte-later",
                "ms",
                firstBytes.median() - firstBytesRaw.median(),
                Goal.atMost(5)));
      } else {
        results.accept(Figure.alone(name + "-cpu", "CPU s/GB", cpu.median(), null));
      }
    }
  }
}
