package dev.larder.erofs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reading catalogs: every way to a node leads to the same node, and closing is clean. */
final class CatalogTest {
  @TempDir Path temp;

  @Test
  void everyWayLeadsToTheSameNode() {
    long seed = Listings.seed();
    List<CatalogEntry> listing = Listings.random(new Random(seed), 1500);
    listing.addAll(Listings.odd());
    Path image = temp.resolve("image");
    Listings.write(temp, image, listing);
    try (Catalog catalog = Catalog.open(image)) {
      Map<String, TreeModel.Node> model = TreeModel.of(listing);
      assertEquals(model, TreeModel.of(catalog), "seed " + seed);
      for (Iterator<CatalogNode> walk = catalog.walk(catalog.root()); walk.hasNext(); ) {
        CatalogNode node = walk.next();
        CatalogNode found = catalog.lookup(node.path()).orElseThrow();
        assertEquals(node.inode(), found.inode(), () -> node + " seed " + seed);
        if (node.key().isPresent()) {
          CatalogNode keyed = catalog.byKey(node.key().get()).orElseThrow();
          assertEquals(node.key(), keyed.key());
          // The path was found from the inode's number alone.
          assertEquals(keyed.inode(), catalog.lookup(keyed.path()).orElseThrow().inode());
          assertTrue(keyed.inode() <= node.inode(), "the first in tree order");
        }
      }
      for (String path :
          List.of(
              "nowhere",
              "names/nowhere",
              "names/plain/below",
              "/",
              "names/",
              "/names",
              "names//plain",
              ".",
              "..",
              "names/..",
              "names/.",
              "x".repeat(300),
              "\ud800")) {
        assertEquals(Optional.empty(), catalog.lookup(path), path);
      }
      assertEquals(Optional.empty(), catalog.byKey(Listings.key("no such file")));
      BlobKey known = catalog.lookup("names/plain").orElseThrow().key().orElseThrow();
      BlobKey otherKind = BlobKey.sha256(known.digest());
      assertEquals(Optional.empty(), catalog.byKey(otherKind));
      catalog.verify();
    }
  }

