package dev.larder.agent.dataset;

import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.agent.dataset.Datasets.Totals;
import dev.larder.agent.dataset.Datasets.Type;
import dev.larder.agent.dataset.Definition.KeptSnapshot;
import dev.larder.agent.read.ReadPlane.BlobSource;
import dev.larder.erofs.Catalog;
import dev.larder.erofs.CatalogNode;
import dev.larder.erofs.EntryType;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.OriginKeys;
import dev.larder.protocol.PathGlob;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.SealedBlob;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** A snapshot's catalog, mapped, with its file held in the store. Any thread. */
final class OpenCatalog implements AutoCloseable {
  /** Hex digits of the content's SHA-256, on files whose origin names it. */
  static final String DIGEST_XATTR = "user.larder.digest";

  /**
   * The origin's URI on the root; on a file its own, when that is not the root's plus the path. On
   * every file it would cost some 100 MB in a catalog of a million.
   */
  static final String URI_XATTR = "user.larder.origin";

  private final String dataset;
  private final KeptSnapshot snapshot;
  private final SealedBlob file;
  private final Catalog catalog;

  private OpenCatalog(String dataset, KeptSnapshot snapshot, SealedBlob file, Catalog catalog) {
    this.dataset = dataset;
    this.snapshot = snapshot;
    this.file = file;
    this.catalog = catalog;
  }

  /**
   * Opens a snapshot's catalog after checking every byte of it.
   *
   * @throws LarderException CATALOG_CORRUPT when it is gone or damaged
   */
  static OpenCatalog open(BlobStore store, String dataset, KeptSnapshot snapshot) {
    BlobKey key = snapshot.info().catalog();
    String name = dataset + "@" + snapshot.info().number();
    SealedBlob file =
        store
            .openSealed(key)
            .orElseThrow(() ->
                new LarderException(
                    ErrorCode.CATALOG_CORRUPT,
                    "the catalog of " + name + " is not in the store; refresh the dataset"));
    try {
      file.verify(0, file.info().sizeBytes());
      return new OpenCatalog(dataset, snapshot, file, Catalog.open(file.path()));
    } catch (LarderException e) {
      file.close();
      throw e.code() == ErrorCode.STORE_CORRUPT
          ? new LarderException(
              ErrorCode.CATALOG_CORRUPT,
              "the catalog of " + name + " is damaged; refresh the dataset",
              e)
          : e;
    }
  }

  Optional<Entry> find(String path) {
    return guarded(
        () -> catalog.lookup(trimmed(path)).filter(OpenCatalog::isShown).map(this::entry));
  }

  Entry stat(String path) {
    return entry(node(path));
  }

  List<Entry> list(String path, Optional<String> after, int limit) {
    return guarded(() -> {
      CatalogNode directory = node(path);
      if (directory.type() != EntryType.DIRECTORY) {
        throw new LarderException(ErrorCode.WRONG_TYPE, path + " is no directory");
      }
      return catalog.list(directory, after.orElse(null), limit).stream()
          .filter(OpenCatalog::isShown)
          .map(this::entry)
          .toList();
    });
  }

  void walk(PathGlob glob, Consumer<Entry> visitor) {
    Iterator<CatalogNode> nodes = guarded(() -> catalog.walk(catalog.root()));
    while (guarded(nodes::hasNext)) {
      CatalogNode node = guarded(nodes::next);
      boolean isWanted = node.type() == EntryType.FILE || node.type() == EntryType.SYMLINK;
      if (isWanted && (glob.isAll() || glob.matches(node.path()))) {
        visitor.accept(guarded(() -> entry(node)));
      }
    }
  }

  /** Sums of a directory, from its own node on. */
  Totals totals(String path) {
    CatalogNode directory = node(path);
    if (directory.type() != EntryType.DIRECTORY) {
      throw new LarderException(ErrorCode.WRONG_TYPE, path + " is no directory");
    }
    return guarded(() -> {
      long files = 0;
      long bytes = 0;
      Iterator<CatalogNode> nodes = catalog.walk(directory);
      while (nodes.hasNext()) {
        CatalogNode node = nodes.next();
        if (node.type() == EntryType.FILE) {
          files++;
          bytes += node.sizeBytes();
        } else if (node.type() == EntryType.SYMLINK) {
          files++;
        }
      }
      return new Totals(files, bytes);
    });
  }

