package dev.larder.erofs;

/**
 * An inode as read from an image. Nothing in it is trusted further than its own field's range.
 *
 * @param nid number: offset in units of 32 bytes
 * @param layout how the data lie
 * @param attributesAt where its extended attributes start
 * @param attributesBytes their length
 * @param mode type and permission bits
 * @param size at least 0
 * @param union start block, or chunk format
 */
record Inode(
    long nid,
    int layout,
    long attributesAt,
    int attributesBytes,
    int mode,
    long links,
    long size,
    int union,
    long uid,
    long gid,
    long seconds,
    int nanos) {

  boolean isDirectory() {
    return (mode & Erofs.S_IFMT) == Erofs.S_IFDIR;
  }

  EntryType type() {
    return switch (mode & Erofs.S_IFMT) {
      case Erofs.S_IFDIR -> EntryType.DIRECTORY;
      case Erofs.S_IFREG -> EntryType.FILE;
      case Erofs.S_IFLNK -> EntryType.SYMLINK;
      default -> EntryType.OTHER;
    };
  }

  /** Where inline data, or the chunk table before alignment, starts. */
  long tailAt() {
    return attributesAt + attributesBytes;
  }
}
