package dev.larder.erofs;

/**
 * Reads one directory: a list of blocks, each with its entries sorted by name. Stands on a block at
 * a time; made per use, so it needs no lock.
 *
 * <p><b>Errors:</b> LarderException CATALOG_CORRUPT.
 */
final class DirectoryReader {
  private final ImageReader image;
  private final Inode directory;
  private final long blocks;

  private long block = -1;
  private long blockAt;
  private int blockBytes;
  private int count;

  DirectoryReader(ImageReader image, Inode directory) {
    this.image = image;
    this.directory = directory;
    this.blocks = (directory.size() + image.blockSize() - 1) / image.blockSize();
  }

  long blocks() {
    return blocks;
  }

  /** Moves to a block below {@link #blocks}. */
  void seek(long wanted) {
    if (wanted == block) {
      return;
    }
    long offset = wanted * image.blockSize();
    int bytes = (int) Math.min(image.blockSize(), directory.size() - offset);
    ImageReader.Run run = image.map(directory, offset);
    if (run.at() < 0 || run.length() < bytes) {
      throw corrupt();
    }
    blockAt = run.at();
    blockBytes = bytes;
    if (bytes < Erofs.DIRENT) {
      throw corrupt();
    }
    int firstName = image.unsignedShort(blockAt + 8);
    if (firstName < Erofs.DIRENT || firstName % Erofs.DIRENT != 0 || firstName >= bytes) {
      throw corrupt();
    }
    count = firstName / Erofs.DIRENT;
    block = wanted;
  }

  /** The block it stands on. */
  long block() {
    return block;
  }

  /** Entries of the block. */
  int count() {
    return count;
  }

  long nid(int index) {
    return image.longAt(blockAt + (long) index * Erofs.DIRENT);
  }

  private int nameStart(int index) {
    return image.unsignedShort(blockAt + (long) index * Erofs.DIRENT + 8);
  }

  private int nameEnd(int index) {
    if (index + 1 < count) {
      return nameStart(index + 1);
    }
    int end = nameStart(index);
    // Zeros fill what the last name leaves of a block.
    while (end < blockBytes && image.unsignedByte(blockAt + end) != 0) {
      end++;
    }
    return end;
  }

  private int checkedNameEnd(int index, int start) {
    int end = nameEnd(index);
    boolean holds =
        start >= count * Erofs.DIRENT
            && end > start
            && end <= blockBytes
            && end - start <= Erofs.NAME_MAX;
    if (!holds) {
      throw corrupt();
    }
    return end;
  }

  /** Order of an entry's name against another. */
  int compareName(int index, byte[] name) {
    int start = nameStart(index);
    return image.compare(blockAt + start, checkedNameEnd(index, start) - start, name);
  }

  /** An entry's name; holds neither slash nor NUL. */
  byte[] name(int index) {
    int start = nameStart(index);
    byte[] name = new byte[checkedNameEnd(index, start) - start];
    image.copy(blockAt + start, name, 0, name.length);
    for (byte b : name) {
      if (b == '/' || b == 0) {
        throw corrupt();
      }
    }
    return name;
  }

  /** The entry is {@code .} or {@code ..}. */
  boolean isDots(int index) {
    int start = nameStart(index);
    int length = checkedNameEnd(index, start) - start;
    return length <= 2
        && image.unsignedByte(blockAt + start) == '.'
        && (length == 1 || image.unsignedByte(blockAt + start + 1) == '.');
  }

  /** Moves to the block where a name stands if it stands anywhere; false in an empty directory. */
  boolean seekName(byte[] name) {
    if (blocks == 0) {
      return false;
    }
    long low = 0;
    long high = blocks - 1;
    while (low < high) {
      long middle = (low + high + 1) >>> 1;
      seek(middle);
      if (compareName(0, name) <= 0) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    seek(low);
    return true;
  }

  /** Index in the block of the first entry whose name is not below another; the count if none. */
  int firstNotBelow(byte[] name) {
    int low = 0;
    int high = count;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (compareName(middle, name) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /** Number of the entry of this name, or -1. */
  long find(byte[] name) {
    if (!seekName(name)) {
      return -1;
    }
    int index = firstNotBelow(name);
    return index < count && compareName(index, name) == 0 ? nid(index) : -1;
  }

  /**
   * Moves to the last entry whose number is at most {@code nid} and returns its index, or -1. Only
   * of use where numbers ascend with names, as in catalogs.
   */
  int seekNid(long nid) {
    long low = 0;
    long high = blocks - 1;
    while (low < high) {
      long middle = (low + high + 1) >>> 1;
      seek(middle);
      int first = skipDots(0);
      if (first < count && nid(first) <= nid) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    if (blocks == 0) {
      return -1;
    }
    seek(low);
    int found = -1;
    int from = 0;
    int to = count;
    while (from < to) {
      int middle = (from + to) >>> 1;
      int probe = skipDots(middle);
      if (probe < to && nid(probe) <= nid) {
        found = probe;
        from = probe + 1;
      } else {
        to = middle;
      }
    }
    return found;
  }

  private int skipDots(int index) {
    int at = index;
    while (at < count && isDots(at)) {
      at++;
    }
    return at;
  }

  private dev.larder.protocol.LarderException corrupt() {
    return Erofs.corrupt("the entries of directory " + directory.nid() + " are damaged");
  }
}
