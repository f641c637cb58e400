package dev.larder.erofs;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A million objects in a heap of 64 MiB, in a process of its own; prints what it took. */
final class MillionTest {
  private static final int OBJECTS = 1_000_000;

  @TempDir Path temp;

  @Test
  void aMillionObjectsIn64MiB() throws Exception {
    String classPath =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String said =
        Tools.check(
            java,
            "-ea",
            "-Xmx64m",
            "-Djava.io.tmpdir=" + temp,
            "-cp",
            classPath,
            Child.class.getName(),
            temp.toString(),
            Long.toString(Listings.seed()));
    System.out.print(said);
    assertEquals("done", said.strip().lines().reduce((a, b) -> b).orElse(""), said);
    if (Files.isExecutable(Path.of("/usr/bin/fsck.erofs"))) {
      Tools.fsck(temp.resolve("image"));
    }
  }

  /** The process. */
  static final class Child {
    private Child() {}

    public static void main(String[] args) {
      Path temp = Path.of(args[0]);
      long seed = Long.parseLong(args[1]);
      Path image = temp.resolve("image");
      System.out.println("seed " + seed);
      long start = System.nanoTime();
      for (int i = 0; i < OBJECTS; i++) {
        check(entry(i).sizeBytes() > 0);
      }
      say("the listing itself", start);
      start = System.nanoTime();
      CatalogSummary summary;
      try (CatalogWriter writer = new CatalogWriter(CatalogOptions.DEFAULT, temp)) {
        // An odd step through the numbers: every object once, in an order that is not sorted.
        for (long i = 0; i < OBJECTS; i++) {
          writer.add(entry((int) (i * 611_953 % OBJECTS)));
        }
        say("added", start);
        summary = writer.finish(image);
      }
      say("written", start);
      System.out.println(summary.imageBytes() / OBJECTS + " bytes a file, " + summary.totals());
      check(summary.totals().files() == OBJECTS);
      start = System.nanoTime();
      try (Catalog catalog = Catalog.open(image)) {
        check(catalog.totals().files() == OBJECTS);
        say("opened", start);
        start = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 20_000; i++) {
          CatalogEntry wanted = entry(random.nextInt(OBJECTS));
          CatalogNode node = catalog.lookup(wanted.path()).orElseThrow();
          check(node.sizeBytes() == wanted.sizeBytes() && node.mtime().equals(wanted.mtime()));
          CatalogNode keyed = catalog.byKey(node.key().orElseThrow()).orElseThrow();
          check(keyed.path().equals(wanted.path()));
        }
        say("20,000 look-ups by path and key", start);
        start = System.nanoTime();
        catalog.verify();
        say("verified", start);
      }
      System.out.println("done");
    }

    private static CatalogEntry entry(int i) {
      long mixed = i * 0x9E3779B97F4A7C15L;
      String path = "data/part-" + i % 1000 + "/shard-" + i % 37 + "/object-" + i + ".jpg";
      BlobKey key = BlobKey.origin(new Digest(mixed ^ mixed >>> 29, mixed, i, ~mixed));
      Instant time = Instant.ofEpochSecond(1_700_000_000L + i % 100_000, i % 1000 * 1_000_000);
      return CatalogEntry.file(
          path,
          1 + (mixed >>> 40),
          time,
          key,
          HexFormat.of().toHexDigits(mixed) + HexFormat.of().toHexDigits(~mixed));
    }

    private static void say(String what, long start) {
      Duration cpu = ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO);
      double seconds = (System.nanoTime() - start) / 1e9;
      System.out.printf("%s: %.3f s (process so far: %d ms CPU)%n", what, seconds, cpu.toMillis());
    }

    private static void check(boolean holds) {
      if (!holds) {
        throw new AssertionError();
      }
    }
  }
}
