package dev.larder.erofs;

import dev.larder.protocol.BlobKey;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * The naive reference: what tree a listing is, worked out in maps from the rules in {@link
 * CatalogWriter}'s contract, with none of its code.
 */
final class TreeModel {
  private TreeModel() {}

  /** One path of a tree. */
  record Node(
      EntryType type,
      int mode,
      long links,
      long sizeBytes,
      Instant mtime,
      long uid,
      long gid,
      String key,
      String version,
      String linkTarget,
      Map<String, String> xattrs) {}

  static Map<String, Node> of(Catalog catalog) {
    Map<String, Node> out = new TreeMap<>();
    out.put("", node(catalog.root()));
    for (Iterator<CatalogNode> walk = catalog.walk(catalog.root()); walk.hasNext(); ) {
      CatalogNode node = walk.next();
      if (out.put(node.path(), node(node)) != null) {
        throw new AssertionError("walked twice: " + node);
      }
    }
    return out;
  }

  private static Node node(CatalogNode node) {
    Map<String, String> xattrs = new TreeMap<>();
    node.xattrs()
        .forEach((name, value) -> {
          if (name.startsWith("user.") && !name.equals(CatalogEntry.VERSION_XATTR)) {
            xattrs.put(name, Arrays.toString(value));
          }
        });
    boolean directory = node.type() == EntryType.DIRECTORY;
    return new Node(
        node.type(),
        node.mode(),
        node.links(),
        directory ? 0 : node.sizeBytes(),
        node.mtime(),
        node.uid(),
        node.gid(),
        node.key().map(BlobKey::toString).orElse(""),
        node.version().orElse(""),
        node.linkTarget().orElse(""),
        xattrs);
  }

  /** The tree of a listing that holds no name to be refused. */
  static Map<String, Node> of(List<CatalogEntry> listing) {
    Map<String, CatalogEntry> winners = new TreeMap<>();
    Map<String, Boolean> directories = new TreeMap<>();
    directories.put("", true);
    for (CatalogEntry entry : listing) {
      String path = entry.path().replaceAll("/$", "");
      for (int i = path.indexOf('/'); i >= 0; i = path.indexOf('/', i + 1)) {
        directories.put(path.substring(0, i), true);
      }
      if (entry.type() == EntryType.DIRECTORY) {
        directories.put(path, true);
      }
      winners.merge(path, entry, TreeModel::winner);
    }
    Map<String, List<String>> children = new TreeMap<>();
    directories.keySet().forEach(path -> children.put(path, new ArrayList<>()));
    TreeMap<String, Boolean> all = new TreeMap<>(directories);
    winners.keySet().forEach(path -> all.put(path, true));
    all.remove("");
    all.keySet().forEach(path -> children.get(parent(path)).add(path));
    Map<String, Node> out = new TreeMap<>();
    // Children have longer paths than their parent, so they are done when it needs them.
    all.keySet().stream()
        .sorted(Comparator.comparingInt(String::length).reversed())
        .forEach(path -> out.put(path, node(path, winners.get(path), children, out)));
    out.put("", node("", winners.get(""), children, out));
    return out;
  }

  private static String parent(String path) {
    return path.substring(0, Math.max(0, path.lastIndexOf('/')));
  }

  private static Node node(
      String path, CatalogEntry entry, Map<String, List<String>> children, Map<String, Node> done) {
    List<String> below = children.get(path);
    if (below == null) {
      return leaf(entry);
    }
    CatalogEntry explicit = entry != null && entry.type() == EntryType.DIRECTORY ? entry : null;
    List<Node> nodes = below.stream().map(done::get).toList();
    // A directory with neither entry nor content exists only as an empty root.
    Instant newest =
        nodes.stream().map(Node::mtime).max(Comparator.naturalOrder()).orElse(Instant.EPOCH);
    return new Node(
        EntryType.DIRECTORY,
        explicit == null ? 0555 : explicit.mode().orElse(0555),
        2 + nodes.stream().filter(node -> node.type() == EntryType.DIRECTORY).count(),
        0,
        explicit == null ? newest : explicit.mtime(),
        explicit == null ? 0 : explicit.uid().orElse(0),
        explicit == null ? 0 : explicit.gid().orElse(0),
        "",
        "",
        "",
        explicit == null ? Map.of() : xattrs(explicit));
  }

  private static CatalogEntry winner(CatalogEntry a, CatalogEntry b) {
    boolean aDirectory = a.type() == EntryType.DIRECTORY;
    boolean bDirectory = b.type() == EntryType.DIRECTORY;
    if (aDirectory != bDirectory) {
      return aDirectory ? a : b;
    }
    Comparator<CatalogEntry> order =
        Comparator.comparing(CatalogEntry::mtime, Comparator.reverseOrder())
            .thenComparing(CatalogEntry::type)
            .thenComparing(CatalogEntry::sizeBytes)
            .thenComparing(CatalogEntry::key, Comparator.nullsFirst(Comparator.naturalOrder()))
            .thenComparing(e -> Objects.requireNonNullElse(e.version(), ""))
            .thenComparing(e -> Objects.requireNonNullElse(e.linkTarget(), ""));
    return order.compare(a, b) <= 0 ? a : b;
  }

  private static Node leaf(CatalogEntry entry) {
    boolean link = entry.type() == EntryType.SYMLINK;
    String target = Objects.requireNonNullElse(entry.linkTarget(), "");
    return new Node(
        entry.type(),
        link ? 0777 : entry.mode().orElse(0444),
        1,
        link ? target.length() : entry.sizeBytes(),
        entry.mtime(),
        entry.uid().orElse(0),
        entry.gid().orElse(0),
        entry.key() == null ? "" : entry.key().toString(),
        Objects.requireNonNullElse(entry.version(), ""),
        target,
        xattrs(entry));
  }

  private static Map<String, String> xattrs(CatalogEntry entry) {
    Map<String, String> out = new TreeMap<>();
    entry.userXattrs().forEach((name, value) -> out.put(name, Arrays.toString(value)));
    return out;
  }
}
