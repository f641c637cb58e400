package dev.larder.erofs;

import java.util.Iterator;

/** Part of {@link Catalog#verify}: the bytes inside are where the footer says, and as many. */
final class PackedCheck {
  private PackedCheck() {}

  static void check(Catalog catalog, ImageReader image, CatalogFooter footer) {
    long files = 0;
    long bytes = 0;
    Iterator<CatalogNode> walk = new TreeWalk(catalog, image, catalog.root());
    while (walk.hasNext()) {
      CatalogNode node = walk.next();
      if (node.sizeBytes() > 0 && node.hasData()) {
        files++;
        bytes += node.sizeBytes();
        checkPlace(node, image, footer);
      }
    }
    if (files != footer.packedFiles() || bytes != footer.packedBytes()) {
      throw Erofs.corrupt(
          "the footer promises %d packed files of %d bytes, the tree holds %d of %d"
              .formatted(footer.packedFiles(), footer.packedBytes(), files, bytes));
    }
  }

  private static void checkPlace(CatalogNode node, ImageReader image, CatalogFooter footer) {
    ImageReader.Run run = image.map(node.raw(), 0);
    if (run.at() < footer.dataOffset() || run.length() < node.sizeBytes()) {
      throw Erofs.corrupt("the bytes of " + node + " lie among the inodes, or are missing");
    }
  }
}
