package dev.larder.erofs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.erofs.KernelFacts.Fact;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The kernel and fsck.erofs read what the writer wrote, and see what the listing says. Facts are
 * taken by find and getfattr, which share no code with the reader under test.
 */
final class KernelTest {
  @TempDir Path temp;

  @BeforeEach
  void requireTools() {
    Tools.requireMounts();
    Tools.requireErofsUtils();
    Tools.require("getfattr", "install attr");
  }

  @Test
  void kernelShowsTheListing() throws Exception {
    Path image = temp.resolve("image");
    List<CatalogEntry> listing = Listings.odd();
    CatalogSummary summary = Listings.write(temp, image, listing);
    assertEquals(0, summary.skippedTotal(), () -> summary.skipped().toString());
    Tools.fsck(image);
    try (Tools.Mount mount = Tools.Mount.erofs(image)) {
      assertEquals(expected(listing), KernelFacts.of(mount.at()));
    }
  }

  @Test
  void kernelShowsRandomListings() throws Exception {
    long seed = Listings.seed();
    for (int round = 0; round < 8; round++) {
      Path image = temp.resolve("image" + round);
      List<CatalogEntry> listing = Listings.random(new Random(seed + round), 400);
      Listings.write(temp, image, listing);
      Tools.fsck(image);
      try (Catalog catalog = Catalog.open(image);
          Tools.Mount mount = Tools.Mount.erofs(image)) {
        assertEquals(TreeModel.of(listing), TreeModel.of(catalog), "seed " + (seed + round));
        assertEquals(facts(catalog), KernelFacts.of(mount.at()), "seed " + (seed + round));
      }
    }
  }

  @Test
  void kernelShowsTheAttributes() throws Exception {
    Path image = temp.resolve("image");
    List<CatalogEntry> listing = Listings.odd();
    Listings.write(temp, image, listing);
    try (Tools.Mount mount = Tools.Mount.erofs(image)) {
      for (CatalogEntry entry : listing) {
        if (entry.path().startsWith("wide/") && !entry.path().endsWith("7")) {
          continue;
        }
        // Java cannot name paths that are no UTF-8.
        if (entry.path().contains("\udc80")) {
          continue;
        }
        Map<String, String> seen = attributesOf(mount.at().resolve(entry.path()));
        assertEquals(attributesOf(entry), seen, entry.path());
      }
    }
  }

  private static Map<String, String> attributesOf(CatalogEntry entry) {
    Map<String, String> out = new TreeMap<>();
    entry.userXattrs().forEach((name, value) -> out.put(name, HexFormat.of().formatHex(value)));
    String version = entry.version();
    if (version != null) {
      out.put("user.larder.version", hex(version));
    }
    BlobKey key = entry.key();
    if (key != null && entry.sizeBytes() > 0) {
      out.put("trusted.overlay.metacopy", "");
      out.put("trusted.overlay.redirect", hex("/" + key.diskName()));
    } else if (key != null) {
      out.put("trusted.larder.key", hex(key.diskName()));
    }
    return out;
  }

  private static String hex(String text) {
    return HexFormat.of().formatHex(text.getBytes(StandardCharsets.UTF_8));
  }

  private static Map<String, String> attributesOf(Path path) throws Exception {
    Map<String, String> out = new TreeMap<>();
    String said =
        Tools.check("getfattr", "-h", "-d", "-m", "-", "-e", "hex", "--absolute-names", path + "");
    for (String line : said.split("\n")) {
      int equals = line.indexOf("=0x");
      if (!line.startsWith("#") && equals > 0) {
        out.put(line.substring(0, equals), line.substring(equals + 3));
      } else if (line.matches("[a-z]+\\.[a-z.]+")) {
        out.put(line, "");
      }
    }
    return out;
  }

  /** What find should say, from the listing alone. */
  private static Map<String, Fact> expected(List<CatalogEntry> listing) {
    Map<String, Fact> facts = new TreeMap<>();
    for (Map.Entry<String, TreeModel.Node> entry : TreeModel.of(listing).entrySet()) {
      facts.put(entry.getKey(), fact(entry.getValue()));
    }
    return facts;
  }

