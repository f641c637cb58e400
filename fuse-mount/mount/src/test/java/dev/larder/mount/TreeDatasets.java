package dev.larder.mount;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.read.ReadPlane.BlobSource;
import dev.larder.agent.read.Sources;
import dev.larder.erofs.CatalogEntry;
import dev.larder.erofs.EntryType;
import dev.larder.mount.contract.Content;
import dev.larder.mount.contract.ContractTree;
import dev.larder.origin.Origin;
import dev.larder.origin.OriginObject;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.SnapshotRef;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * One dataset with one snapshot: the contract's tree, whose owners, modes and attributes no real
 * origin could list. Its bytes come from an origin that computes them.
 */
final class TreeDatasets implements Datasets, Sources, Origin {
  static final DatasetName NAME = new DatasetName("contract");

  private final ContractTree tree;
  private final BlobKey catalog;
  private final Map<BlobKey, OriginObject> objects = new HashMap<>();

  TreeDatasets(ContractTree tree, BlobKey catalog) {
    this.tree = tree;
    this.catalog = catalog;
    for (CatalogEntry entry : tree.listing()) {
      if (entry.type() == EntryType.FILE) {
        objects.put(
            entry.key(),
            new OriginObject(
                entry.path(),
                OriginObject.Type.FILE,
                "contract:///" + entry.key().digest().hex(),
                "v",
                entry.sizeBytes(),
                ContractTree.NOON,
                Optional.empty(),
                Optional.of(entry.key())));
      }
    }
  }

  @Override
  public SnapshotInfo resolve(SnapshotRef snapshot) {
    Instant noon = ContractTree.NOON;
    return new SnapshotInfo(1, catalog, objects.size(), 0, 0, noon, noon);
  }

  @Override
  public void walk(SnapshotRef snapshot, String glob, Consumer<Entry> visitor) {
    for (CatalogEntry entry : tree.listing()) {
      visitor.accept(
          new Entry(
              entry.path(),
              entry.type() == EntryType.FILE ? Type.FILE : Type.DIRECTORY,
              entry.sizeBytes(),
              ContractTree.NOON,
              Optional.ofNullable(entry.key()),
              Optional.empty(),
              Optional.empty()));
    }
  }

  @Override
  public boolean lists(SnapshotRef snapshot, BlobKey key) {
    return objects.containsKey(key);
  }

  @Override
  public Optional<BlobSource> sourceOf(BlobKey key) {
    return Optional.ofNullable(objects.get(key)).map(object -> new BlobSource("contract", object));
  }

  @Override
  public Origin origin(String dataset) {
    return this;
  }

  @Override
  public List<BlobSource> siblings(String dataset, String afterPath, int max) {
    return List.of();
  }

  @Override
  public OriginRead open(OriginObject object, long offset, long length) {
    Content content = tree.blobs().get(object.key());
    return new OriginRead() {
      private long position = offset;

      @Override
      public int read(ByteBuffer target) {
        long left = offset + length - position;
        if (left == 0) {
          return -1;
        }
        int count = (int) Math.min(left, target.remaining());
        ByteBuffer part = target.slice(target.position(), count);
        content.read(position, part);
        target.position(target.position() + count);
        position += count;
        return count;
      }

      @Override
      public Optional<ContentChecksum> checksum() {
        return Optional.empty();
      }

      @Override
      public void close() {
        // Nothing is held.
      }
    };
  }

  @Override
  public Optional<ContentChecksum> checksum(OriginObject object) {
    return Optional.empty();
  }

  @Override
  public String uri() {
    return "contract:///";
  }

  @Override
  public void close() {
    // Nothing is held.
  }

  @Override
  public void list(ListingSink sink) {
    throw unused();
  }

  @Override
  public DatasetInfo create(
      DatasetName name, String uri, OriginOptions options, Consumer<ListingProgress> progress) {
    throw unused();
  }

  @Override
  public DatasetInfo refresh(DatasetName name, Consumer<ListingProgress> progress) {
    throw unused();
  }

  @Override
  public void delete(DatasetName name) {
    throw unused();
  }

  @Override
  public void deleteSnapshot(SnapshotRef snapshot) {
    throw unused();
  }

  @Override
  public List<Long> keepLast(DatasetName name, int count) {
    throw unused();
  }

  @Override
  public List<DatasetInfo> list() {
    throw unused();
  }

  @Override
  public DatasetInfo get(DatasetName name) {
    throw unused();
  }

  @Override
  public Entry stat(SnapshotRef snapshot, String path) {
    throw unused();
  }

  @Override
  public List<Entry> list(SnapshotRef snapshot, String path, Optional<String> after, int limit) {
    throw unused();
  }

  @Override
  public BlobSource source(SnapshotRef snapshot, Entry file) {
    throw unused();
  }

  private static UnsupportedOperationException unused() {
    return new UnsupportedOperationException("mounts do not ask this");
  }
}
