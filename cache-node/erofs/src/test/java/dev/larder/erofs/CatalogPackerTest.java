package dev.larder.erofs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
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
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The packed form holds the same tree and the right bytes, or it does not exist. */
final class CatalogPackerTest {
  private static final int BOUND = PackOptions.DEFAULT.fileBytesMax();

  @TempDir Path temp;

  @Test
  void theTreeStaysAndTheBytesCome() throws IOException {
    PackCase input = PackCase.edges();
    Path plain = input.plain(temp);
    Path packed = temp.resolve("packed");
    PackSummary summary = CatalogPacker.pack(plain, packed, input.source(), PackOptions.DEFAULT);
    long expectedFiles =
        input.contents.values().stream().filter(b -> b.length > 0 && b.length <= BOUND).count();
    long expectedBytes =
        input.contents.values().stream().mapToLong(b -> b.length).filter(n -> n <= BOUND).sum();
    assertEquals(expectedFiles, summary.files());
    assertEquals(expectedBytes, summary.bytes());
    assertEquals(Files.size(packed), summary.imageBytes());
    assertEquals(PackCase.sha256(Files.readAllBytes(packed)), summary.key());
    assertEquals(PackCase.sha256(Files.readAllBytes(plain)), summary.plain());
    try (Catalog before = Catalog.open(plain);
        Catalog after = Catalog.open(packed)) {
      after.verify();
      assertSameTree(before, after);
      assertBytes(input, after, BOUND);
      assertFalse(before.isPacked());
      assertEquals(0, before.packedFiles());
      assertTrue(before.plainKey().isEmpty());
      assertTrue(after.isPacked());
      assertEquals(expectedFiles, after.packedFiles());
      assertEquals(expectedBytes, after.packedBytes());
      assertEquals(summary.plain(), after.plainKey().orElseThrow());
      assertEquals(before.listing(), after.listing());
      assertEquals(before.totals(), after.totals());
      PackPlan plan = new CatalogPacker(before, PackOptions.DEFAULT).plan();
      assertEquals(new PackPlan(summary.files(), summary.bytes(), summary.imageBytes()), plan);
    }
  }

  @Test
  void randomTreesAndBounds() throws IOException {
    long seed = Listings.seed();
    for (int round = 0; round < 12; round++) {
      Random random = new Random(seed + round);
      PackCase input = PackCase.random(random, 300);
      Path directory = Files.createDirectory(temp.resolve("round" + round));
      Path plain = input.plain(directory);
      int bound = 1 + random.nextInt(4000);
      Path packed = directory.resolve("packed");
      PackOptions options = PackOptions.DEFAULT.withFileBytesMax(bound);
      CatalogPacker.pack(plain, packed, input.source(), options);
      try (Catalog before = Catalog.open(plain);
          Catalog after = Catalog.open(packed)) {
        after.verify();
        assertSameTree(before, after);
        assertEquals(TreeModel.of(before), TreeModel.of(after), "seed " + (seed + round));
        for (Iterator<CatalogNode> walk = after.walk(after.root()); walk.hasNext(); ) {
          CatalogNode node = walk.next();
          if (node.type() == EntryType.FILE) {
            boolean inside = node.sizeBytes() <= bound;
            assertEquals(inside, node.hasData(), node + " seed " + (seed + round));
            if (inside) {
              byte[] bytes = input.blobs.get(node.key().orElseThrow());
              assertArrayEquals(bytes, read(after, node), node + " seed " + (seed + round));
            }
          }
        }
      }
    }
  }

  @Test
  void theSameInputGivesTheSameBytes() throws IOException {
    PackCase input = PackCase.edges();
    Path plain = input.plain(temp);
    BlobKey first = pack(input, plain, "first").key();
    assertEquals(first, pack(input, plain, "second").key());
    PackOptions smaller = PackOptions.DEFAULT.withFileBytesMax(BOUND - 1);
    BlobKey other = CatalogPacker.pack(plain, temp.resolve("third"), input.source(), smaller).key();
    assertNotEquals(first, other);
  }

