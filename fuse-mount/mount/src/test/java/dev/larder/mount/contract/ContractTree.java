package dev.larder.mount.contract;

import dev.larder.erofs.CatalogEntry;
import dev.larder.erofs.CatalogOptions;
import dev.larder.erofs.CatalogWriter;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The tree that {@link MountContract} wants mounted: its listing, and the bytes of its files. */
public final class ContractTree {
  /** Time of whatever has no time of its own. */
  public static final Instant NOON = Instant.parse("2024-03-01T12:00:00.123456789Z");

  /** Names that programs get wrong. */
  static final List<String> NAMES =
      List.of(
          " space ",
          "new\nline",
          "tab\t",
          "quote\"'",
          "back\\slash",
          "-dash",
          "*glob?",
          "...",
          "ünïcödé",
          "u\u0308ni\u0308", // decomposed, not the same name as composed
          "日本語",
          "😀",
          "\u007f",
          "\udc80\udcff bytes that are no UTF-8",
          "x".repeat(255),
          "é".repeat(127));

  static final int MANY = 10_000;
  static final int DEEP = 500;

  private final List<CatalogEntry> listing = new ArrayList<>();
  private final Map<String, Content> contents = new LinkedHashMap<>();
  private final Map<BlobKey, Content> blobs = new LinkedHashMap<>();

  private ContractTree() {}

  /** A tree of these files. */
  public static ContractTree ofFiles(Map<String, Content> files) throws NoSuchAlgorithmException {
    ContractTree tree = new ContractTree();
    for (Map.Entry<String, Content> file : files.entrySet()) {
      tree.file(file.getKey(), file.getValue());
    }
    return tree;
  }

  /**
   * The tree.
   *
   * @param largeBytes size of the largest file, at least 16 MiB; above 4 GiB it shows more
   */
  public static ContractTree of(long largeBytes) throws NoSuchAlgorithmException {
    ContractTree tree = new ContractTree();
    for (int size : new int[] {0, 1, 4095, 4096, 4097, 8192, 65535, 65536, 65537, 1_000_003}) {
      tree.file("sizes/" + size, Content.of(size, size));
    }
    tree.file("large", Content.of(77, largeBytes));
    tree.file("other", Content.of(78, 3_000_001));
    for (int i = 0; i < MANY; i++) {
      tree.file("many/entry-%05d".formatted(i), Content.of(1000 + i, i % 50));
    }
    for (int i = 0; i < NAMES.size(); i++) {
      tree.file("names/" + NAMES.get(i), Content.of(200 + i, 10 + i));
      tree.file("names-of-directories/" + NAMES.get(i) + "/in", Content.of(300 + i, 20 + i));
    }
    tree.file("deep" + "/d".repeat(DEEP) + "/end", Content.of(400, 44));
    tree.links();
    tree.attributes();
    byte[] script = "#!/bin/sh\nexit 42\n".getBytes(StandardCharsets.UTF_8);
    tree.file("run/script", Content.of(script), 0555, 0, 0, Map.of());
    tree.file("run/plain", Content.of(script));
    tree.file("owned/private", Content.of(500, 50), 0600, 1000, 1000, Map.of());
    tree.file("owned/group", Content.of(501, 51), 0640, 0, 1000, Map.of());
    tree.file("owned/set-id", Content.of(502, 52), 04755, 70_000, 4_294_967_294L, Map.of());
    tree.listing.add(
        CatalogEntry.directory("owned/closed", NOON.plusSeconds(3)).withOwner(0700, 1000, 1000));
    tree.file("owned/closed/in", Content.of(503, 53));
    tree.listing.add(CatalogEntry.directory("empty", NOON.plusSeconds(9)));
    int number = 0;
    for (String time :
        List.of(
            "1970-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999999999Z",
            "1901-12-14T00:00:00.5Z",
            "2038-01-19T03:14:08Z",
            "2106-02-07T06:28:16.000000001Z")) {
      Content content = Content.of(600 + number, 60 + number);
      tree.add(
          CatalogEntry.file(
              "times/" + number++, content.size(), Instant.parse(time), key(content), "t"),
          content);
    }
    return tree;
  }

  private void links() {
    link("links/relative", "../sizes/4097");
    link("links/chain", "relative");
    link("links/to-directory", "../many");
    link("links/dangling", "nowhere/at/all");
    link("links/absolute", "/proc/self/status");
    link("links/loop", "loop");
    link("links/loop-a", "loop-b");
    link("links/loop-b", "loop-a");
    link("links/long", "t".repeat(4095));
  }

  private void attributes() throws NoSuchAlgorithmException {
    file(
        "attributes/file",
        Content.of(700, 70),
        0444,
        0,
        0,
        Map.of(
            "user.larder.origin",
            "s3://bucket/a b".getBytes(StandardCharsets.UTF_8),
            "user.empty",
            new byte[0],
            "user.zeros",
            new byte[3],
            "user.big",
            Content.of(701, 8000).bytes()));
    listing.add(
        CatalogEntry.directory("attributes", NOON)
            .withXattrs(Map.of("user.note", new byte[] {1, 2, 3})));
  }

  private void link(String path, String target) {
    listing.add(CatalogEntry.symlink(path, target, NOON));
  }

  private void file(String path, Content content) throws NoSuchAlgorithmException {
    add(
        CatalogEntry.file(path, content.size(), NOON, key(content), "v-" + content.seed()),
        content);
  }

  private void file(
      String path, Content content, int mode, long uid, long gid, Map<String, byte[]> attributes)
      throws NoSuchAlgorithmException {
    add(
        CatalogEntry.file(path, content.size(), NOON, key(content), "v-" + content.seed())
            .withXattrs(attributes)
            .withOwner(mode, uid, gid),
        content);
  }

  private void add(CatalogEntry entry, Content content) {
    listing.add(entry);
    contents.put(entry.path(), content);
    blobs.put(entry.key(), content);
  }

  private static BlobKey key(Content content) throws NoSuchAlgorithmException {
    String text = content.seed() + " " + content.size() + " " + content.literal().length;
    return BlobKey.origin(
        Digest.of(
            MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8))));
  }

  /** What to write a catalog from. Keys are of origins, and made up. */
  public List<CatalogEntry> listing() {
    return listing;
  }

  /** Bytes of files by path. */
  public Map<String, Content> contents() {
    return contents;
  }

  /** Bytes by key. */
  public Map<BlobKey, Content> blobs() {
    return blobs;
  }

  /** Writes the plain catalog. */
  public void writeCatalog(Path image, Path temporary) {
    try (CatalogWriter writer = new CatalogWriter(CatalogOptions.DEFAULT, temporary)) {
      listing.forEach(writer::add);
      writer.finish(image);
    }
  }
}
