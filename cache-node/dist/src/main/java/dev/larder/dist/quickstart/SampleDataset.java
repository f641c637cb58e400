package dev.larder.dist.quickstart;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Makes a dataset of this machine's own program files: one large file, some hundred of middle size
 * and some thousand small ones, at least 500 MB together.
 *
 * <p>Only files every user may read are taken, from folders that hold programs and documentation.
 */
final class SampleDataset {
  static final long LARGE_FILE_BYTES = 256L << 20;
  static final int SMALL_FILES = 2_400;
  static final long TOTAL_BYTES_MIN = 560L << 20;

  private static final long BYTES_PER_SMALL_FILE = 200 << 10;
  private static final long SMALL_BYTES_MAX = 48 << 10;
  private static final long MIDDLE_BYTES_MAX = 24L << 20;
  private static final int CANDIDATES_MAX = 60_000;
  private static final List<String> ROOTS =
      List.of("/usr/share", "/usr/lib", "/usr/include", "/usr/bin", "/usr/local");

  private final Path target;
  private final long totalBytesMin;
  private final long largeBytes;
  private final int smallFiles;
  private final List<Path> small = new ArrayList<>();
  private final List<Path> middle = new ArrayList<>();

  private SampleDataset(Path target, long totalBytesMin) {
    this.target = target;
    this.totalBytesMin = totalBytesMin;
    this.largeBytes = Math.min(LARGE_FILE_BYTES, totalBytesMin / 2);
    this.smallFiles = (int) Math.min(SMALL_FILES, totalBytesMin / BYTES_PER_SMALL_FILE);
  }

  /** Fills a directory and returns the number of bytes in it. */
  static long create(Path target) {
    return create(target, TOTAL_BYTES_MIN);
  }

  /** As {@link #create(Path)}, with at least so many bytes; smaller ones have fewer files. */
  static long create(Path target, long totalBytesMin) {
    try {
      SampleDataset sample = new SampleDataset(target, totalBytesMin);
      sample.findCandidates(Path.of(System.getProperty("java.home")));
      for (String root : ROOTS) {
        sample.findCandidates(Path.of(root));
      }
      return sample.copy();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot make the sample dataset in " + target, e);
    }
  }

  private void findCandidates(Path root) throws IOException {
    if (!Files.isDirectory(root)) {
      return;
    }
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (attributes.isRegularFile() && Files.isReadable(file)) {
              long size = attributes.size();
              if (size > 0 && size <= SMALL_BYTES_MAX && small.size() < CANDIDATES_MAX) {
                small.add(file);
              } else if (size > SMALL_BYTES_MAX && size <= MIDDLE_BYTES_MAX) {
                middle.add(file);
              }
            }
            return middle.size() < CANDIDATES_MAX
                ? FileVisitResult.CONTINUE
                : FileVisitResult.TERMINATE;
          }

          @Override
          public FileVisitResult visitFileFailed(Path file, IOException e) {
            return FileVisitResult.CONTINUE;
          }
        });
  }

  private long copy() throws IOException {
    if (middle.isEmpty() || small.size() < smallFiles) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG,
          "found only "
              + small.size()
              + " small files in "
              + ROOTS
              + ", and "
              + smallFiles
              + " are needed to show something");
    }
    small.sort(Comparator.naturalOrder());
    middle.sort(Comparator.naturalOrder());
    long total = writeLarge(target.resolve("models").resolve("weights.bin"));
    for (int i = 0; i < smallFiles; i++) {
      Path source = small.get((int) ((long) i * small.size() / smallFiles));
      String folder = "docs/%02d".formatted(i / 100);
      total +=
          copyOne(source, target.resolve(folder).resolve("%04d-%s".formatted(i, safe(source))));
    }
    int round = 0;
    while (total < totalBytesMin) {
      for (int i = 0; i < middle.size() && total < totalBytesMin; i++) {
        Path to =
            target.resolve("files").resolve("%d-%05d-%s".formatted(round, i, safe(middle.get(i))));
        total += copyOne(middle.get(i), to);
      }
      round++;
    }
    return total;
  }

  /**
   * One file of the machine's largest program files, one after another, until it is large enough.
   */
  private long writeLarge(Path file) throws IOException {
    Files.createDirectories(file.getParent());
    List<Path> sources = new ArrayList<>(middle);
    sources.sort(Comparator.comparingLong(SampleDataset::sizeOf).reversed());
    try (FileChannel out =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      for (int i = 0; out.size() < largeBytes; i = (i + 1) % sources.size()) {
        try (FileChannel in = FileChannel.open(sources.get(i))) {
          long wanted = Math.min(in.size(), largeBytes - out.size());
          long done = 0;
          while (done < wanted) {
            done += in.transferTo(done, wanted - done, out);
          }
        }
      }
      return out.size();
    }
  }

  private static long copyOne(Path source, Path to) throws IOException {
    Files.createDirectories(to.getParent());
    Files.copy(source, to);
    return Files.size(to);
  }

  private static long sizeOf(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String safe(Path source) {
    String name = source.getFileName().toString().replaceAll("[^A-Za-z0-9._-]", "_");
    return name.length() > 80 ? name.substring(name.length() - 80) : name;
  }
}