  @Test
  void pagesOfADirectoryJoinUp() {
    List<CatalogEntry> listing = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      listing.add(Listings.file("dir/%s%03d".formatted("!-.a".charAt(i % 4), i), i));
    }
    Path image = temp.resolve("image");
    Listings.write(temp, image, listing);
    List<String> names = listing.stream().map(entry -> entry.path().substring(4)).sorted().toList();
    try (Catalog catalog = Catalog.open(image)) {
      CatalogNode dir = catalog.lookup("dir").orElseThrow();
      for (int page : new int[] {1, 7, 341, 5000}) {
        List<String> seen = new ArrayList<>();
        String after = null;
        List<CatalogNode> part = catalog.list(dir, after, page);
        while (!part.isEmpty()) {
          assertTrue(part.size() <= page);
          part.forEach(node -> seen.add(node.name()));
          after = seen.getLast();
          part = catalog.list(dir, after, page);
        }
        assertEquals(names, seen, "pages of " + page);
      }
      for (int page : new int[] {1, 7, 341, 5000}) {
        List<String> seen = new ArrayList<>();
        List<CatalogNode> part = catalog.listBehind(dir, 0, page);
        while (!part.isEmpty()) {
          assertTrue(part.size() <= page);
          part.forEach(node -> seen.add(node.name()));
          part = catalog.listBehind(dir, part.getLast().inode(), page);
        }
        assertEquals(names, seen, "pages of " + page + " by number");
      }
      assertEquals(List.of(), catalog.listBehind(dir, Long.MAX_VALUE, 10));
      assertEquals(names.size(), catalog.listBehind(dir, 1, 5000).size());
      assertEquals("a003", catalog.list(dir, "a", 1).getFirst().name());
      assertEquals("!000", catalog.list(dir, "", 1).getFirst().name());
      assertEquals("a003", catalog.list(dir, ".zzz", 1).getFirst().name());
      assertEquals(List.of(), catalog.list(dir, "b", 1));
      CatalogNode file = catalog.lookup("dir/a003").orElseThrow();
      assertEquals(
          ErrorCode.WRONG_TYPE,
          assertThrows(LarderException.class, () -> catalog.list(file, null, 1)).code());
    }
  }

  @Test
  void walkGoesInTreeOrder() {
    Path image = temp.resolve("image");
    Listings.write(
        temp,
        image,
        List.of(
            Listings.file("a.b", 1),
            Listings.file("a/b", 1),
            Listings.file("a!", 1),
            Listings.file("a/.b", 1),
            Listings.file("B", 1)));
    try (Catalog catalog = Catalog.open(image)) {
      List<String> paths = new ArrayList<>();
      catalog.walk(catalog.root()).forEachRemaining(node -> paths.add(node.path()));
      assertEquals(List.of("B", "a", "a/.b", "a/b", "a!", "a.b"), paths);
      List<String> below = new ArrayList<>();
      catalog
          .walk(catalog.lookup("a").orElseThrow())
          .forEachRemaining(node -> below.add(node.path()));
      assertEquals(List.of("a/.b", "a/b"), below);
    }
  }

  @Test
  void aCatalogHasNoBytesToGive() {
    Path image = temp.resolve("image");
    Listings.write(temp, image, List.of(Listings.file("a", 10), Listings.file("empty", 0)));
    try (Catalog catalog = Catalog.open(image)) {
      CatalogNode file = catalog.lookup("a").orElseThrow();
      LarderException fault =
          assertThrows(
              LarderException.class, () -> catalog.readData(file, 0, ByteBuffer.allocate(10)));
      assertEquals(ErrorCode.WRONG_TYPE, fault.code());
      CatalogNode empty = catalog.lookup("empty").orElseThrow();
      assertEquals(-1, catalog.readData(empty, 0, ByteBuffer.allocate(10)));
    }
  }

  @Test
  void damageIsNamed() throws IOException {
    Path image = temp.resolve("image");
    Listings.write(temp, image, Listings.odd());
    byte[] good = Files.readAllBytes(image);
    assertCorrupt("too short", Arrays.copyOf(good, 100));
    assertCorrupt("too short", new byte[0]);
    assertCorrupt("no EROFS", new byte[8192]);
    assertCorrupt("cut off", Arrays.copyOf(good, 8192));
    assertCorrupt("end is missing", Arrays.copyOf(good, good.length - 4096));
    byte[] flipped = good.clone();
    flipped[1024 + 50] ^= 1;
    assertCorrupt("super block fails its checksum", flipped);
    byte[] newer = good.clone();
    newer[good.length - CatalogFooter.BYTES + 8] = 2;
    assertCorrupt("format 2 is unknown", newer);
    byte[] footer = good.clone();
    footer[good.length - CatalogFooter.BYTES + 20] ^= 1;
    assertCorrupt("footer fails its checksum", footer);
    byte[] table = good.clone();
    table[good.length - 4096 - 100] ^= 1;
    Path bad = Files.write(temp.resolve("bad"), table);
    try (Catalog catalog = Catalog.open(bad)) {
      assertEquals(
          ErrorCode.CATALOG_CORRUPT, assertThrows(LarderException.class, catalog::verify).code());
    }
    LarderException missing =
        assertThrows(LarderException.class, () -> Catalog.open(temp.resolve("missing")));
    assertEquals(ErrorCode.STORE_IO, missing.code());
  }

  private void assertCorrupt(String message, byte[] bytes) throws IOException {
    Path bad = Files.write(temp.resolve("bad"), bytes);
    LarderException fault = assertThrows(LarderException.class, () -> Catalog.open(bad).close());
    assertEquals(ErrorCode.CATALOG_CORRUPT, fault.code());
    assertTrue(fault.getMessage().contains(message), fault.getMessage());
  }

  @Test
  void closingUnderReadersIsClean() throws Exception {
    Path image = temp.resolve("image");
    Listings.write(temp, image, Listings.odd());
    for (int round = 0; round < 20; round++) {
      Catalog catalog = Catalog.open(image);
      CountDownLatch reading = new CountDownLatch(3);
      ExecutorService readers = Executors.newFixedThreadPool(3);
      try {
        List<Future<Integer>> results = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
          results.add(readers.submit(() -> readUntilClosed(catalog, reading)));
        }
        assertTrue(reading.await(30, TimeUnit.SECONDS));
        catalog.close();
        catalog.close();
        for (Future<Integer> result : results) {
          assertTrue(result.get(30, TimeUnit.SECONDS) > 0);
        }
      } finally {
        readers.shutdownNow();
      }
      assertThrows(IllegalStateException.class, () -> catalog.lookup("names"));
      assertThrows(IllegalStateException.class, catalog::totals);
      assertThrows(IllegalStateException.class, catalog::root);
    }
  }

  private static int readUntilClosed(Catalog catalog, CountDownLatch reading) {
    int reads = 0;
    try {
      while (true) {
        CatalogNode node = catalog.lookup("wide/file-01234").orElseThrow();
        assertFalse(node.xattrs().isEmpty());
        assertTrue(catalog.byKey(node.key().orElseThrow()).isPresent());
        reads++;
        if (reads == 1) {
          reading.countDown();
        }
      }
    } catch (IllegalStateException closed) {
      return reads;
    }
  }
}