  @Test
  void equalKeysAreStoredOnceAndAskedForOnce() throws IOException {
    PackCase input = new PackCase();
    byte[] bytes = Listings.bytes(1, 5000);
    for (int i = 0; i < 1000; i++) {
      input.add("d%d/f%d".formatted(i % 10, i), bytes.length, bytes);
    }
    Path plain = input.plain(temp);
    AtomicInteger asked = new AtomicInteger();
    Path packed = temp.resolve("packed");
    PackSummary summary =
        CatalogPacker.pack(
            plain,
            packed,
            key -> {
              asked.incrementAndGet();
              return input.source().read(key);
            },
            PackOptions.DEFAULT);
    assertEquals(1, asked.get());
    assertEquals(1000, summary.files());
    assertEquals(5_000_000, summary.bytes());
    assertEquals(Files.size(plain) + 2 * 4096, summary.imageBytes());
    try (Catalog catalog = Catalog.open(packed)) {
      assertBytes(input, catalog, BOUND);
      catalog.verify();
    }
  }

  @Test
  void onlyWhatTheBoundAllowsIsAskedFor() throws IOException {
    PackCase input = PackCase.edges();
    input.blobs.values().removeIf(bytes -> bytes.length > 4096 || bytes.length == 0);
    PackOptions options = PackOptions.DEFAULT.withFileBytesMax(4096);
    Path packed = temp.resolve("packed");
    CatalogPacker.pack(input.plain(temp), packed, input.source(), options);
    try (Catalog catalog = Catalog.open(packed)) {
      assertTrue(catalog.lookup("sizes/4096").orElseThrow().hasData());
      CatalogNode larger = catalog.lookup("sizes/4097").orElseThrow();
      assertFalse(larger.hasData());
      LarderException fault =
          assertThrows(
              LarderException.class, () -> catalog.readData(larger, 0, ByteBuffer.allocate(9)));
      assertEquals(ErrorCode.WRONG_TYPE, fault.code());
    }
  }

  @Test
  void aCatalogWithNothingSmallIsPackedToo() {
    Path plain = temp.resolve("plain");
    Listings.write(temp, plain, List.of(Listings.file("big", 1 << 20), Listings.file("empty", 0)));
    Path packed = temp.resolve("packed");
    PackSummary summary =
        CatalogPacker.pack(
            plain,
            packed,
            key -> {
              throw new AssertionError(key);
            },
            PackOptions.DEFAULT);
    assertEquals(0, summary.files());
    try (Catalog catalog = Catalog.open(packed)) {
      assertTrue(catalog.isPacked());
      catalog.verify();
    }
  }

  @Test
  void aMissingBlobIsNamedAndNothingIsLeft() throws IOException {
    PackCase input = PackCase.edges();
    BlobKey missing = PackCase.sha256(input.contents.get("sizes/4097"));
    input.blobs.remove(missing);
    LarderException fault =
        assertThrows(LarderException.class, () -> pack(input, input.plain(temp), "packed"));
    assertEquals(ErrorCode.UNKNOWN_BLOB, fault.code());
    assertTrue(fault.getMessage().contains(missing.toString()), fault.getMessage());
    assertFalse(Files.exists(temp.resolve("packed")));
  }

  @Test
  void bytesOfAnotherLengthAreRefused() throws IOException {
    PackCase input = PackCase.edges();
    BlobKey key = PackCase.sha256(input.contents.get("sizes/4097"));
    input.blobs.put(key, new byte[4096]);
    LarderException fault =
        assertThrows(LarderException.class, () -> pack(input, input.plain(temp), "packed"));
    assertEquals(ErrorCode.STORE_CORRUPT, fault.code());
    assertTrue(fault.getMessage().contains(key.toString()), fault.getMessage());
    assertFalse(Files.exists(temp.resolve("packed")));
  }

