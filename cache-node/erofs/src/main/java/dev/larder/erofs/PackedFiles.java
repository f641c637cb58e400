package dev.larder.erofs;

import dev.larder.protocol.BlobKey;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The files of a plain catalog that a packed one will hold, in the order of their inodes, and the
 * places in each inode that change. One thread, used once.
 *
 * <p><b>Errors:</b> LarderException CATALOG_CORRUPT for an inode no catalog writer makes.
 */
final class PackedFiles {
  private final ImageReader image;
  private final KeyTable keys;
  private final TreeWalk walk;
  private final int fileBytesMax;
  private final BooleanSupplier cancelled;
  private long lastNid = -1;

  PackedFiles(Catalog plain, PackOptions options) {
    this.image = plain.image();
    this.keys = plain.keyTable();
    this.walk = new TreeWalk(plain, image, plain.root());
    this.fileBytesMax = options.fileBytesMax();
    this.cancelled = options.cancelled();
  }

  /**
   * One file.
   *
   * @param key names its bytes
   * @param size 1 to the bound
   * @param sharedAt where the reference to its first shared attribute stands
   * @param chunkAt where its one chunk entry stands
   * @param firstChunkAt {@code chunkAt} of the first file of this key; the same number if it is
   *     this one
   */
  record Place(
      CatalogNode node, BlobKey key, int size, long sharedAt, long chunkAt, long firstChunkAt) {
    boolean isFirst() {
      return chunkAt == firstChunkAt;
    }
  }

  /** The next file, null behind the last. */
  @Nullable Place next() {
    while (walk.hasNext()) {
      CatalogPacker.check(cancelled);
      CatalogNode node = walk.next();
      boolean small = node.sizeBytes() > 0 && node.sizeBytes() <= fileBytesMax;
      if (small && node.type() == EntryType.FILE) {
        return place(node);
      }
    }
    return null;
  }

  private Place place(CatalogNode node) {
    Inode inode = node.raw();
    if (inode.nid() <= lastNid) {
      throw Erofs.corrupt("inodes of the catalog are out of order at " + inode.nid());
    }
    lastNid = inode.nid();
    BlobKey key =
        node.key().orElseThrow(() -> Erofs.corrupt("a file of the catalog has no key: " + node));
    int size = (int) node.sizeBytes();
    Inode first = keys.first(key).map(image::inode).orElseThrow(() -> tableMisses(node));
    if (first.nid() > inode.nid() || first.size() != size) {
      throw Erofs.corrupt("files with the key " + key + " differ in size, or their rows are off");
    }
    return new Place(node, key, size, sharedAt(inode), chunkAt(inode), chunkAt(first));
  }

  private static RuntimeException tableMisses(CatalogNode node) {
    return Erofs.corrupt("the key table lacks " + node);
  }

  private long sharedAt(Inode inode) {
    long at = inode.attributesAt() + Erofs.XATTR_HEADER;
    boolean holds =
        inode.attributesBytes() >= Erofs.XATTR_HEADER + 4
            && image.unsignedByte(inode.attributesAt() + 4) >= 1
            && image.intAt(at) == Attributes.METACOPY_ID;
    if (!holds) {
      throw Erofs.corrupt("inode " + inode.nid() + " is not marked as metadata only");
    }
    return at;
  }

  private long chunkAt(Inode inode) {
    long at = Erofs.alignUp(inode.tailAt(), 4);
    boolean holds =
        inode.layout() == Erofs.LAYOUT_CHUNKED
            && inode.union() == EmitPass.chunkBits(inode.size()) - Erofs.BLOCK_BITS
            && image.intAt(at) == Erofs.NULL_ADDRESS;
    if (!holds) {
      throw Erofs.corrupt("inode " + inode.nid() + " is no hole of one chunk");
    }
    return at;
  }
}
