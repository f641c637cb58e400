package dev.larder.erofs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The reader reads what another writer made: images of mkfs.erofs against their source trees. */
final class MkfsTest {
  @TempDir Path temp;
  private Path source;

  @BeforeEach
  void makeSource() throws Exception {
    Tools.requireErofsUtils();
    Tools.require("setfattr", "install attr");
    source = Files.createDirectory(temp.resolve("source"));
    int[] sizes = {0, 1, 100, 4000, 4095, 4096, 4097, 8192, 12_345, 300_000};
    for (int size : sizes) {
      Path file = source.resolve("sizes/" + size);
      Files.createDirectories(file.getParent());
      Files.write(file, Listings.bytes(size, size));
      Files.setLastModifiedTime(file, FileTime.from(Listings.NOON.plusSeconds(size)));
    }
    Path big = Files.createDirectory(source.resolve("big"));
    for (int i = 0; i < 2000; i++) {
      Files.write(big.resolve("entry number " + i), Listings.bytes(i, i % 50));
    }
    for (String name : List.of(".hidden", "!bang", "日本", "x".repeat(200), "new\nline")) {
      Files.createDirectory(source.resolve(name));
      Files.write(source.resolve(name).resolve("in"), Listings.bytes(7, 20));
    }
    Files.createSymbolicLink(source.resolve("link"), Path.of("sizes/100"));
    Files.createSymbolicLink(source.resolve("far"), Path.of("t/".repeat(2000) + "end"));
    Path owned = source.resolve("sizes/100");
    Files.setPosixFilePermissions(owned, PosixFilePermissions.fromString("rwx--x--x"));
    for (int i = 0; i < 30; i++) {
      Path file = big.resolve("entry number " + i);
      setAttribute(file, "user.shared", "the same for all of them, so it is shared");
      setAttribute(file, "user.own", "value " + i);
    }
  }

  private static void setAttribute(Path file, String name, String value) throws Exception {
    Tools.check("setfattr", "-n", name, "-v", value, file.toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "-Enoinline_data",
        "--chunksize=4096",
        "--chunksize=65536",
        "-Eforce-inode-compact",
        "-Eforce-inode-extended",
        "-x1000",
        "-x1"
      })
  void readsImagesOfOthers(String option) throws Exception {
    Path image = make(option);
    try (Catalog catalog = Catalog.open(image)) {
      TreeSet<String> seen = new TreeSet<>();
      for (Iterator<CatalogNode> walk = catalog.walk(catalog.root()); walk.hasNext(); ) {
        CatalogNode node = walk.next();
        assertTrue(seen.add(node.path()), node.path());
        assertSame(catalog, node, !option.contains("compact"));
        assertEquals(node.inode(), catalog.lookup(node.path()).orElseThrow().inode());
      }
      TreeSet<String> expected = new TreeSet<>();
      try (Stream<Path> files = Files.walk(source)) {
        files.map(path -> source.relativize(path).toString()).forEach(expected::add);
      }
      expected.remove("");
      assertEquals(expected, seen);
      assertEquals(expected.size() + 1, size(catalog.totals()));
      catalog.verify();
      assertShared(catalog);
    }
  }

  private static long size(CatalogTotals totals) {
    return totals.files() + totals.directories() + totals.symlinks();
  }

  private static void assertShared(Catalog catalog) {
    for (int i = 0; i < 31; i++) {
      Map<String, byte[]> seen = catalog.lookup("big/entry number " + i).orElseThrow().xattrs();
      assertEquals(i < 30 ? 2 : 0, seen.size());
      if (i < 30) {
        assertEquals(
            "value " + i,
            new String(seen.get("user.own"), java.nio.charset.StandardCharsets.UTF_8));
        assertEquals(41, seen.get("user.shared").length);
      }
    }
  }

  private void assertSame(Catalog catalog, CatalogNode node, boolean times) throws IOException {
    Path path = source.resolve(node.path());
    Map<String, Object> stat = Files.readAttributes(path, "unix:*", LinkOption.NOFOLLOW_LINKS);
    assertEquals(((Integer) stat.get("mode")) & 07777, node.mode(), node.path());
    assertEquals((long) (Integer) stat.get("nlink"), node.links(), node.path());
    if (times) {
      assertEquals(((FileTime) stat.get("lastModifiedTime")).toInstant(), node.mtime());
    }
    switch (node.type()) {
      case FILE -> {
        byte[] expected = Files.readAllBytes(path);
        assertEquals(expected.length, node.sizeBytes());
        assertArrayEquals(expected, content(catalog, node), node.path());
      }
      case SYMLINK ->
          assertEquals(Files.readSymbolicLink(path).toString(), node.linkTarget().orElseThrow());
      case DIRECTORY -> assertTrue(Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS));
      case OTHER -> throw new AssertionError(node.path());
    }
  }

  /** Reads in pieces that meet no block's end, through heap and direct buffers. */
  private static byte[] content(Catalog catalog, CatalogNode node) {
    byte[] out = new byte[(int) node.sizeBytes()];
    int piece = out.length > 10_000 ? 7001 : 4099;
    for (int at = 0; at < out.length; ) {
      ByteBuffer buffer =
          at % 2 == 0 ? ByteBuffer.allocate(piece) : ByteBuffer.allocateDirect(piece);
      int read = catalog.readData(node, at, buffer);
      assertEquals(Math.min(piece, out.length - at), read);
      buffer.flip().get(out, at, read);
      at += read;
    }
    assertEquals(-1, catalog.readData(node, out.length, ByteBuffer.allocate(1)));
    return out;
  }

  @Test
  void compressedDataAreRefused() throws Exception {
    Path text = source.resolve("text");
    Files.writeString(text, "again and again ".repeat(20_000));
    Path image = make("-zlz4hc");
    List<ErrorCode> codes = new ArrayList<>();
    try (Catalog catalog = Catalog.open(image)) {
      CatalogNode node = catalog.lookup("text").orElseThrow();
      assertEquals(320_000, node.sizeBytes());
      LarderException fault =
          assertThrows(
              LarderException.class, () -> catalog.readData(node, 0, ByteBuffer.allocate(10)));
      assertTrue(fault.getMessage().contains("compressed"), fault.getMessage());
      codes.add(fault.code());
    }
    assertEquals(List.of(ErrorCode.CATALOG_CORRUPT), codes);
  }

  private Path make(String option) throws Exception {
    Path image = temp.resolve("image");
    if (option.isEmpty()) {
      Tools.check("mkfs.erofs", image.toString(), source.toString());
    } else {
      Tools.check("mkfs.erofs", option, image.toString(), source.toString());
    }
    return image;
  }
}
