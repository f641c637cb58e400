package dev.larder.mount.tree;

import dev.larder.erofs.CatalogNode;

/**
 * Where a tree mount gets the bytes of files that its catalog does not hold.
 *
 * <p><b>Threads:</b> any.
 */
@FunctionalInterface
public interface TreeFiles {
  /**
   * Opens a file of the catalog; called at its first read, and again for reads that overlap.
   *
   * @param file a file of the mount's catalog, not empty
   * @return closed by the mount
   * @throws dev.larder.protocol.LarderException reaches the reader through {@code Errnos}
   */
  TreeFile open(CatalogNode file);
}
