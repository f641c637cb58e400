package dev.larder.erofs;

/**
 * Where a directory's entries go: whole blocks, and a tail that either follows the inode or takes a
 * block more.
 *
 * @param blocks data blocks
 * @param tailBytes bytes behind the inode
 */
record DirectoryShape(long blocks, int tailBytes) {

  /** The root's inode shares its block with the super block and the shared attributes. */
  private static final int ROOT_ROOM = Erofs.BLOCK - SuperBlock.ROOT_OFFSET;

  /**
   * The longer inode is assumed, because which one it is depends on a time that is known only after
   * all shapes.
   */
  static DirectoryShape of(long sizeBytes, int xattrBytes, boolean root) {
    long whole = sizeBytes / Erofs.BLOCK;
    int tail = (int) (sizeBytes % Erofs.BLOCK);
    int room = root ? ROOT_ROOM : Erofs.BLOCK;
    if (tail == 0 || Erofs.EXTENDED_INODE + xattrBytes + tail > room) {
      return new DirectoryShape(whole + (tail == 0 ? 0 : 1), 0);
    }
    return new DirectoryShape(whole, tail);
  }

  int layout() {
    return tailBytes > 0 ? Erofs.LAYOUT_INLINE : Erofs.LAYOUT_PLAIN;
  }
}
