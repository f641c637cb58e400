package dev.larder.erofs;

import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/**
 * Visits everything below a directory in tree order: a directory, then what it holds, names
 * bytewise. Work is bounded by the image's length even if the image was made to trap a reader: no
 * directory is entered twice, and all entered together hold no more bytes than the image.
 *
 * <p>One thread.
 */
final class TreeWalk implements Iterator<CatalogNode> {
  private final Catalog catalog;
  private final ImageReader image;
  private final BitSet entered = new BitSet();
  private final Deque<Level> levels = new ArrayDeque<>();
  private long bytesLeft;
  private @Nullable CatalogNode pending;

  TreeWalk(Catalog catalog, ImageReader image, CatalogNode start) {
    this.catalog = catalog;
    this.image = image;
    this.bytesLeft = image.limit();
    enter(start, 0);
  }

  private void enter(CatalogNode directory, int pathBytes) {
    int slot = (int) Math.min(directory.inode(), Integer.MAX_VALUE - 1);
    bytesLeft -= directory.sizeBytes();
    if (entered.get(slot) || bytesLeft < 0) {
      throw Erofs.corrupt("directory " + directory.inode() + " is met twice, or a loop");
    }
    entered.set(slot);
    levels.push(new Level(directory, pathBytes, new DirectoryReader(image, directory.raw())));
  }

  @Override
  public boolean hasNext() {
    if (pending == null) {
      pending = advance();
    }
    return pending != null;
  }

  @Override
  public CatalogNode next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    CatalogNode node = pending;
    pending = null;
    if (node == null) {
      throw new NoSuchElementException();
    }
    return node;
  }

  private @Nullable CatalogNode advance() {
    while (true) {
      Level level = levels.peek();
      if (level == null) {
        return null;
      }
      if (!level.moveToEntry()) {
        levels.pop();
        continue;
      }
      byte[] name = level.reader.name(level.index);
      int pathBytes = level.pathBytes + (level.pathBytes == 0 ? 0 : 1) + name.length;
      if (pathBytes > Erofs.PATH_MAX) {
        throw Erofs.corrupt("a path is longer than " + Erofs.PATH_MAX + " bytes");
      }
      CatalogNode node = catalog.child(level.directory, name, level.reader.nid(level.index));
      level.index++;
      if (node.type() == EntryType.DIRECTORY) {
        enter(node, pathBytes);
      }
      return node;
    }
  }

  /** One directory on the way down. */
  private static final class Level {
    private final CatalogNode directory;
    private final int pathBytes;
    private final DirectoryReader reader;
    private long block;
    private int index;

    Level(CatalogNode directory, int pathBytes, DirectoryReader reader) {
      this.directory = directory;
      this.pathBytes = pathBytes;
      this.reader = reader;
    }

    /** Stands on the next entry that is not a dot; false behind the last. */
    boolean moveToEntry() {
      for (; block < reader.blocks(); block++, index = 0) {
        reader.seek(block);
        for (; index < reader.count(); index++) {
          if (!reader.isDots(index)) {
            return true;
          }
        }
      }
      return false;
    }
  }
}
