package dev.larder.erofs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What goes into a catalog, what does not, and that the bytes depend on nothing else. */
final class CatalogWriterTest {
  private static final CatalogOptions SMALL_MEMORY =
      CatalogOptions.DEFAULT.withSortMemory(4L << 20);

  @TempDir Path temp;

  @Test
  void orderOfArrivalDoesNotCount() throws IOException {
    long seed = Listings.seed();
    List<CatalogEntry> listing = Listings.random(new Random(seed), 2000);
    listing.addAll(Listings.odd());
    Path first = temp.resolve("first");
    CatalogSummary summary = Listings.write(temp, first, listing);
    for (int round = 0; round < 4; round++) {
      Collections.shuffle(listing, new Random(seed + round));
      Path other = temp.resolve("other" + round);
      CatalogSummary again = Listings.write(temp, other, listing);
      assertEquals(summary.key(), again.key(), "seed " + seed);
      assertEquals(summary.skipped(), again.skipped(), "seed " + seed);
      assertArrayEquals(Files.readAllBytes(first), Files.readAllBytes(other), "seed " + seed);
    }
  }

  @Test
  void memoryDoesNotCount() throws IOException {
    long seed = Listings.seed();
    List<CatalogEntry> listing = new ArrayList<>();
    for (int i = 0; i < 60_000; i++) {
      listing.add(Listings.file("dir-%03d/file-%d".formatted(i % 700, i), i));
    }
    Collections.shuffle(listing, new Random(seed));
    CatalogSummary small = Listings.write(SMALL_MEMORY, temp, temp.resolve("small"), listing);
    CatalogOptions large = CatalogOptions.DEFAULT.withSortMemory(256L << 20);
    CatalogSummary whole = Listings.write(large, temp, temp.resolve("large"), listing);
    assertEquals(whole.key(), small.key(), "seed " + seed);
    assertEquals(60_000, small.totals().files());
    assertEquals(701, small.totals().directories());
    try (Catalog catalog = Catalog.open(temp.resolve("small"))) {
      catalog.verify();
    }
  }

  @Test
  void otherEntriesGiveOtherBytes() {
    List<CatalogEntry> listing = List.of(Listings.file("a", 1), Listings.file("b", 2));
    BlobKey key = Listings.write(temp, temp.resolve("1"), listing).key();
    List<CatalogEntry> later =
        List.of(
            Listings.file("a", 1),
            CatalogEntry.file("b", 2, Listings.NOON.plusNanos(1), Listings.key("b"), "etag-1"));
    assertNotEquals(key, Listings.write(temp, temp.resolve("2"), later).key());
    assertEquals(key, Listings.write(temp, temp.resolve("3"), listing).key());
  }

