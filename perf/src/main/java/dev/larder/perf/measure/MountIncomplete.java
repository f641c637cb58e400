package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Rounds;
import dev.larder.perf.process.FileCache;
import dev.larder.perf.process.RcloneMount;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * Local blocks of a file that is not complete, read through user space; against a tree mount and
 * rclone.
 */
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
        "the local GiB of an incomplete file through user space, against a tree mount and rclone");
  }

  @FunctionalInterface
  private interface Loop {
    double run(Path file, int round) throws Exception;
  }

  @Override
  void measure(Bench bench, Consumer<Figure> results) throws Exception {
    Path files = SampleFiles.large(bench, BYTES);
    try (MountRig mounts = MountRig.start(bench, files, 0)) {
      mounts.rig().createDataset("part");
      Path file = mounts.mount("part").resolve("large.bin");
      Path tree = mounts.mount("part", "tree").resolve("large.bin");
      FileReads.sequential(file, LOCAL_BYTES, 1);
      Loop sequential = (path, round) -> FileReads.sequential(path, LOCAL_BYTES, READERS);
      Loop random = (path, round) -> FileReads.random(path, LOCAL_BYTES, THREADS, READS, round);
      Figures figures = new Figures(bench, results, file);
      figures.alone(name() + "-seq", "GB/s", 1.5, tree, sequential);
      figures.alone(name() + "-random", "reads/s", 45_000, tree, random);
      Path target = mounts.directory("rclone");
      try (RcloneMount rclone =
          RcloneMount.start(bench, mounts.rig().origin().url(), "part", target).orElse(null)) {
        if (rclone != null) {
          Path other = target.resolve("large.bin");
          // Into its cache, of which nothing is evicted.
          FileReads.sequential(other, LOCAL_BYTES, 1);
          figures.against("rclone", name() + "-seq", "GB/s", other, sequential);
          figures.against("rclone", name() + "-random", "reads/s", other, random);
        }
      }
      String state = mounts.rig().client().control().statJson("part", "large.bin");
      if (state.replace(" ", "").contains("\"state\":\"sealed\"")) {
        throw new IOException("the file became complete: these are no figures of user space");
      }
    }
  }

  /** Makes figures of the file through a kernel mount, each beside another mount's. */
  private record Figures(Bench bench, Consumer<Figure> results, Path file) {

    void alone(String name, String unit, double goal, Path tree, Loop loop) throws Exception {
      Rounds rounds = rounds(name, "tree", unit, tree, loop);
      results.accept(rounds.figure(name, unit, Goal.atLeast(goal)));
      results.accept(rounds.figure(name + "-tree", unit, Goal.ratioAtLeast(1.5)));
    }

    void against(String peer, String name, String unit, Path other, Loop loop) throws Exception {
      results.accept(
          rounds(name, peer, unit, other, loop)
              .figure(name + "-" + peer, unit, Goal.ratioAtLeast(1.5)));
    }

    private Rounds rounds(String name, String peer, String unit, Path other, Loop loop)
        throws Exception {
      // Uncounted: the compilers of both.
      sample(file, loop, Rounds.COUNT);
      sample(other, loop, Rounds.COUNT);
      Rounds rounds =
          Rounds.interleave(
              round -> sample(file, loop, round), round -> sample(other, loop, round));
      bench.say("  " + name + " against " + peer + " " + rounds + " " + unit);
      return rounds;
    }
  }

  private static double sample(Path file, Loop loop, int round) throws Exception {
    FileCache.evict(file);
    return loop.run(file, round);
  }
}
