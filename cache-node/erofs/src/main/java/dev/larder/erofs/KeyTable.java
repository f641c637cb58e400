package dev.larder.erofs;

import dev.larder.protocol.BlobKey;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * Reads the table behind the image: rows of 16 bytes, big endian and ascending, the first eight
 * bytes of a key's digest and the number of an inode. Only a prefix is kept, because the inode
 * holds the whole key and is compared; files with one key each have a row.
 */
final class KeyTable {
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  private final Catalog catalog;
  private final ImageReader image;
  private final MemorySegment rows;
  private final CatalogFooter footer;

  KeyTable(Catalog catalog, ImageReader image, MemorySegment file, CatalogFooter footer) {
    this.catalog = catalog;
    this.image = image;
    this.footer = footer;
    this.rows = file.asSlice(footer.tableOffset(), footer.tableRows() * CatalogFooter.TABLE_ROW);
  }

  Optional<CatalogNode> find(BlobKey key) {
    return first(key).map(this::locate);
  }

  /** Number of the first inode in tree order that has the key. */
  Optional<Long> first(BlobKey key) {
    long prefix = key.digest().a();
    long low = 0;
    long high = footer.tableRows();
    while (low < high) {
      long middle = (low + high) >>> 1;
      if (Long.compareUnsigned(prefix(middle), prefix) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    for (; low < footer.tableRows() && prefix(low) == prefix; low++) {
      Inode inode = image.inode(nid(low));
      if (catalog.key(inode).filter(key::equals).isPresent()) {
        return Optional.of(inode.nid());
      }
    }
    return Optional.empty();
  }

  private long prefix(long row) {
    return rows.get(LONG, row * CatalogFooter.TABLE_ROW);
  }

  private long nid(long row) {
    return rows.get(LONG, row * CatalogFooter.TABLE_ROW + 8);
  }

  /** Finds an inode's path: in preorder it lies below the last entry whose number is not above. */
  private CatalogNode locate(long nid) {
    CatalogNode node = catalog.root();
    for (int depth = 0; depth <= Erofs.PATH_MAX; depth++) {
      if (node.type() != EntryType.DIRECTORY) {
        break;
      }
      DirectoryReader reader = new DirectoryReader(image, node.raw());
      int index = reader.seekNid(nid);
      if (index < 0) {
        break;
      }
      node = catalog.child(node, reader.name(index), reader.nid(index));
      if (node.inode() == nid) {
        return node;
      }
    }
    throw Erofs.corrupt("the key table names inode " + nid + ", which no directory holds");
  }

  void verify() {
    CRC32C crc = new CRC32C();
    long totalBytes = rows.byteSize();
    byte[] part = new byte[1 << 16];
    for (long at = 0; at < totalBytes; at += part.length) {
      int now = (int) Math.min(part.length, totalBytes - at);
      MemorySegment.copy(rows, ValueLayout.JAVA_BYTE, at, part, 0, now);
      crc.update(part, 0, now);
    }
    if ((int) crc.getValue() != footer.tableCrc()) {
      throw Erofs.corrupt("the key table fails its checksum");
    }
    if (footer.tableRows() != footer.totals().files()) {
      throw Erofs.corrupt("the key table has other rows than there are files");
    }
    for (long row = 0; row < footer.tableRows(); row++) {
      Inode inode = image.inode(nid(row));
      long prefix = prefix(row);
      if (catalog.key(inode).filter(key -> key.digest().a() == prefix).isEmpty()) {
        throw Erofs.corrupt("row " + row + " of the key table does not fit its inode");
      }
    }
  }
}
