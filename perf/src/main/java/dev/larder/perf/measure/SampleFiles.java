package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;

/** Files of random bytes, the same in every run; made once and kept in the work directory. */
final class SampleFiles {
  private static final int PART_BYTES = 1 << 20;
  private static final long SEED = 7450;

  private SampleFiles() {}

  /** A directory with one file, {@code large.bin}. */
  static Path large(Bench bench, long sizeBytes) throws IOException {
    Path directory = bench.work().resolve("files-" + (sizeBytes >> 20) + "m");
    Path file = directory.resolve("large.bin");
    if (!Files.exists(file) || Files.size(file) != sizeBytes) {
      Files.createDirectories(directory);
      write(file, sizeBytes, SEED);
    }
    return directory;
  }

  /** A directory with {@code small/00000} and so on. */
  static Path small(Bench bench, int count, int sizeBytes) throws IOException {
    Path directory = bench.work().resolve("files-" + count + "x" + sizeBytes);
    Path complete = bench.work().resolve(directory.getFileName() + ".complete");
    if (!Files.exists(complete)) {
      Bench.delete(directory);
      Files.createDirectories(directory.resolve("small"));
      for (String name : names(count)) {
        write(directory.resolve(name), sizeBytes, SEED + name.hashCode());
      }
      Files.createFile(complete);
    }
    return directory;
  }

  /** Names of {@link #small}. */
  static List<String> names(int count) {
    List<String> names = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      names.add("small/" + String.valueOf(100_000 + i).substring(1));
    }
    return names;
  }

  /** Hard links, so that two sets of files share their bytes. */
  static void link(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    try (var files = Files.newDirectoryStream(from)) {
      for (Path file : files) {
        Path target = to.resolve(String.valueOf(file.getFileName()));
        if (Files.isRegularFile(file) && !Files.exists(target)) {
          Files.createLink(target, file);
        }
      }
    }
  }

  /** CRC32C of a file. */
  static long checksum(Path file) throws IOException {
    CRC32C crc = new CRC32C();
    try (FileChannel channel = FileChannel.open(file)) {
      ByteBuffer part = ByteBuffer.allocateDirect(PART_BYTES);
      while (channel.read(part) >= 0) {
        crc.update(part.flip());
        part.clear();
      }
    }
    return crc.getValue();
  }

  private static void write(Path file, long sizeBytes, long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      byte[] part = new byte[PART_BYTES];
      for (long left = sizeBytes; left > 0; ) {
        random.nextBytes(part);
        ByteBuffer bytes = ByteBuffer.wrap(part, 0, (int) Math.min(PART_BYTES, left));
        left -= bytes.remaining();
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
      }
    }
  }
}
