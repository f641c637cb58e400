package dev.larder.erofs;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Listings to write catalogs from. */
final class Listings {
  static final Instant NOON = Instant.parse("2024-03-01T12:00:00.123456789Z");

  private Listings() {}

  /** The run's seed: from {@code -Dlarder.seed}, else fresh; printed with each failure. */
  static long seed() {
    return Long.getLong("larder.seed", System.nanoTime());
  }

  static Digest digest(String text) {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      return Digest.of(sha.digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  static BlobKey key(String text) {
    return BlobKey.origin(digest(text));
  }

  static CatalogEntry file(String path, long size) {
    return CatalogEntry.file(path, size, NOON, key(path), "etag-" + path.length());
  }

  /** Every kind of entry and of name that a catalog can hold. */
  static List<CatalogEntry> odd() {
    List<CatalogEntry> out = new ArrayList<>();
    String[] names = {
      "plain",
      ".hidden",
      " space ",
      "new\nline",
      "tab\t",
      "quote\"'",
      "back\\slash",
      "ünïcödé",
      "日本語",
      "😀",
      "...",
      "..x",
      ".-dash",
      "!early",
      "~late",
      "-dash",
      "*glob?",
      "a",
      "a.b",
      "a-b",
      "a0",
      "\u007f",
      "x".repeat(255),
      "é".repeat(127),
      "\udc80\udcff raw bytes",
      "\ufffd"
    };
    for (int i = 0; i < names.length; i++) {
      out.add(file("names/" + names[i], i));
      out.add(file(names[i] + "/in/" + i, 1000 + i));
    }
    long[] sizes = {
      0, 1, 4095, 4096, 4097, 65536, (1L << 32) - 1, 1L << 32, 5L << 40, (1L << 43) + 1, 1L << 50
    };
    for (long size : sizes) {
      out.add(file("sizes/" + size, size));
    }
    String[] times = {
      "1970-01-01T00:00:00Z",
      "1969-12-31T23:59:59.999999999Z",
      "1901-01-01T00:00:00.5Z",
      "2038-01-19T03:14:08Z",
      "2106-02-07T06:28:16.000000001Z",
      "2400-01-01T00:00:00Z"
    };
    for (String time : times) {
      String path = "times/" + time;
      out.add(CatalogEntry.file(path, 5, Instant.parse(time), key(path), null));
    }
    out.add(CatalogEntry.directory("empty", NOON.plusSeconds(7)));
    out.add(CatalogEntry.directory("slash/", NOON));
    out.add(CatalogEntry.directory("owned", NOON).withOwner(0711, 1000, 70000));
    out.add(file("owned/by", 3).withOwner(04640, 65536, 4294967294L));
    out.add(
        file("owned/attributes", 3)
            .withXattrs(
                Map.of(
                    "user.larder.uri", "https://example.com/a b".getBytes(StandardCharsets.UTF_8),
                    "user.empty", new byte[0],
                    "user.big", new byte[8000])));
    out.add(
        CatalogEntry.directory("attributes", NOON)
            .withXattrs(Map.of("user.note", new byte[] {1, 2, 3})));
    out.add(file("attributes/one", 9));
    out.add(CatalogEntry.symlink("link/short", "../names/plain", NOON));
    out.add(CatalogEntry.symlink("link/dangling", "nowhere/at/all", NOON));
    out.add(CatalogEntry.symlink("link/long", "t".repeat(4095), NOON));
    out.add(CatalogEntry.symlink("link/middle", "m/".repeat(1900), NOON));
    StringBuilder deep = new StringBuilder("deep");
    while (deep.length() < 1000) {
      deep.append("/d");
    }
    out.add(file(deep + "/end", 77));
    for (int i = 0; i < 3000; i++) {
      out.add(file("wide/file-%05d".formatted(i), i));
    }
    for (int i = 0; i < 300; i++) {
      out.add(file("tree/%d/%d/leaf".formatted(i % 7, i), i * 31L));
    }
    return out;
  }

  /** A listing of small random names that collide, nest and repeat. */
  static List<CatalogEntry> random(Random random, int count) {
    List<CatalogEntry> out = new ArrayList<>();
    String letters = ".ab!~é0";
    for (int i = 0; i < count; i++) {
      StringBuilder path = new StringBuilder();
      int parts = 1 + random.nextInt(5);
      for (int part = 0; part < parts; part++) {
        path.append(part == 0 ? "" : "/");
        // Never only dots: those names are refused, and the model knows no refusal.
        path.append(letters.charAt(1 + random.nextInt(letters.length() - 1)));
        int length = random.nextInt(3);
        for (int c = 0; c < length; c++) {
          path.append(letters.charAt(random.nextInt(letters.length())));
        }
      }
      Instant time = NOON.plusNanos(random.nextInt(3) * 1_000_000_007L);
      String version = random.nextBoolean() ? "v" + random.nextInt(3) : null;
      out.add(
          switch (random.nextInt(8)) {
            case 0 -> CatalogEntry.directory(path.toString(), time);
            case 1 -> CatalogEntry.symlink(path.toString(), "to" + random.nextInt(3), time);
            default -> {
              long size = random.nextInt(4) * 1000L;
              yield CatalogEntry.file(
                  path.toString(), size, time, key(path + "/" + version + size), version);
            }
          });
    }
    return out;
  }

  static CatalogSummary write(Path directory, Path image, List<CatalogEntry> entries) {
    return write(CatalogOptions.DEFAULT, directory, image, entries);
  }

  static CatalogSummary write(
      CatalogOptions options, Path directory, Path image, List<CatalogEntry> entries) {
    try (CatalogWriter writer = new CatalogWriter(options, directory)) {
      entries.forEach(writer::add);
      return writer.finish(image);
    }
  }

  /** Content that depends on place and seed, so that a wrong place shows. */
  static byte[] bytes(long seed, int length) throws IOException {
    ByteBuffer out = ByteBuffer.allocate(length + 8);
    Random random = new Random(seed);
    while (out.position() < length) {
      out.putLong(random.nextLong());
    }
    return java.util.Arrays.copyOf(out.array(), length);
  }
}
