package dev.larder.erofs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
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

  /** What stat and readlink say of one path; a directory's size is its own affair. */
  private record Fact(
      char type, String mode, long links, long size, String time, long uid, long gid, String to) {}

  @Test
  void kernelShowsTheListing() throws Exception {
    Path image = temp.resolve("image");
    List<CatalogEntry> listing = Listings.odd();
    CatalogSummary summary = Listings.write(temp, image, listing);
    assertEquals(0, summary.skippedTotal(), () -> summary.skipped().toString());
    Tools.fsck(image);
    try (Tools.Mount mount = Tools.Mount.erofs(image)) {
      assertEquals(expected(listing), seen(mount.at()));
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
        assertEquals(facts(catalog), seen(mount.at()), "seed " + (seed + round));
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

  private static Map<String, Fact> seen(Path root) throws Exception {
    String format = "%P\\001%y\\001%m\\001%n\\001%s\\001%T@\\001%U\\001%G\\001%l\\0";
    Path out = Files.createTempFile("find", ".out");
    try {
      int status =
          new ProcessBuilder("find", root.toString(), "-printf", format)
              .redirectOutput(out.toFile())
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start()
              .waitFor();
      assertEquals(0, status);
      byte[] said = Files.readAllBytes(out);
      Map<String, Fact> facts = new TreeMap<>();
      for (String row : Names.decode(said, 0, said.length).split("\0")) {
        String[] f = row.split("\1", -1);
        boolean directory = f[1].equals("d");
        facts.put(
            f[0],
            new Fact(
                f[1].charAt(0),
                f[2],
                Long.parseLong(f[3]),
                directory ? 0 : Long.parseLong(f[4]),
                f[5].substring(0, f[5].indexOf('.') + 10),
                Long.parseLong(f[6]),
                Long.parseLong(f[7]),
                f[8]));
      }
      return facts;
    } finally {
      Files.delete(out);
    }
  }

  /** The same facts, from the listing alone. */
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

  /** What a packed catalog will rest on: two numbers of an inode change, and nothing moves. */
  @Test
  void anInodeCanBePackedInPlace() throws Exception {
    Path image = temp.resolve("image");
    Listings.write(temp, image, List.of(Listings.file("a", 3000), Listings.file("b/c", 3000)));
    byte[] content = Listings.bytes(1, 4096);
    long inode;
    ByteBuffer packed;
    try (Catalog catalog = Catalog.open(image)) {
      inode = catalog.lookup("a").orElseThrow().inode();
      ByteBuffer plain = ByteBuffer.wrap(Files.readAllBytes(image)).order(ByteOrder.LITTLE_ENDIAN);
      int blocks = plain.getInt(Erofs.SUPER_OFFSET + 36);
      int erofsBytes = blocks * Erofs.BLOCK;
      packed = ByteBuffer.allocate(erofsBytes + Erofs.BLOCK).order(ByteOrder.LITTLE_ENDIAN);
      packed.put(plain.array(), 0, erofsBytes).put(content);
      packed.putInt(Erofs.SUPER_OFFSET + 36, blocks + 1);
      int at = (int) (inode << Erofs.SLOT_BITS);
      int attributes = at + ((packed.getShort(at) & 1) == 0 ? 32 : 64);
      int shared = attributes + Erofs.XATTR_HEADER;
      // From metacopy to the mark behind it, 20 bytes on.
      packed.putInt(shared, packed.getInt(shared) + 5);
      int chunk = attributes + Erofs.XATTR_HEADER + 4 * (packed.getShort(at + 2) - 1);
      assertEquals(Erofs.NULL_ADDRESS, packed.getInt(chunk));
      packed.putInt(chunk, blocks);
      packed.putInt(
          Erofs.SUPER_OFFSET + 4, SuperBlock.checksum(Arrays.copyOf(packed.array(), 4096)));
    }
    Path other = Files.write(temp.resolve("packed"), packed.array());
    Tools.fsck(other);
    Path blobs = Files.createDirectory(temp.resolve("blobs"));
    try (Tools.Mount lower = Tools.Mount.erofs(other);
        Tools.Mount mount = Tools.Mount.overlay(lower.at() + "::" + blobs)) {
      Path path = mount.at().resolve("a");
      assertArrayEquals(Arrays.copyOf(content, 3000), Files.readAllBytes(path));
      assertEquals(inode, inode(path));
      assertThrows(NoSuchFileException.class, () -> Files.readAllBytes(mount.at().resolve("b/c")));
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