  BlobSource source(Entry file) {
    if (file.key().isEmpty()) {
      throw new LarderException(ErrorCode.WRONG_TYPE, file.path() + " is no file");
    }
    return source(file, snapshot.hasOwnUris() ? guarded(() -> node(file.path())) : null);
  }

  Optional<BlobSource> byKey(BlobKey key) {
    return guarded(() -> catalog.byKey(key).map(node -> source(entry(node), node)));
  }

  boolean lists(BlobKey key) {
    return guarded(() -> catalog.byKey(key).isPresent());
  }

  /** Small files behind a name of a directory, none of them empty. */
  List<BlobSource> smallFilesAfter(String path, int max) {
    return guarded(() -> {
      int slash = path.lastIndexOf('/');
      String folder = slash < 0 ? "" : path.substring(0, slash);
      Optional<CatalogNode> directory = catalog.lookup(folder);
      List<BlobSource> out = new ArrayList<>();
      if (directory.isPresent() && directory.get().type() == EntryType.DIRECTORY) {
        for (CatalogNode node : catalog.list(directory.get(), path.substring(slash + 1), max)) {
          if (node.type() == EntryType.FILE
              && node.sizeBytes() > 0
              && Blocks.isSmall(node.sizeBytes())) {
            out.add(source(entry(node), node));
          }
        }
      }
      return out;
    });
  }

  @Override
  public void close() {
    catalog.close();
    file.close();
  }

  private CatalogNode node(String path) {
    return guarded(() -> catalog.lookup(trimmed(path)))
        .filter(OpenCatalog::isShown)
        .orElseThrow(() ->
            new LarderException(
                ErrorCode.NO_SUCH_PATH,
                dataset + "@" + snapshot.info().number() + " has no path \"" + path + "\""));
  }

  private BlobSource source(Entry file, @org.jspecify.annotations.Nullable CatalogNode node) {
    byte[] own = node == null || !snapshot.hasOwnUris() ? null : node.xattrs().get(URI_XATTR);
    String uri =
        own != null
            ? new String(own, StandardCharsets.UTF_8)
            : snapshot.rootUri() + '/' + OriginKeys.encode(file.path());
    return new BlobSource(
        dataset,
        new OriginObject(
            file.path(),
            OriginObject.Type.FILE,
            uri,
            file.version().orElse(""),
            file.sizeBytes(),
            file.mtime(),
            Optional.empty(),
            file.key().filter(key -> key.kind() == BlobKey.Kind.SHA256)));
  }

  private Entry entry(CatalogNode node) {
    boolean isFile = node.type() == EntryType.FILE;
    return new Entry(
        node.path(),
        type(node.type()),
        isFile ? node.sizeBytes() : 0,
        node.mtime(),
        isFile ? node.key() : Optional.empty(),
        isFile ? node.version() : Optional.empty(),
        node.linkTarget());
  }

  private static Type type(EntryType type) {
    return switch (type) {
      case FILE -> Type.FILE;
      case DIRECTORY -> Type.DIRECTORY;
      case SYMLINK -> Type.SYMLINK;
      case OTHER -> throw new LarderException(ErrorCode.CATALOG_CORRUPT, "a device in a catalog");
    };
  }

  private static boolean isShown(CatalogNode node) {
    return node.type() != EntryType.OTHER;
  }

  private static String trimmed(String path) {
    return path.endsWith("/") ? path.substring(0, path.length() - 1) : path;
  }

  private <T> T guarded(Supplier<T> work) {
    try {
      return work.get();
    } catch (IllegalStateException e) {
      throw new LarderException(
          ErrorCode.UNKNOWN_DATASET, "dataset " + dataset + " was deleted meanwhile", e);
    }
  }
}
