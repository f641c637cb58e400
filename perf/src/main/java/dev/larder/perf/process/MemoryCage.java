package dev.larder.perf.process;

import dev.larder.perf.Bench;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A control group with a bound on memory, everything counted that the kernel counts: heap, native,
 * shared memory and page cache. Who goes beyond it is killed by the kernel. One thread.
 */
public final class MemoryCage implements AutoCloseable {
  private static final Path V1 = Path.of("/sys/fs/cgroup/memory");
  private static final Path V2 = Path.of("/sys/fs/cgroup");
  private static final String PREFIX = "larder-perf-";
  private static final long EMPTY_NANOS_MAX = TimeUnit.SECONDS.toNanos(10);

  private final Path directory;
  private final boolean isV1;

  private MemoryCage(Path directory, boolean isV1) {
    this.directory = directory;
    this.isV1 = isV1;
  }

  /** Makes one; empty, after saying why, where that cannot be done here. */
  public static Optional<MemoryCage> make(Bench bench, String name, long bytesMax)
      throws IOException {
    boolean isV1 = Files.exists(V1.resolve("memory.limit_in_bytes"));
    Path home = isV1 ? V1 : V2;
    removeLeftovers(home);
    Path directory = home.resolve(PREFIX + ProcessHandle.current().pid() + "-" + name);
    try {
      Files.createDirectory(directory);
      Files.writeString(
          directory.resolve(isV1 ? "memory.limit_in_bytes" : "memory.max"),
          Long.toString(bytesMax));
      return Optional.of(new MemoryCage(directory, isV1));
    } catch (IOException e) {
      Files.deleteIfExists(directory);
      bench.say("  a bound on memory needs root and the memory controller of cgroups: " + e);
      return Optional.empty();
    }
  }

  /** Of harnesses that were killed. */
  private static void removeLeftovers(Path home) throws IOException {
    try (DirectoryStream<Path> all = Files.newDirectoryStream(home, PREFIX + "*")) {
      for (Path left : all) {
        String name = left.toString().substring(left.toString().lastIndexOf(PREFIX));
        long pid = Long.parseLong(name.substring(PREFIX.length()).split("-", 2)[0]);
        boolean isEmpty = Files.readString(left.resolve("cgroup.procs")).isBlank();
        if (ProcessHandle.of(pid).isEmpty() && isEmpty) {
          Files.delete(left);
        }
      }
    }
  }

  /** Words in front of a command that run it in here. */
  public List<String> prefix() {
    String enter = "echo $$ >" + directory.resolve("cgroup.procs") + " && exec \"$@\"";
    return List.of("/bin/sh", "-c", enter, "cage");
  }

  /** The most that was used at once; freed only where the bound was met. */
  public long peakBytes() throws IOException {
    return number(isV1 ? "memory.max_usage_in_bytes" : "memory.peak");
  }

  /** What is used now without the page cache of files: it could be given back at no loss. */
  public long unreclaimableBytes() throws IOException {
    long sum = 0;
    for (String line : Files.readAllLines(directory.resolve("memory.stat"))) {
      String[] words = line.split(" ", -1);
      boolean counts =
          switch (words[0]) {
            case "rss", "shmem", "anon" -> true;
            default -> false;
          };
      sum += counts ? Long.parseLong(words[1]) : 0;
    }
    return sum;
  }

  private long number(String file) throws IOException {
    return Long.parseLong(Files.readString(directory.resolve(file)).strip());
  }

  /** Takes it away; who ran there must have ended. */
  @Override
  public void close() throws IOException {
    long deadline = System.nanoTime() + EMPTY_NANOS_MAX;
    while (!Files.readString(directory.resolve("cgroup.procs")).isBlank()
        && System.nanoTime() < deadline) {
      LockSupport.parkNanos(20_000_000);
    }
    Files.delete(directory);
  }
}
