package dev.larder.mount.tree;

import static org.junit.jupiter.api.Assertions.fail;

import dev.larder.erofs.Catalog;
import dev.larder.erofs.CatalogNode;
import dev.larder.mount.contract.Content;
import dev.larder.mount.contract.ContractTree;
import dev.larder.mount.contract.Mounted;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;

/** Tree mounts of a {@link ContractTree}, with the bytes of its files in memory. */
final class TreeFixture {
  private TreeFixture() {}

  /** Ends the test where tree mounts cannot be had: as failed in CI. */
  static void requireSupport() {
    try {
      TreeMount.requireSupport(false);
    } catch (LarderException e) {
      if ("true".equals(System.getenv("CI"))) {
        fail(e);
      }
      Assumptions.abort(e.getMessage());
    }
  }

  /** Files that are always here. */
  static TreeFiles inMemory(Map<BlobKey, Content> blobs) {
    return node -> new MemoryFile(node, blobs.get(node.key().orElseThrow()));
  }

  record MemoryFile(CatalogNode node, Content content) implements TreeFile {
    @Override
    public boolean isLocal() {
      return true;
    }

    @Override
    public void read(long offset, ByteBuffer target) {
      content.read(offset, target);
    }

    @Override
    public void close() {
      // Nothing is held.
    }
  }

  /** A mount with its catalog, all in a directory that goes with it. */
  static final class Tree implements Mounted {
    private final Path directory;
    private final Catalog catalog;
    private final TreeMount mount;

    private Tree(Path directory, Catalog catalog, TreeMount mount) {
      this.directory = directory;
      this.catalog = catalog;
      this.mount = mount;
    }

    static Tree of(ContractTree tree, TreeFiles files, boolean allowOther) throws IOException {
      return of(tree, files, allowOther, TreeConfig.defaults());
    }

    static Tree of(ContractTree tree, TreeFiles files, boolean allowOther, TreeConfig config)
        throws IOException {
      Path directory = Files.createTempDirectory("tree");
      Path image = directory.resolve("image");
      tree.writeCatalog(image, directory);
      return of(directory, image, files, allowOther, config);
    }

    /** Mounts an image in a directory that is deleted with the mount. */
    static Tree of(
        Path directory, Path image, TreeFiles files, boolean allowOther, TreeConfig config)
        throws IOException {
      Path target = Files.createDirectory(directory.resolve("mnt"));
      directory.toFile().setExecutable(true, false);
      Catalog catalog = Catalog.open(image);
      TreeMount mount =
          TreeMount.mount(
              new TreeSpec(target, "larder:test@1", catalog, files, allowOther, false, config));
      return new Tree(directory, catalog, mount);
    }

    TreeMount mount() {
      return mount;
    }

    @Override
    public Path at() {
      return mount.target();
    }

    @Override
    public void close() throws IOException {
      mount.close();
      catalog.close();
      Files.delete(directory.resolve("mnt"));
      try (var files = Files.list(directory)) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
      Files.delete(directory);
    }
  }
}
