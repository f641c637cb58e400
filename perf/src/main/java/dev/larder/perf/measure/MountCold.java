package dev.larder.perf.measure;

import dev.larder.client.DownloadRequest;
import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Rounds;
import dev.larder.perf.Samples;
import dev.larder.perf.measure.FileReads.Timed;
import dev.larder.perf.process.PageCache;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * A cold file read through a mount, against {@code larder get} of the same object: the client's
 * download without the start of the command. The first byte is compared with the front door's own,
 * which no download can be ahead of.
 */
public final class MountCold extends MountMeasure {
  private static final int OPENS_BEFORE = 300;
  private static final long BYTES = 512L << 20;
  private static final long LIMIT = 200_000_000;

  public MountCold() {
    super(
        "mount-cold",
        "cold 512 MiB through a mount against larder get, origin at 200 MB/s and as fast as it is");
  }

  @Override
  void measure(Bench bench, Consumer<Figure> results) throws Exception {
    Path files = bench.work().resolve("files-" + name());
    SampleFiles.link(
        SampleFiles.small(bench, OPENS_BEFORE, 160 << 10).resolve("small"), files.resolve("small"));
    SampleFiles.link(SampleFiles.large(bench, BYTES), files);
    try (MountRig mounts = MountRig.start(bench, files, LIMIT)) {
      compare(bench, results, mounts, files, name(), true);
    }
    try (MountRig mounts = MountRig.start(bench, files, 0)) {
      compare(bench, results, mounts, files, name() + "-unlimited", false);
    }
  }

  private static void compare(
      Bench bench,
      Consumer<Figure> results,
      MountRig mounts,
      Path files,
      String name,
      boolean hasFirstByte)
      throws Exception {
    Rig rig = mounts.rig();
    warmUp(bench, mounts, SampleFiles.checksum(files.resolve("large.bin")));
    Samples firstBytes = new Samples();
    Samples firstBytesGet = new Samples();
    Rounds rounds =
        Rounds.interleave(
            round -> {
              Timed timed = mounted(bench, mounts, "mounted-" + round);
              firstBytes.add(timed.firstByteMillis());
              return timed.gigabytesPerSecond();
            },
            round -> {
              if (hasFirstByte) {
                String dataset = "first-" + round;
                rig.createDataset(dataset);
                firstBytesGet.add(rig.read(dataset, "large.bin").firstByteNanos() / 1e6);
                rig.settle(dataset, "large.bin");
              }
              return got(bench, rig, "got-" + round);
            });
    bench.say("  " + name + " " + rounds + " GB/s");
    results.accept(rounds.figure(name, "GB/s", Goal.ratioAtLeast(0.9)));
    if (hasFirstByte) {
      bench.say("  first byte " + firstBytes + " against " + firstBytesGet + " ms");
      results.accept(
          Figure.alone(
              name + "-first-byte-later",
              "ms",
              firstBytes.median() - firstBytesGet.median(),
              Goal.atMost(5)));
    }
  }

  /** Uncounted: the compilers of both ways, and the proof that the bytes are right. */
  private static void warmUp(Bench bench, MountRig mounts, long expected) throws Exception {
    Rig rig = mounts.rig();
    rig.createDataset("warm-up");
    Path target = mounts.mount("warm-up");
    if (SampleFiles.checksum(target.resolve("large.bin")) != expected) {
      throw new IOException("the bytes through the mount are not those of the file");
    }
    for (String each : SampleFiles.names(OPENS_BEFORE)) {
      FileReads.sequential(target.resolve(each));
    }
    mounts.unmount(target);
    got(bench, rig, "warm-up-got");
    rig.createDataset("warm-up-first");
    for (String each : SampleFiles.names(OPENS_BEFORE)) {
      rig.read("warm-up-first", each);
    }
  }

  private static Timed mounted(Bench bench, MountRig mounts, String dataset) throws Exception {
    mounts.rig().createDataset(dataset);
    Path target = mounts.mount(dataset);
    PageCache.occupy(bench);
    Timed timed = FileReads.timed(target.resolve("large.bin"));
    mounts.rig().settle(dataset, "large.bin");
    mounts.unmount(target);
    return timed;
  }

  private static double got(Bench bench, Rig rig, String dataset) throws Exception {
    rig.createDataset(dataset);
    Path target = bench.fresh("got");
    PageCache.occupy(bench);
    long started = System.nanoTime();
    rig.client().download(DownloadRequest.of(dataset, "large.bin", target));
    double gigabytesPerSecond = BYTES / (double) (System.nanoTime() - started);
    rig.settle(dataset, "large.bin");
    return gigabytesPerSecond;
  }
}
