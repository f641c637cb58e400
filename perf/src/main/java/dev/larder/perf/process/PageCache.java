package dev.larder.perf.process;

import dev.larder.perf.Bench;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** The kernel's page cache. */
public final class PageCache {
  private static final Path CONTROL = Path.of("/proc/sys/vm/drop_caches");
  private static final long FREE_BYTES_LEFT = 300L << 20;
  private static final long OCCUPIED_BYTES_MAX = 64L << 30;
  private static final long BALLAST_BYTES_MAX = 1L << 40;
  private static final int PART_BYTES = 1 << 20;

  private PageCache() {}

  /** Writes dirty pages back and drops clean ones; false where this needs a right we lack. */
  public static boolean drop() throws IOException, InterruptedException {
    if (!Files.isWritable(CONTROL)) {
      return false;
    }
    new ProcessBuilder("sync").inheritIO().start().waitFor();
    Files.writeString(CONTROL, "3");
    return true;
  }

  /**
   * Fills memory that is free with clean pages of a sparse file, as it is on a node that has run
   * for a while: new pages then come from the kernel's reclaim. A virtual machine that gives free
   * memory back to its host would otherwise pay for each page it touches first (2.5 s per GiB were
   * seen), which is no property of what is measured.
   */
  public static void occupy(Bench bench) throws IOException {
    Path ballast = bench.work().resolve("ballast");
    long free = kibibytes("MemFree") << 10;
    long wanted = Math.min(free - FREE_BYTES_LEFT, OCCUPIED_BYTES_MAX);
    if (wanted <= 0) {
      return;
    }
    long started = System.nanoTime();
    // Never the same pages twice: those read before are in memory, and that is the point of them.
    long from = Files.exists(ballast) ? Files.size(ballast) : 0;
    if (from > BALLAST_BYTES_MAX) {
      Files.delete(ballast);
      from = 0;
    }
    try (FileChannel file =
        FileChannel.open(
            ballast,
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE)) {
      file.write(ByteBuffer.allocate(1), from + wanted);
      ByteBuffer part = ByteBuffer.allocateDirect(PART_BYTES);
      for (long at = from; at < from + wanted; at += PART_BYTES) {
        file.read(part.clear(), at);
      }
    }
    bench.say(
        "  filled %d MiB of free memory with page cache in %.0f s"
            .formatted(wanted >> 20, (System.nanoTime() - started) / 1e9));
  }

  /** Bytes of all files in the page cache of this machine. */
  public static long bytes() throws IOException {
    return kibibytes("Cached") << 10;
  }

  private static long kibibytes(String field) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/meminfo"))) {
      if (line.startsWith(field + ":")) {
        return Long.parseLong(line.replaceAll("[^0-9]", ""));
      }
    }
    throw new IOException("/proc/meminfo has no " + field);
  }

  /** Waits until dirty pages are on disk, so that one measure does not pay for another's. */
  public static void sync() throws IOException, InterruptedException {
    new ProcessBuilder("sync").inheritIO().start().waitFor();
  }
}
