package dev.larder.store;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where suspect files go, for inspection. Bounded: the oldest go first. Names begin with the time
 * they came, so that their order is that of their names.
 */
final class Quarantine {
  private static final Logger log = LoggerFactory.getLogger(Quarantine.class);

  private final Path folder;
  private final long bytesMax;
  private final AtomicLong serial = new AtomicLong();

  Quarantine(Path folder, long bytesMax) {
    this.folder = folder;
    this.bytesMax = bytesMax;
  }

  /** Moves a file or folder here; false if it is not there. */
  boolean take(Path suspect, String reason) throws IOException {
    String name =
        "%013d-%04d-%s"
            .formatted(
                System.currentTimeMillis(), serial.getAndIncrement() % 10_000, fileName(suspect));
    try {
      Files.move(suspect, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
    } catch (NoSuchFileException e) {
      return false;
    }
    log.warn("set aside file={} reason={}", name, reason);
    shrinkTo(bytesMax);
    return true;
  }

  /** Removes the oldest until at most this many bytes are left; answers how many it removed. */
  synchronized long shrinkTo(long bytes) throws IOException {
    List<Path> entries = new ArrayList<>();
    try (Stream<Path> all = Files.list(folder)) {
      all.forEach(entries::add);
    }
    entries.sort(Comparator.comparing(Quarantine::fileName).reversed());
    long kept = 0;
    long removed = 0;
    for (Path entry : entries) {
      long size = size(entry);
      if (kept + size > bytes) {
        removeTree(entry);
        removed += size;
      } else {
        kept += size;
      }
    }
    return removed;
  }

  /** Bytes kept now. */
  long bytes() throws IOException {
    return size(folder);
  }

  private static String fileName(Path path) {
    Path name = path.getFileName();
    return name == null ? "" : name.toString();
  }

  private static long size(Path tree) throws IOException {
    long[] total = new long[1];
    Files.walkFileTree(
        tree,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            total[0] += attributes.size();
            return FileVisitResult.CONTINUE;
          }
        });
    return total[0];
  }

  static void removeTree(Path tree) throws IOException {
    Files.walkFileTree(
        tree,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(
              Path folder, @org.jspecify.annotations.Nullable IOException e) throws IOException {
            Files.deleteIfExists(folder);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