  private static Map<String, Fact> facts(Catalog catalog) {
    Map<String, Fact> facts = new TreeMap<>();
    for (Map.Entry<String, TreeModel.Node> entry : TreeModel.of(catalog).entrySet()) {
      facts.put(entry.getKey(), fact(entry.getValue()));
    }
    return facts;
  }

  private static Fact fact(TreeModel.Node node) {
    char type =
        switch (node.type()) {
          case FILE -> 'f';
          case DIRECTORY -> 'd';
          case SYMLINK -> 'l';
          case OTHER -> '?';
        };
    // find prints seconds and nanoseconds apart, also before 1970.
    String time = node.mtime().getEpochSecond() + ".%09d".formatted(node.mtime().getNano());
    return new Fact(
        type,
        Integer.toOctalString(node.mode()),
        node.links(),
        node.sizeBytes(),
        time,
        node.uid(),
        node.gid(),
        node.linkTarget());
  }

  @Test
  void overlayReadsTheBlobs() throws Exception {
    Path blobs = temp.resolve("blobs");
    List<CatalogEntry> listing = new ArrayList<>();
    Map<String, byte[]> contents = new TreeMap<>();
    for (int i = 0; i < 50; i++) {
      byte[] content = Listings.bytes(i, i * 1777);
      String path = "d" + i % 5 + "/file" + i;
      BlobKey key = i % 2 == 0 ? Listings.key(path) : BlobKey.sha256(Listings.digest(path));
      listing.add(CatalogEntry.file(path, content.length, Listings.NOON, key, "v" + i));
      contents.put(path, content);
      if (content.length > 0) {
        Path blob = blobs.resolve(key.diskName());
        Files.createDirectories(blob.getParent());
        Files.write(blob, content);
      }
    }
    Path image = temp.resolve("image");
    Listings.write(temp, image, listing);
    try (Tools.Mount lower = Tools.Mount.erofs(image);
        Tools.Mount mount = Tools.Mount.overlay(lower.at() + "::" + blobs)) {
      for (Map.Entry<String, byte[]> file : contents.entrySet()) {
        Path path = mount.at().resolve(file.getKey());
        assertArrayEquals(file.getValue(), Files.readAllBytes(path), file.getKey());
        assertEquals(Listings.NOON, Files.getLastModifiedTime(path).toInstant());
      }
      String version =
          Tools.check(
              "getfattr",
              "--only-values",
              "-n",
              "user.larder.version",
              "--absolute-names",
              mount.at().resolve("d1/file1").toString());
      assertEquals("v1", version);
    }
  }

  @Test
  void aFullDiskIsAnErrorAndLeavesNothing() throws Exception {
    try (Tools.Mount small = Tools.Mount.tmpfs("6m")) {
      for (int entries : new int[] {30_000, 100_000}) {
        Path work = Files.createDirectory(small.at().resolve("work" + entries));
        Path image = small.at().resolve("image");
        CatalogOptions options = CatalogOptions.DEFAULT.withSortMemory(4L << 20);
        List<CatalogEntry> listing = new ArrayList<>();
        for (int i = 0; i < entries; i++) {
          listing.add(Listings.file("dir" + i % 100 + "/file" + i, i));
        }
        LarderException fault =
            assertThrows(
                LarderException.class, () -> Listings.write(options, work, image, listing));
        assertEquals(ErrorCode.STORE_FULL, fault.code());
        try (Stream<Path> left = Files.list(work)) {
          assertEquals(0, left.count());
        }
        assertFalse(Files.exists(image));
      }
    }
  }

  @Test
  void inodeNumbersAreTheKernels() throws Exception {
    Path image = temp.resolve("image");
    Listings.write(temp, image, Listings.odd());
    try (Catalog catalog = Catalog.open(image);
        Tools.Mount mount = Tools.Mount.erofs(image)) {
      int checked = 0;
      for (Iterator<CatalogNode> walk = catalog.walk(catalog.root()); walk.hasNext(); ) {
        CatalogNode node = walk.next();
        if (!node.path().startsWith("wide/") && !node.path().contains("\udc80")) {
          assertEquals(node.inode(), inode(mount.at().resolve(node.path())), node.path());
          checked++;
        }
      }
      assertTrue(checked > 500, "checked " + checked);
    }
  }

  private static long inode(Path path) throws IOException {
    return (Long) Files.getAttribute(path, "unix:ino", LinkOption.NOFOLLOW_LINKS);
  }
}
