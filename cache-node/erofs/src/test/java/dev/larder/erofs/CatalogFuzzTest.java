package dev.larder.erofs;

import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The reader against damaged images: it may refuse, it may return what the damage says, but it ends
 * and throws nothing but LarderException. Half of the time the checksums are made right again, so
 * that the damage gets past them.
 */
final class CatalogFuzzTest {
  private static final int ROUNDS = Integer.getInteger("larder.fuzz.rounds", 6000);

  @TempDir Path temp;

  @Test
  void damagedCatalogs() throws Exception {
    List<CatalogEntry> listing = Listings.random(new Random(1), 60);
    listing.add(CatalogEntry.symlink("long", "t".repeat(4090), Listings.NOON));
    for (int i = 0; i < 150; i++) {
      listing.add(Listings.file("wide/a rather long name for a file " + i, i));
    }
    Path image = temp.resolve("image");
    Listings.write(temp, image, listing);
    fuzz(Files.readAllBytes(image));
  }

  @Test
  void damagedPackedCatalogs() throws Exception {
    PackCase input = PackCase.random(new Random(2), 60);
    for (int size : new int[] {1, 4095, 4096, 4097, 9000}) {
      input.add("sizes/" + size, size, Listings.bytes(size, size));
    }
    Path packed = temp.resolve("packed");
    CatalogPacker.pack(input.plain(temp), packed, input.source(), PackOptions.DEFAULT);
    fuzz(Files.readAllBytes(packed));
  }

  @Test
  void damagedForeignImages() throws Exception {
    Tools.requireErofsUtils();
    Path source = Files.createDirectories(temp.resolve("source/deeper")).getParent();
    for (int i = 0; i < 200; i++) {
      Files.write(source.resolve("deeper/file with a long name " + i), Listings.bytes(i, 37 * i));
    }
    Files.createSymbolicLink(source.resolve("link"), Path.of("deeper"));
    for (String option : List.of("-Enoinline_data", "--chunksize=4096", "-T0")) {
      Path image = temp.resolve("image" + option);
      Tools.check("mkfs.erofs", option, image.toString(), source.toString());
      fuzz(Files.readAllBytes(image));
    }
  }

  private static void fuzz(byte[] good) {
    long seed = Listings.seed();
    int[] whole = new int[1];
    assertTimeoutPreemptively(
        Duration.ofSeconds(120),
        () -> {
          for (int round = 0; round < ROUNDS; round++) {
            byte[] bad = damage(good, new Random(seed + round));
            try {
              read(bad);
              whole[0]++;
            } catch (LarderException expected) {
              // Refused, as it should be.
            } catch (RuntimeException | Error e) {
              fail("-Dlarder.seed=" + (seed + round), e);
            }
          }
        },
        "seed " + seed);
    assertTrue(whole[0] > 0 && whole[0] < ROUNDS, whole[0] + " of " + ROUNDS + " were readable");
  }

  private static byte[] damage(byte[] good, Random random) {
    byte[] bad = good.clone();
    int kind = random.nextInt(10);
    if (kind == 0) {
      return Arrays.copyOf(bad, random.nextInt(bad.length));
    }
    int flips = 1 + random.nextInt(kind < 5 ? 2 : 40);
    for (int i = 0; i < flips; i++) {
      int at = target(bad, random);
      switch (random.nextInt(4)) {
        case 0 -> bad[at] = (byte) random.nextInt();
        case 1 -> bad[at] = (byte) 0xFF;
        case 2 -> bad[at] = 0;
        default -> bad[at] ^= (byte) (1 << random.nextInt(8));
      }
    }
    if (random.nextBoolean()) {
      mend(bad);
    }
    return bad;
  }

  /** Mostly where something stands: zeros between structures are never read. */
  private static int target(byte[] bytes, Random random) {
    if (random.nextInt(10) == 0) {
      return 1024 + random.nextInt(300);
    }
    int at = random.nextInt(bytes.length);
    for (int i = 0; i < 200 && bytes[at] == 0; i++) {
      at = random.nextInt(bytes.length);
    }
    return at;
  }

  private static void mend(byte[] bad) {
    ByteBuffer view = ByteBuffer.wrap(bad).order(ByteOrder.LITTLE_ENDIAN);
    byte[] first = Arrays.copyOf(bad, 4096);
    view.putInt(1028, SuperBlock.checksum(first));
    int footer = bad.length - CatalogFooter.BYTES;
    CRC32C crc = new CRC32C();
    crc.update(bad, footer, CatalogFooter.BYTES - 4);
    if (new String(bad, footer, 4, java.nio.charset.StandardCharsets.ISO_8859_1).equals("LARD")) {
      view.putInt(bad.length - 4, (int) crc.getValue());
    }
  }

  private static void read(byte[] bytes) throws IOException {
    Arena arena = Arena.ofShared();
    try {
      MemorySegment segment = arena.allocate(bytes.length);
      segment.copyFrom(MemorySegment.ofArray(bytes));
      Catalog catalog = new Catalog(arena, segment);
      List<LarderException> faults = new ArrayList<>();
      readAll(catalog, faults);
      if (!faults.isEmpty()) {
        throw faults.getFirst();
      }
      catalog.totals();
      attempt(faults, () -> repack(catalog));
      catalog.verify();
    } finally {
      arena.close();
    }
  }

  /** Goes on behind a fault, to see more of the damage. */
  private static void readAll(Catalog catalog, List<LarderException> faults) {
    List<CatalogNode> nodes = new ArrayList<>();
    attempt(
        faults,
        () -> {
          Iterator<CatalogNode> walk = catalog.walk(catalog.root());
          while (walk.hasNext()) {
            nodes.add(walk.next());
          }
        });
    ByteBuffer buffer = ByteBuffer.allocate(100_000);
    for (CatalogNode node : nodes) {
      attempt(faults, node::mtime);
      attempt(faults, node::xattrs);
      attempt(faults, node::version);
      attempt(faults, node::linkTarget);
      attempt(faults, () -> catalog.lookup(node.path()));
      attempt(faults, () -> node.key().ifPresent(catalog::byKey));
      if (node.type() == EntryType.DIRECTORY) {
        attempt(faults, () -> catalog.list(node, "m", 1000));
        attempt(faults, () -> catalog.listBehind(node, node.inode(), 1000));
      }
      attempt(
          faults,
          () -> {
            if (node.hasData()) {
              catalog.readData(node, 0, buffer.clear());
            }
          });
    }
  }

  /** The packer reads damaged catalogs too; where its output would go there is no directory. */
  private static void repack(Catalog catalog) {
    new CatalogPacker(catalog, PackOptions.DEFAULT).plan();
  }

  private static void attempt(List<LarderException> faults, Runnable work) {
    try {
      work.run();
    } catch (LarderException e) {
      faults.add(e);
    }
  }
}