  @Test
  void theSourcesFaultReachesTheCaller() throws IOException {
    PackCase input = PackCase.edges();
    Path plain = input.plain(temp);
    LarderException mine = new LarderException(ErrorCode.STORE_IO, "the disk");
    Path packed = temp.resolve("packed");
    SmallFileSource broken =
        key -> {
          throw mine;
        };
    assertSame(
        mine,
        assertThrows(
            LarderException.class,
            () -> CatalogPacker.pack(plain, packed, broken, PackOptions.DEFAULT)));
    assertFalse(Files.exists(packed));
  }

  @Test
  void progressIsToldAndCancelEnds() throws IOException {
    PackCase input = PackCase.edges();
    Path plain = input.plain(temp);
    List<Long> told = new ArrayList<>();
    Path packed = temp.resolve("packed");
    PackSummary summary =
        CatalogPacker.pack(
            plain,
            packed,
            input.source(),
            PackOptions.DEFAULT.withProgress((files, bytes) -> told.add(files)));
    List<Long> expected = new ArrayList<>();
    for (long files = 1000; files < summary.files(); files += 1000) {
      expected.add(files);
    }
    expected.add(summary.files());
    assertEquals(expected, told);

    // Wherever the end is asked for, there is an end and no file.
    AtomicInteger calls = new AtomicInteger();
    CatalogPacker.pack(
        plain,
        temp.resolve("counted"),
        input.source(),
        PackOptions.DEFAULT.withCancel(() -> calls.incrementAndGet() < 0));
    for (int at : new int[] {1, 2, calls.get() / 2, calls.get() - 1, calls.get()}) {
      Path image = temp.resolve("cancelled" + at);
      AtomicInteger left = new AtomicInteger(at);
      PackOptions options = PackOptions.DEFAULT.withCancel(() -> left.decrementAndGet() <= 0);
      LarderException fault =
          assertThrows(
              LarderException.class,
              () -> CatalogPacker.pack(plain, image, input.source(), options));
      assertEquals(ErrorCode.CANCELLED, fault.code());
      assertFalse(Files.exists(image));
    }
  }

  @Test
  void anInterruptIsACancel() throws IOException {
    PackCase input = PackCase.edges();
    Path plain = input.plain(temp);
    Path packed = temp.resolve("packed");
    SmallFileSource interrupting =
        key -> {
          Thread.currentThread().interrupt();
          return input.source().read(key);
        };
    try (Catalog catalog = Catalog.open(plain)) {
      CatalogPacker packer = new CatalogPacker(catalog, PackOptions.DEFAULT);
      LarderException fault =
          assertThrows(LarderException.class, () -> packer.write(packed, interrupting));
      assertEquals(ErrorCode.CANCELLED, fault.code());
    } finally {
      assertTrue(Thread.interrupted());
    }
    assertFalse(Files.exists(packed));
  }

  @Test
  void anExistingFileIsNotOverwritten() throws IOException {
    PackCase input = PackCase.edges();
    Path plain = input.plain(temp);
    Files.writeString(temp.resolve("packed"), "precious");
    LarderException fault = assertThrows(LarderException.class, () -> pack(input, plain, "packed"));
    assertEquals(ErrorCode.STORE_IO, fault.code());
    assertEquals("precious", Files.readString(temp.resolve("packed")));
  }

  @Test
  void onlyAPlainCatalogIsPacked() throws Exception {
    PackCase input = PackCase.edges();
    Path plain = input.plain(temp);
    pack(input, plain, "packed");
    LarderException fault =
        assertThrows(LarderException.class, () -> pack(input, temp.resolve("packed"), "twice"));
    assertEquals(ErrorCode.WRONG_TYPE, fault.code());
    assertThrows(LarderException.class, () -> PackOptions.DEFAULT.withFileBytesMax((1 << 20) + 1));
    assertThrows(LarderException.class, () -> PackOptions.DEFAULT.withFileBytesMax(0));
  }

