package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Rounds;
import dev.larder.perf.Samples;
import dev.larder.perf.process.FileCache;
import dev.larder.perf.process.PageCache;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/** One blob read through the mounts of two snapshots: how often each of its bytes is kept. */
public final class MountTwoSnapshots extends MountMeasure {
  private static final long BYTES = 1L << 30;
  private static final int EVICTIONS_MAX = 50;

  public MountTwoSnapshots() {
    super(
        "mount-two-snapshots",
        "1 GiB through the mounts of two snapshots: copies in the page cache, on disk, asked for");
  }

  @Override
  void measure(Bench bench, Consumer<Figure> results) throws Exception {
    Path files = bench.fresh("files-two-snapshots");
    SampleFiles.link(SampleFiles.large(bench, BYTES), files);
    try (MountRig mounts = MountRig.start(bench, files, 0)) {
      Rig rig = mounts.rig();
      rig.createDataset("two");
      Path first = mounts.mount("two@1").resolve("large.bin");
      long emptyBytes = diskBytes(rig.data());
      long expected = SampleFiles.checksum(files.resolve("large.bin"));
      check(expected, first);
      // Before the file is final: its inode of FUSE is the one the second snapshot meets.
      Files.writeString(files.resolve("added"), "makes another snapshot");
      rig.refreshDataset("two");
      Path second = mounts.mount("two@2").resolve("large.bin");
      if (!Files.exists(second.resolveSibling("added"))
          || Files.exists(first.resolveSibling("added"))) {
        throw new IOException("the mounts do not show two snapshots");
      }
      check(expected, second);
      rig.settle("two", "large.bin");
      Path stored = mounts.storedFile(BYTES);
      pageCache(bench, results, first, second, stored);
      results.accept(
          Figure.alone(
              name() + "-disk",
              "of the file",
              (diskBytes(rig.data()) - emptyBytes) / (double) BYTES,
              Goal.atMost(1.05)));
      results.accept(
          Figure.alone(
              name() + "-origin",
              "origin bytes/byte",
              rig.origin().bytesSent("/two/large.bin") / (double) BYTES,
              Goal.atMost(1)));
    }
  }

  /**
   * Two ways to count what both reads left in the page cache: the pages of the store's file and
   * those that still show through either mount once the store's were taken out; and by how much all
   * of the page cache grew, which also sees copies that no name leads to.
   */
  private void pageCache(
      Bench bench, Consumer<Figure> results, Path first, Path second, Path stored)
      throws Exception {
    Samples shown = new Samples();
    Samples grown = new Samples();
    for (int round = 0; round < Rounds.COUNT; round++) {
      evict(first, second, stored);
      long before = PageCache.bytes();
      FileReads.sequential(first);
      FileReads.sequential(second);
      grown.add((PageCache.bytes() - before) / (double) BYTES);
      long one = FileCache.residentBytes(stored);
      FileCache.evict(stored);
      long copies = FileCache.residentBytes(first) + FileCache.residentBytes(second);
      shown.add((one + copies) / (double) BYTES);
    }
    bench.say("  page cache of the file, as shown " + shown + ", as grown " + grown);
    results.accept(
        Figure.alone(name() + "-page-cache", "of the file", shown.median(), Goal.atMost(1.05)));
    results.accept(
        Figure.alone(name() + "-cache-growth", "of the file", grown.median(), Goal.atMost(1.05)));
  }

  private static void evict(Path first, Path second, Path stored) throws IOException {
    long left = BYTES;
    // A page that is just being written back stays.
    for (int i = 0; i < EVICTIONS_MAX && left > BYTES / 100; i++) {
      FileCache.evict(first);
      FileCache.evict(second);
      FileCache.evict(stored);
      left = FileCache.residentBytes(stored) + FileCache.residentBytes(first);
    }
    if (left > BYTES / 100) {
      throw new IOException(left + " bytes of " + stored + " stayed in the page cache");
    }
  }

  private static void check(long expected, Path file) throws IOException {
    if (SampleFiles.checksum(file) != expected) {
      throw new IOException("the bytes of " + file + " are not those of the origin");
    }
  }

  /** What a directory occupies on the disk, holes not counted. */
  private static long diskBytes(Path directory) throws IOException, InterruptedException {
    Process du =
        new ProcessBuilder("du", "-s", "--block-size=1", directory.toString())
            .redirectError(Redirect.INHERIT)
            .start();
    String line = new String(du.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (du.waitFor() != 0) {
      throw new IOException("du of " + directory + " failed");
    }
    return Long.parseLong(line.split("\t", 2)[0]);
  }
}
