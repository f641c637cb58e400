package dev.larder.erofs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The kernel and fsck.erofs on packed catalogs: the plain form's tree, and the files' bytes. */
final class PackedKernelTest {
  private static final int BOUND = PackOptions.DEFAULT.fileBytesMax();

  @TempDir Path temp;

  @BeforeEach
  void requireTools() {
    Tools.requireMounts();
    Tools.requireErofsUtils();
  }

  @Test
  void theKernelShowsThePlainTreeAndTheBytes() throws Exception {
    prove(PackCase.edges(), temp, PackOptions.DEFAULT, "edges");
  }

  @Test
  void theKernelShowsRandomTrees() throws Exception {
    long seed = Listings.seed();
    for (int round = 0; round < 6; round++) {
      Random random = new Random(seed + round);
      PackCase input = PackCase.random(random, 300);
      Path directory = Files.createDirectory(temp.resolve("round" + round));
      int bound = 1 + random.nextInt(4000);
      prove(
          input,
          directory,
          PackOptions.DEFAULT.withFileBytesMax(bound),
          "-Dlarder.seed=" + (seed + round));
    }
  }

  private static void prove(PackCase input, Path directory, PackOptions options, String message)
      throws Exception {
    Path plain = input.plain(directory);
    Path packed = directory.resolve("packed");
    CatalogPacker.pack(plain, packed, input.source(), options);
    Tools.fsck(packed);
    try (Tools.Mount before = Tools.Mount.erofs(plain);
        Tools.Mount after = Tools.Mount.erofs(packed);
        Catalog catalog = Catalog.open(packed)) {
      assertEquals(KernelFacts.of(before.at()), KernelFacts.of(after.at()), message);
      Map<String, Long> inodes = KernelFacts.inodes(after.at());
      assertEquals(KernelFacts.inodes(before.at()), inodes, message);
      int[] read = new int[1];
      for (CatalogNode node : (Iterable<CatalogNode>) () -> catalog.walk(catalog.root())) {
        assertEquals(inodes.get(node.path()), node.inode(), message);
        // Java cannot name paths that are no UTF-8.
        if (node.hasData() && !node.path().contains("\udc80")) {
          byte[] bytes = input.blobs.get(node.key().orElseThrow());
          assertArrayEquals(bytes, Files.readAllBytes(after.at().resolve(node.path())), message);
          read[0]++;
        }
      }
      assertTrue(read[0] > 0, message);
    }
  }

  /** Two files whose bytes are stored once must not become one inode. */
  @Test
  void equalFilesStayTwo() throws Exception {
    PackCase input = PackCase.edges();
    Path packed = temp.resolve("packed");
    CatalogPacker.pack(input.plain(temp), packed, input.source(), PackOptions.DEFAULT);
    try (Tools.Mount mount = Tools.Mount.erofs(packed)) {
      Map<String, Long> inodes = KernelFacts.inodes(mount.at());
      assertFalse(inodes.get("sizes/4097").equals(inodes.get("again/4097")));
      assertEquals(
          -1L, Files.mismatch(mount.at().resolve("sizes/4097"), mount.at().resolve("again/4097")));
    }
  }

  @Test
  void theOverlayTakesPackedFilesFromTheCatalogAndOthersFromBlobs() throws Exception {
    PackCase input = PackCase.edges();
    Path blobs = Files.createDirectory(temp.resolve("blobs"));
    for (Map.Entry<BlobKey, byte[]> blob : input.blobs.entrySet()) {
      if (blob.getValue().length > BOUND) {
        Path file = blobs.resolve(blob.getKey().diskName());
        Files.createDirectories(file.getParent());
        Files.write(file, blob.getValue());
      }
    }
    Path plain = input.plain(temp);
    Path packed = temp.resolve("packed");
    CatalogPacker.pack(plain, packed, input.source(), PackOptions.DEFAULT);
    try (Tools.Mount before = Tools.Mount.erofs(plain);
        Tools.Mount plainView = Tools.Mount.overlay(before.at() + "::" + blobs);
        Tools.Mount after = Tools.Mount.erofs(packed);
        Tools.Mount packedView = Tools.Mount.overlay(after.at() + "::" + blobs)) {
      assertEquals(KernelFacts.of(plainView.at()), KernelFacts.of(packedView.at()));
      assertEquals(KernelFacts.inodes(plainView.at()), KernelFacts.inodes(packedView.at()));
      for (Map.Entry<String, byte[]> file : input.contents.entrySet()) {
        if (!file.getKey().contains("\udc80")) {
          Path path = packedView.at().resolve(file.getKey());
          assertArrayEquals(file.getValue(), Files.readAllBytes(path), file.getKey());
        }
      }
      // That the plain form has no such bytes shows where the packed one's came from.
      Path small = plainView.at().resolve("sizes/4097");
      assertThrows(NoSuchFileException.class, () -> Files.readAllBytes(small));
    }
  }

  @Test
  void aFullDiskIsAnErrorAndLeavesNothing() throws Exception {
    PackCase input = PackCase.edges();
    Path plain = input.plain(temp);
    long whole =
        CatalogPacker.pack(plain, temp.resolve("whole"), input.source(), PackOptions.DEFAULT)
            .imageBytes();
    for (long size : List.of(Files.size(plain) / 2, Files.size(plain) + 8192, whole - 4096)) {
      try (Tools.Mount small = Tools.Mount.tmpfs(Long.toString(size & -4096))) {
        Path image = small.at().resolve("image");
        LarderException fault =
            assertThrows(
                LarderException.class,
                () -> CatalogPacker.pack(plain, image, input.source(), PackOptions.DEFAULT));
        assertEquals(ErrorCode.STORE_FULL, fault.code());
        assertFalse(Files.exists(image));
      }
    }
  }

  /** The packed form of many files, in a process whose heap could not hold them. */
  @Test
  void manyFilesInASmallHeap() throws Exception {
    Path plain = temp.resolve("plain");
    int files = Integer.getInteger("larder.pack.files", 100_000);
    try (CatalogWriter writer = new CatalogWriter(CatalogOptions.DEFAULT, temp)) {
      for (int i = 0; i < files; i++) {
        writer.add(PackChild.entry(i));
      }
      writer.finish(plain);
    }
    Path packed = temp.resolve("packed");
    PackChild.run(plain, packed, files);
    Tools.fsck(packed);
    try (Tools.Mount mount = Tools.Mount.erofs(packed)) {
      Random random = new Random(7);
      for (int i = 0; i < 200; i++) {
        int number = random.nextInt(files);
        Path file = mount.at().resolve(PackChild.entry(number).path());
        assertArrayEquals(PackChild.content(number), Files.readAllBytes(file), file.toString());
      }
    }
  }
}
