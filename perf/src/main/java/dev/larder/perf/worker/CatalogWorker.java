package dev.larder.perf.worker;

import dev.larder.erofs.Catalog;
import dev.larder.erofs.CatalogEntry;
import dev.larder.erofs.CatalogNode;
import dev.larder.erofs.CatalogOptions;
import dev.larder.erofs.CatalogSummary;
import dev.larder.erofs.CatalogWriter;
import dev.larder.perf.process.ProcStat;
import dev.larder.protocol.OriginKeys;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/**
 * A catalog in a process of its own, whose heap the measure bounds.
 *
 * <ul>
 *   <li>{@code list DIR COUNT} only makes the listing; prints {@code list SECONDS}
 *   <li>{@code write DIR COUNT} writes the catalog of it; prints {@code write SECONDS IMAGE_BYTES
 *       RSS_PEAK_BYTES}
 *   <li>{@code open DIR COUNT SEED} opens it and looks one path up; prints {@code open SECONDS}
 * </ul>
 */
public final class CatalogWorker {
  private static final int PER_DIRECTORY = 1000;
  // Coprime to the count, so that every number comes once, far from its neighbours.
  private static final long STRIDE = 618_033_989;

  private CatalogWorker() {}

  public static void main(String[] arguments) throws IOException {
    Path directory = Path.of(arguments[1]);
    long count = Long.parseLong(arguments[2]);
    switch (arguments[0]) {
      case "list" -> list(count);
      case "write" -> write(directory, count);
      case "open" -> open(directory, count, Long.parseLong(arguments[3]));
      default -> throw new IllegalArgumentException(arguments[0]);
    }
  }

  private record Listed(String path, String uri, String version, long sizeBytes, Instant time) {}

  private static void listing(long count, Consumer<Listed> sink) {
    for (long i = 0; i < count; i++) {
      long number = i * STRIDE % count;
      String path = path(number);
      sink.accept(
          new Listed(
              path,
              "s3://bucket/" + path,
              Long.toHexString(number * STRIDE) + "-1",
              number % 100_000,
              Instant.ofEpochSecond(1_700_000_000 + number)));
    }
  }

  private static String path(long number) {
    return "train/part-" + number / PER_DIRECTORY + "/image-" + number + ".jpg";
  }

  private static void list(long count) {
    long started = System.nanoTime();
    long[] characters = {0};
    listing(count, listed -> characters[0] += listed.path().length() + listed.version().length());
    System.out.println("list " + (System.nanoTime() - started) / 1e9 + " " + characters[0]);
  }

  private static void write(Path directory, long count) throws IOException {
    Path image = directory.resolve("catalog");
    long started = System.nanoTime();
    CatalogSummary summary = write(directory, image, count);
    double seconds = (System.nanoTime() - started) / 1e9;
    if (summary.totals().files() != count) {
      throw new IOException("the catalog has " + summary.totals().files() + " files");
    }
    System.out.println(
        "write "
            + seconds
            + " "
            + summary.imageBytes()
            + " "
            + ProcStat.of(ProcessHandle.current().pid()).rssPeakBytes());
  }

  private static CatalogSummary write(Path directory, Path image, long count) throws IOException {
    Files.deleteIfExists(image);
    try (CatalogWriter writer = new CatalogWriter(CatalogOptions.DEFAULT, directory)) {
      listing(
          count,
          listed ->
              writer.add(
                  CatalogEntry.file(
                      listed.path(),
                      listed.sizeBytes(),
                      listed.time(),
                      OriginKeys.key(listed.uri(), listed.version(), listed.sizeBytes()),
                      listed.version())));
      return writer.finish(image);
    }
  }

  private static void open(Path directory, long count, long seed) throws IOException {
    // An agent has its classes loaded; the page cache was dropped, and the JDK's with it.
    Path tiny = directory.resolve("tiny");
    write(directory, tiny, 10);
    open(tiny, 0);
    System.out.println(
        "open " + open(directory.resolve("catalog"), new SplittableRandom(seed).nextLong(count)));
  }

  private static double open(Path image, long number) throws IOException {
    long started = System.nanoTime();
    try (Catalog catalog = Catalog.open(image)) {
      CatalogNode node = catalog.lookup(path(number)).orElseThrow();
      double seconds = (System.nanoTime() - started) / 1e9;
      if (node.sizeBytes() != number % 100_000) {
        throw new IOException(node.path() + " has another size than was listed");
      }
      return seconds;
    }
  }
}