  @Test
  void summaryIsTrue() throws Exception {
    Path image = temp.resolve("image");
    CatalogSummary summary =
        Listings.write(
            temp,
            image,
            List.of(
                Listings.file("a/b", 10),
                Listings.file("a/c", 0),
                CatalogEntry.symlink("l", "a/b", Listings.NOON)));
    assertEquals(new CatalogTotals(2, 2, 1, 10), summary.totals());
    assertEquals(Files.size(image), summary.imageBytes());
    byte[] hash = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(image));
    assertEquals(BlobKey.sha256(Digest.of(hash)), summary.key());
    assertEquals(0, summary.skippedTotal());
  }

  @Test
  void whatNoTreeCanHoldIsLeftOutAndTold() {
    Map<SkipReason, List<String>> told = new EnumMap<>(SkipReason.class);
    CatalogOptions options =
        CatalogOptions.DEFAULT.withSkipped(
            2,
            skipped ->
                told.computeIfAbsent(skipped.reason(), r -> new ArrayList<>()).add(skipped.path()));
    String long256 = "n".repeat(256);
    String tooDeep = "abcdefg/".repeat(512) + "x";
    List<CatalogEntry> listing =
        List.of(
            Listings.file("", 1),
            Listings.file("/lead", 1),
            Listings.file("two//slashes", 1),
            Listings.file("trail/", 1),
            Listings.file("./a", 1),
            Listings.file("b/..", 1),
            Listings.file("nul\0name", 1),
            Listings.file(long256, 1),
            Listings.file("é".repeat(128), 1),
            Listings.file(tooDeep, 1),
            Listings.file("half \ud800 pair", 1),
            Listings.file("both", 1),
            Listings.file("both/below", 2),
            Listings.file("twice", 1),
            CatalogEntry.file("twice", 9, Listings.NOON.plusSeconds(1), Listings.key("9"), "new"),
            Listings.file("huge", (1L << 50) + 1),
            CatalogEntry.symlink("nowhere", "", Listings.NOON),
            CatalogEntry.symlink("far", "t".repeat(4096), Listings.NOON),
            CatalogEntry.symlink("cut", "a\0b", Listings.NOON),
            Listings.file("fat", 1).withXattrs(Map.of("user.fat", new byte[17 << 10])),
            Listings.file("n".repeat(255), 5));
    Path image = temp.resolve("image");
    CatalogSummary summary = Listings.write(options, temp, image, listing);
    Map<SkipReason, Long> expected = new EnumMap<>(SkipReason.class);
    expected.put(SkipReason.EMPTY_NAME, 4L);
    expected.put(SkipReason.DOT_NAME, 2L);
    expected.put(SkipReason.NUL_IN_NAME, 1L);
    expected.put(SkipReason.NAME_TOO_LONG, 2L);
    expected.put(SkipReason.PATH_TOO_LONG, 1L);
    expected.put(SkipReason.NOT_UNICODE, 1L);
    expected.put(SkipReason.SHADOWED_BY_DIRECTORY, 1L);
    expected.put(SkipReason.DUPLICATE, 1L);
    expected.put(SkipReason.BAD_LINK_TARGET, 3L);
    expected.put(SkipReason.TOO_LARGE, 1L);
    expected.put(SkipReason.ATTRIBUTES_TOO_LARGE, 1L);
    assertEquals(expected, summary.skipped());
    assertEquals(18, summary.skippedTotal());
    assertEquals(List.of("", "/lead"), told.get(SkipReason.EMPTY_NAME));
    assertEquals(List.of("both"), told.get(SkipReason.SHADOWED_BY_DIRECTORY));
    assertEquals(List.of("twice"), told.get(SkipReason.DUPLICATE));
    try (Catalog catalog = Catalog.open(image)) {
      assertEquals(9, catalog.lookup("twice").orElseThrow().sizeBytes());
      assertEquals(EntryType.DIRECTORY, catalog.lookup("both").orElseThrow().type());
      assertEquals(3, catalog.totals().files());
      catalog.verify();
    }
  }

  @Test
  void anEmptyListingIsATree() {
    Path image = temp.resolve("image");
    CatalogSummary summary = Listings.write(temp, image, List.of());
    assertEquals(new CatalogTotals(0, 1, 0, 0), summary.totals());
    try (Catalog catalog = Catalog.open(image)) {
      assertFalse(catalog.walk(catalog.root()).hasNext());
      assertEquals(Instant.EPOCH, catalog.root().mtime());
      catalog.verify();
    }
  }

  @Test
  void theRootTakesWhatIsListedForIt() {
    Path image = temp.resolve("image");
    CatalogEntry root =
        CatalogEntry.directory("", Listings.NOON.plusSeconds(99))
            .withOwner(0700, 5, 6)
            .withXattrs(Map.of("user.note", new byte[] {7}));
    Listings.write(temp, image, List.of(Listings.file("a", 1), root));
    try (Catalog catalog = Catalog.open(image)) {
      assertEquals(0700, catalog.root().mode());
      assertEquals(5, catalog.root().uid());
      assertEquals(6, catalog.root().gid());
      assertEquals(Listings.NOON.plusSeconds(99), catalog.root().mtime());
      assertArrayEquals(new byte[] {7}, catalog.root().xattrs().get("user.note"));
    }
  }

  @Test
  void oneTimeForAllMakesShortInodes() {
    List<CatalogEntry> same = new ArrayList<>();
    List<CatalogEntry> own = new ArrayList<>();
    for (int i = 0; i < 4000; i++) {
      same.add(Listings.file("f" + i, 5));
      Instant time = Listings.NOON.plusSeconds(i);
      own.add(CatalogEntry.file("f" + i, 5, time, Listings.key("f" + i), "etag-2"));
    }
    long shorter = Listings.write(temp, temp.resolve("same"), same).imageBytes();
    long longer = Listings.write(temp, temp.resolve("own"), own).imageBytes();
    assertEquals(4000 * 32, longer - shorter, 4096);
  }

  @Test
  void temporaryFilesGo() throws IOException {
    Path work = Files.createDirectory(temp.resolve("work"));
    try (CatalogWriter writer = new CatalogWriter(SMALL_MEMORY, work)) {
      for (int i = 0; i < 50_000; i++) {
        writer.add(Listings.file("file" + i, i));
      }
      try (Stream<Path> files = Files.walk(work)) {
        assertTrue(files.count() > 2, "the test is meant to spill");
      }
      writer.finish(temp.resolve("image"));
      assertThrows(IllegalStateException.class, () -> writer.add(Listings.file("late", 1)));
    }
    try (Stream<Path> files = Files.list(work)) {
      assertEquals(0, files.count());
    }
  }

  @Test
  void anExistingFileIsNotOverwritten() throws IOException {
    Path image = Files.writeString(temp.resolve("image"), "precious");
    LarderException fault =
        assertThrows(LarderException.class, () -> Listings.write(temp, image, List.of()));
    assertEquals(ErrorCode.STORE_IO, fault.code());
    assertEquals("precious", Files.readString(image));
  }

  /** The format is fixed: an image written today has these bytes in ten years. */
  @Test
  void goldenBytes() throws IOException {
    List<CatalogEntry> listing =
        List.of(
            Listings.file("data/train/a.bin", 5L << 30),
            Listings.file("data/train/empty", 0),
            CatalogEntry.file(
                "data/x", 4097, Instant.ofEpochSecond(-1, 5), Listings.key("x"), null),
            CatalogEntry.symlink("latest", "data/train", Listings.NOON),
            Listings.file("owned", 1)
                .withOwner(0640, 1000, 1000)
                .withXattrs(Map.of("user.larder.uri", new byte[] {'u'})),
            CatalogEntry.directory("void", Listings.NOON));
    Path image = temp.resolve("image");
    Listings.write(temp, image, listing);
    byte[] golden = Golden.read("catalog-v1.hex");
    assertEquals(Golden.dump(golden), Golden.dump(Files.readAllBytes(image)));
    Path old = Files.write(temp.resolve("old"), golden);
    try (Catalog catalog = Catalog.open(old)) {
      assertEquals(TreeModel.of(listing), TreeModel.of(catalog));
      catalog.verify();
    }
  }
}
