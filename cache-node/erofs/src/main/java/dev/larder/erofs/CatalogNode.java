package dev.larder.erofs;

import dev.larder.protocol.BlobKey;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * A file, directory or link of an open {@link Catalog}. The fixed attributes were read when the
 * node was made; key, version, attributes and target are read at each call.
 *
 * <p><b>Threads:</b> any. <b>Errors:</b> LarderException CATALOG_CORRUPT; IllegalStateException
 * once the catalog is closed, for what is read at each call.
 */
public final class CatalogNode {
  private final Catalog catalog;
  private final Inode inode;
  private final String path;

  CatalogNode(Catalog catalog, Inode inode, String path) {
    this.catalog = catalog;
    this.inode = inode;
    this.path = path;
  }

  /** Number of the inode; what stat shows as st_ino on a mount of this image. */
  public long inode() {
    return inode.nid();
  }

  /** From the root, '/'-separated, no leading slash; empty for the root. */
  public String path() {
    return path;
  }

  /** The last part of the path. */
  public String name() {
    return path.substring(path.lastIndexOf('/') + 1);
  }

  public EntryType type() {
    return inode.type();
  }

  /** Size of a file's content, of a link's target, or of a directory's own entries. */
  public long sizeBytes() {
    return inode.size();
  }

  public Instant mtime() {
    return Instant.ofEpochSecond(inode.seconds(), inode.nanos());
  }

  /** Permission bits. */
  public int mode() {
    return inode.mode() & 07777;
  }

  public long uid() {
    return inode.uid();
  }

  public long gid() {
    return inode.gid();
  }

  /** Number of hard links; for a directory two more than it has subdirectories. */
  public long links() {
    return inode.links();
  }

  /** The key of the file's blob; empty for others, and in foreign images. */
  public Optional<BlobKey> key() {
    return catalog.key(inode);
  }

  /**
   * The image holds the file's bytes, so that {@link Catalog#readData} returns them: true for empty
   * files, for small ones of a packed catalog, and in foreign images.
   */
  public boolean hasData() {
    return catalog.hasData(inode);
  }

  /** The origin's version token. */
  public Optional<String> version() {
    return catalog.version(inode);
  }

  /** Extended attributes by full name, in the order of the image. */
  public Map<String, byte[]> xattrs() {
    return catalog.attributes(inode);
  }

  /** Target of a symbolic link; empty for others. */
  public Optional<String> linkTarget() {
    return catalog.linkTarget(inode);
  }

  Catalog catalog() {
    return catalog;
  }

  Inode raw() {
    return inode;
  }

  @Override
  public String toString() {
    return type() + " /" + path + " inode=" + inode.nid();
  }
}
