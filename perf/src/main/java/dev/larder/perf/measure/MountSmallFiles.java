package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Rounds;
import dev.larder.perf.Samples;
import dev.larder.perf.process.FileCache;
import dev.larder.perf.process.PageCache;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/** 5,000 files of 8 KiB through a mount: from the origin, from the store, packed; and native. */
public final class MountSmallFiles extends MountMeasure {
  private static final int COUNT = 5000;
  private static final int BYTES = 8 << 10;

  public MountSmallFiles() {
    super(
        "mount-small-5000",
        "5,000 files of 8 KiB through a mount: cold, from the store, packed; against plain files");
  }

  @Override
  void measure(Bench bench, Consumer<Figure> results) throws Exception {
    Path plain = SampleFiles.small(bench, COUNT, BYTES);
    List<String> names = SampleFiles.names(COUNT);
    // Not packed by itself: first what FUSE does is measured.
    try (MountRig mounts = MountRig.start(bench, plain, 0, "mount.pack-files-max=0")) {
      Samples cold = new Samples();
      Samples stored = new Samples();
      Path target = plain;
      for (int round = 0; round <= Rounds.COUNT; round++) {
        String dataset = "cold-" + round;
        mounts.rig().createDataset(dataset);
        PageCache.sync();
        target = mounts.mount(dataset);
        double coldSeconds = FileReads.small(target, names, BYTES);
        evict(target, names);
        double storedSeconds = FileReads.small(target, names, BYTES);
        // The first is uncounted: the compilers.
        if (round == 0) {
          check(plain, target, names);
        } else {
          cold.add(coldSeconds);
          stored.add(storedSeconds);
        }
      }
      bench.say("  cold " + cold + " s; from the store through FUSE " + stored + " s");
      results.accept(Figure.alone(name() + "-cold", "s", cold.median(), Goal.atMost(3)));
      results.accept(Figure.alone(name() + "-store", "s", stored.median(), Goal.atMost(0.4)));
      bench.say("  packed: " + mounts.rig().client().control().pack("cold-" + Rounds.COUNT));
      packed(bench, results, target, plain, names);
    }
  }

  private void packed(
      Bench bench, Consumer<Figure> results, Path target, Path plain, List<String> names)
      throws Exception {
    check(plain, target, names);
    Rounds warm =
        Rounds.interleave(
            round -> FileReads.small(target, names, BYTES),
            round -> FileReads.small(plain, names, BYTES));
    bench.say("  packed, warm " + warm + " s");
    results.accept(warm.figure(name() + "-packed-warm", "s", Goal.ratioAtMost(2.5)));
    if (!PageCache.drop()) {
      bench.say("  the page cache could not be dropped: no page-cold figure");
      return;
    }
    Rounds pageCold =
        Rounds.interleave(round -> dropped(target, names), round -> dropped(plain, names));
    bench.say("  packed, page-cold " + pageCold + " s");
    results.accept(pageCold.figure(name() + "-packed-cold", "s", Goal.ratioAtMost(1)));
  }

  private static double dropped(Path directory, List<String> names) throws Exception {
    PageCache.drop();
    return FileReads.small(directory, names, BYTES);
  }

  private static void evict(Path directory, List<String> names) throws IOException {
    for (String name : names) {
      FileCache.evict(directory.resolve(name));
    }
  }

  private static void check(Path files, Path mounted, List<String> names) throws IOException {
    for (String name : names) {
      if (Files.mismatch(files.resolve(name), mounted.resolve(name)) >= 0) {
        throw new IOException(name + " has other bytes through the mount");
      }
    }
  }
}
