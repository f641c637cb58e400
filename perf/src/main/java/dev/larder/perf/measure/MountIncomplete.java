package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Rounds;
import dev.larder.perf.process.FileCache;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Consumer;

/** Local blocks of a file that is not complete, read through user space; against a tree mount. */
public final class MountIncomplete extends MountMeasure {
  private static final long BYTES = 2L << 30;
  // The rest is never asked for, so the file stays incomplete.
  private static final long LOCAL_BYTES = 1L << 30;
  private static final int READERS = 2;
  private static final int THREADS = 8;
  private static final int READS = 40_000;

  public MountIncomplete() {
    super(
        "mount-incomplete",
        "the local GiB of an incomplete file through user space, against a tree mount");
  }

  @FunctionalInterface
  private interface Loop {
    double run(Path file, int round) throws Exception;
  }

  @Override
  void measure(Bench bench, Consumer<Figure> results) throws Exception {
    Path files = SampleFiles.large(bench, BYTES);
    if (Bench.program("rclone").isEmpty()) {
      bench.say("  rclone is not installed: its mount is not compared");
    }
    try (MountRig mounts = MountRig.start(bench, files, 0)) {
      mounts.rig().createDataset("part");
      Path file = mounts.mount("part").resolve("large.bin");
      Path tree = mounts.mount("part", "tree").resolve("large.bin");
      FileReads.sequential(file, LOCAL_BYTES, 1);
      Loop sequential = (path, round) -> FileReads.sequential(path, LOCAL_BYTES, READERS);
      Loop random = (path, round) -> FileReads.random(path, LOCAL_BYTES, THREADS, READS, round);
      compare(bench, results, name() + "-seq", "GB/s", 1.5, file, tree, sequential);
      compare(bench, results, name() + "-random", "reads/s", 45_000, file, tree, random);
      String state = mounts.rig().client().control().statJson("part", "large.bin");
      if (state.replace(" ", "").contains("\"state\":\"sealed\"")) {
        throw new IOException("the file became complete: these are no figures of user space");
      }
    }
  }

  private static void compare(
      Bench bench,
      Consumer<Figure> results,
      String name,
      String unit,
      double goal,
      Path file,
      Path tree,
      Loop loop)
      throws Exception {
    // Uncounted: the compilers of both.
    sample(file, loop, Rounds.COUNT);
    sample(tree, loop, Rounds.COUNT);
    Rounds rounds =
        Rounds.interleave(round -> sample(file, loop, round), round -> sample(tree, loop, round));
    bench.say("  " + name + " " + rounds + " " + unit);
    results.accept(rounds.figure(name, unit, Goal.atLeast(goal)));
    results.accept(rounds.figure(name + "-tree", unit, Goal.ratioAtLeast(1.5)));
  }

  private static double sample(Path file, Loop loop, int round) throws Exception {
    FileCache.evict(file);
    return loop.run(file, round);
  }
}
