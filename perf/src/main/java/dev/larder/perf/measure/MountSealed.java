package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Rounds;
import dev.larder.perf.process.FileCache;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Consumer;

/** A sealed 2 GiB file through a kernel mount, against a plain file; also with larder stopped. */
public final class MountSealed extends MountMeasure {
  private static final int WARM_ROUNDS = 15;
  private static final int EVICTIONS_MAX = 50;
  private static final long BYTES = 2L << 30;
  private static final int THREADS = 8;
  private static final int WARM_READS = 400_000;
  private static final int COLD_READS = 16_000;
  private static final int OPENS = 20_000;

  public MountSealed() {
    super(
        "mount-sealed",
        "a sealed 2 GiB file through a mount against the plain file; also with larder stopped");
  }

  @Override
  void measure(Bench bench, Consumer<Figure> results) throws Exception {
    Path files = SampleFiles.large(bench, BYTES);
    Path plain = files.resolve("large.bin");
    try (MountRig mounts = MountRig.start(bench, files, 0)) {
      Rig rig = mounts.rig();
      rig.createDataset("sealed");
      rig.read("sealed", "large.bin");
      rig.settle("sealed", "large.bin");
      Path file = mounts.mount("sealed").resolve("large.bin");
      if (SampleFiles.checksum(file) != SampleFiles.checksum(plain)) {
        throw new IOException("the bytes through the mount are not those of the file");
      }
      Both both = new Both(bench, results, file, plain, mounts.storedFile(BYTES));
      both.pageCache(name() + "-page-cache");
      both.figures(name());
      signal("STOP", rig);
      try {
        bench.say("  larder is stopped");
        both.figures(name() + "-stopped");
      } finally {
        signal("CONT", rig);
      }
    }
  }

  private static void signal(String signal, Rig rig) throws IOException, InterruptedException {
    long pid = rig.larder().process().pid();
    Process kill = new ProcessBuilder("kill", "-" + signal, Long.toString(pid)).start();
    if (kill.waitFor() != 0) {
      throw new IOException("kill -" + signal + " failed");
    }
  }

  /** The file through the mount, the plain one, and where the store has the former. */
  private record Both(
      Bench bench, Consumer<Figure> results, Path mounted, Path plain, Path stored) {

    private interface Loop {
      double run(Path file, int round) throws Exception;
    }

    void figures(String name) throws Exception {
      Loop random = (file, round) -> FileReads.random(file, BYTES, THREADS, WARM_READS, round);
      Loop coldRandom = (file, round) -> FileReads.random(file, BYTES, THREADS, COLD_READS, round);
      figure(name + "-cold", "GB/s", 0.97, true, (file, round) -> FileReads.sequential(file));
      figure(name + "-random-cold", "reads/s", 0.95, true, coldRandom);
      // Both whole in the page cache, in folios of one kind: single pages of the random reads would
      // stay in it. And the compilers have seen the loops.
      evict(mounted);
      evict(plain);
      FileReads.sequential(mounted);
      FileReads.sequential(plain);
      figure(name + "-warm", "GB/s", 0.97, false, (file, round) -> FileReads.sequential(file));
      figure(name + "-random-warm", "reads/s", 0.9, false, random);
      figure(name + "-mmap", "GB/s", 0.95, false, (file, round) -> FileReads.mapped(file));
      Rounds opens =
          Rounds.interleave(
              round -> FileCache.openCloseNanos(mounted, OPENS) / 1e3,
              round -> FileCache.openCloseNanos(plain, OPENS) / 1e3);
      bench.say("  " + name + "-open " + opens + " µs");
      results.accept(opens.figure(name + "-open", "µs", Goal.atMost(3)));
    }

    private void figure(String name, String unit, double goal, boolean isCold, Loop loop)
        throws Exception {
      Rounds rounds =
          Rounds.interleave(
              isCold ? Rounds.COUNT : WARM_ROUNDS,
              round -> sample(mounted, isCold, loop, round),
              round -> sample(plain, isCold, loop, round));
      bench.say("  " + name + " " + rounds + " " + unit);
      results.accept(rounds.figure(name, unit, Goal.ratioAtLeast(goal)));
    }

    private double sample(Path file, boolean isCold, Loop loop, int round) throws Exception {
      if (isCold) {
        evict(file);
      }
      return loop.run(file, round);
    }

    private void evict(Path file) throws IOException {
      long left = BYTES;
      // A page that is just being read or written back stays.
      for (int i = 0; i < EVICTIONS_MAX && left > BYTES / 100; i++) {
        FileCache.evict(file);
        if (file.equals(mounted)) {
          FileCache.evict(stored);
        }
        left = FileCache.residentBytes(file);
      }
      if (left > BYTES / 100) {
        throw new IOException(left + " bytes of " + file + " stayed in the page cache");
      }
    }

    /**
     * What one read leaves in the page cache: the store's pages, and those that still show through
     * the mount once the store's were taken out, which then are copies.
     */
    void pageCache(String name) throws Exception {
      evict(mounted);
      FileReads.sequential(mounted);
      long one = FileCache.residentBytes(stored);
      FileCache.evict(stored);
      long copies = FileCache.residentBytes(mounted);
      bench.say("  page cache: " + one + " bytes of the store's file, copies " + copies);
      results.accept(
          Figure.alone(name, "of the file", (one + copies) / (double) BYTES, Goal.atMost(1.05)));
    }
  }
}
