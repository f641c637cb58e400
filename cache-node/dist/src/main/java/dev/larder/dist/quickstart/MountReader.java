package dev.larder.dist.quickstart;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/** Reads every file of a mounted dataset by plain file reads and compares it with its source. */
final class MountReader {
  private static final int FILES_AT_ONCE = 8;
  private static final int BUFFER_BYTES = 256 << 10;

  private final Path source;
  private final Path target;
  private final PrintStream err;
  private final AtomicLong mismatches = new AtomicLong();
  private final AtomicLong errors = new AtomicLong();
  private final AtomicLong bytes = new AtomicLong();
  private volatile long files;

  MountReader(Path source, Path target, PrintStream err) {
    this.source = source;
    this.target = target;
    this.err = err;
  }

  Path source() {
    return source;
  }

  Path target() {
    return target;
  }

  PrintStream err() {
    return err;
  }

  /** Files of the last pass. */
  long files() {
    return files;
  }

  /** Bytes of the last pass. */
  long bytes() {
    return bytes.get();
  }

  /** Files that differed, over all passes. */
  long mismatches() {
    return mismatches.get();
  }

  /** Files that could not be opened or read to their end, over all passes. */
  long errors() {
    return errors.get();
  }

  /** What one pass found, where it is told to somebody else. */
  record Pass(long files, long bytes, long mismatches, long errors) {}

  /** One pass over everything; the tree must hold the same files as the source. */
  void readAll() throws IOException, InterruptedException {
    bytes.set(0);
    List<Path> mounted = regularFiles(target);
    List<Path> wanted = regularFiles(source);
    if (!mounted.equals(wanted)) {
      mismatches.incrementAndGet();
      err.println(
          "  the mount lists " + mounted.size() + " files, the source has " + wanted.size());
    }
    files = mounted.size();
    try (ExecutorService pool = Executors.newFixedThreadPool(FILES_AT_ONCE)) {
      List<? extends Future<?>> reads =
          mounted.stream().map(path -> pool.submit(() -> compare(path))).toList();
      for (Future<?> read : reads) {
        read.get();
      }
    } catch (java.util.concurrent.ExecutionException e) {
      throw new IllegalStateException("a comparison failed", e.getCause());
    }
  }

  /** Regular files below a directory, relative and sorted. */
  static List<Path> regularFiles(Path directory) throws IOException {
    try (Stream<Path> tree = Files.walk(directory)) {
      return tree.filter(Files::isRegularFile).map(directory::relativize).sorted().toList();
    }
  }

  private void compare(Path path) {
    try (InputStream cached = Files.newInputStream(target.resolve(path));
        InputStream wanted = Files.newInputStream(source.resolve(path))) {
      byte[] a = new byte[BUFFER_BYTES];
      byte[] b = new byte[BUFFER_BYTES];
      int count = cached.readNBytes(a, 0, a.length);
      while (count > 0) {
        int other = wanted.readNBytes(b, 0, count);
        if (other != count || Arrays.mismatch(a, 0, count, b, 0, count) >= 0) {
          mismatch(path, "differs from its source");
          return;
        }
        bytes.addAndGet(count);
        count = cached.readNBytes(a, 0, a.length);
      }
      if (wanted.read() >= 0) {
        mismatch(path, "is shorter than its source");
      }
    } catch (IOException e) {
      errors.incrementAndGet();
      err.println("  " + path + " could not be read: " + e);
    }
  }

  private void mismatch(Path path, String what) {
    mismatches.incrementAndGet();
    err.println("  " + path + " " + what);
  }
}