  @Test
  void filesOfOneKeyAndTwoSizesAreNamed() {
    BlobKey key = Listings.key("one");
    Path plain = temp.resolve("plain");
    Listings.write(
        temp,
        plain,
        List.of(
            CatalogEntry.file("a", 10, Listings.NOON, key, null),
            CatalogEntry.file("b", 11, Listings.NOON, key, null)));
    Path packed = temp.resolve("packed");
    LarderException fault =
        assertThrows(
            LarderException.class,
            () ->
                CatalogPacker.pack(
                    plain, packed, k -> ByteBuffer.allocate(10), PackOptions.DEFAULT));
    assertEquals(ErrorCode.CATALOG_CORRUPT, fault.code());
    assertTrue(fault.getMessage().contains(key.toString()), fault.getMessage());
    assertFalse(Files.exists(packed));
  }

  /** The packed format is fixed too. */
  @Test
  void goldenBytes() throws IOException {
    PackCase input = new PackCase();
    for (String path : List.of("a", "data/b", "data/empty", "data/same as a", "z")) {
      int length = path.equals("data/empty") ? 0 : path.equals("z") ? 4097 : 3;
      byte[] bytes = new byte[length];
      java.util.Arrays.fill(bytes, (byte) (path.equals("data/b") ? 'b' : 'a'));
      input.add(path, length, bytes);
    }
    input.listing.add(Listings.file("large", 65537));
    Path packed = temp.resolve("packed");
    pack(input, input.plain(temp), "packed");
    byte[] golden = Golden.read("catalog-v1-packed.hex");
    assertEquals(Golden.dump(golden), Golden.dump(Files.readAllBytes(packed)));
    Path old = Files.write(temp.resolve("old"), golden);
    try (Catalog catalog = Catalog.open(old)) {
      assertBytes(input, catalog, BOUND);
      catalog.verify();
    }
  }

  private PackSummary pack(PackCase input, Path plain, String name) {
    return CatalogPacker.pack(plain, temp.resolve(name), input.source(), PackOptions.DEFAULT);
  }

  private static void assertSameTree(Catalog before, Catalog after) {
    Iterator<CatalogNode> one = before.walk(before.root());
    Iterator<CatalogNode> two = after.walk(after.root());
    while (one.hasNext()) {
      CatalogNode a = one.next();
      CatalogNode b = two.next();
      assertEquals(a.path(), b.path());
      assertEquals(a.inode(), b.inode(), a.path());
      assertEquals(a.key(), b.key(), a.path());
      Map<String, byte[]> attributes = new HashMap<>(a.xattrs());
      if (b.hasData() && b.sizeBytes() > 0) {
        attributes.remove("trusted.overlay.metacopy");
        attributes.put("trusted.larder.packed", new byte[0]);
      }
      assertEquals(attributes.keySet(), b.xattrs().keySet(), a.path());
    }
    assertFalse(two.hasNext());
  }

  private static void assertBytes(PackCase input, Catalog catalog, int bound) {
    input.contents.forEach((path, bytes) -> {
      CatalogNode node = catalog.lookup(path).orElseThrow();
      assertEquals(bytes.length <= bound, node.hasData(), path);
      if (node.hasData()) {
        assertArrayEquals(bytes, read(catalog, node), path);
      }
    });
  }

  private static byte[] read(Catalog catalog, CatalogNode node) {
    ByteBuffer out = ByteBuffer.allocate((int) node.sizeBytes() + 1);
    int count = catalog.readData(node, 0, out);
    assertEquals(Math.max(count, 0), node.sizeBytes());
    assertEquals(-1, catalog.readData(node, node.sizeBytes(), out));
    byte[] bytes = new byte[(int) node.sizeBytes()];
    out.flip().get(bytes);
    return bytes;
  }
}
