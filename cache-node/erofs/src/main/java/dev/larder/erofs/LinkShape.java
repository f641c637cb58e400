package dev.larder.erofs;

/** Whether a link's target follows its inode or takes a block. */
final class LinkShape {
  private LinkShape() {}

  static boolean isInline(int xattrBytes, int targetBytes) {
    return Erofs.EXTENDED_INODE + xattrBytes + targetBytes <= Erofs.BLOCK;
  }
}
