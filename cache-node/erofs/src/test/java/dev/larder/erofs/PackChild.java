package dev.larder.erofs;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A process with a heap of 24 MiB that packs a catalog; its files' bytes follow from their keys.
 */
final class PackChild {
  private PackChild() {}

  static CatalogEntry entry(int number) {
    String path = "part-%03d/%03d/file-%d".formatted(number % 211, number % 1009, number);
    return CatalogEntry.file(path, content(number).length, Listings.NOON, key(number), "v1");
  }

  private static BlobKey key(int number) {
    // Every tenth file has the bytes, and the key, of the one before.
    int same = number % 10 == 9 ? number - 1 : number;
    return BlobKey.origin(new Digest(same * 0x9E3779B97F4A7C15L, same, 0, 0));
  }

  static byte[] content(int number) {
    int same = (int) key(number).digest().b();
    byte[] bytes = new byte[4 + same % 3000];
    Arrays.fill(bytes, (byte) same);
    ByteBuffer.wrap(bytes).putInt(0, same);
    return bytes;
  }

  static void run(Path plain, Path packed, int files) throws Exception {
    String classPath =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String said =
        Tools.check(
            java,
            "-ea",
            "-Xmx24m",
            "-cp",
            classPath,
            PackChild.class.getName(),
            plain.toString(),
            packed.toString(),
            Integer.toString(files));
    System.out.print(said);
    assertEquals("done", said.strip().lines().reduce((a, b) -> b).orElse(""), said);
  }

  public static void main(String[] args) {
    int files = Integer.parseInt(args[2]);
    long start = System.nanoTime();
    PackSummary summary =
        CatalogPacker.pack(
            Path.of(args[0]),
            Path.of(args[1]),
            key -> ByteBuffer.wrap(content((int) key.digest().b())),
            PackOptions.DEFAULT);
    double seconds = (System.nanoTime() - start) / 1e9;
    System.out.printf("packed %d files in %.2f s: %s%n", files, seconds, summary);
    if (summary.files() != files) {
      throw new AssertionError(summary);
    }
    start = System.nanoTime();
    try (Catalog catalog = Catalog.open(Path.of(args[1]))) {
      catalog.verify();
    }
    System.out.printf("verified in %.2f s%n", (System.nanoTime() - start) / 1e9);
    System.out.println("done");
  }
}
