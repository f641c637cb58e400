package dev.larder.erofs;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.EnumMap;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Writes the catalog of a snapshot: an EROFS image of metadata only, from a stream of entries in
 * any order. The same entries and options always give the same bytes, whatever the order; times of
 * the listing itself are therefore not part of it, and a refresh that finds no change gives the
 * same key.
 *
 * <p>Entries that a tree cannot hold are left out and counted, see {@link SkipReason}. Of several
 * entries of one path a directory wins, then the newest, then the one with the lowest bytes. A name
 * that is both an object and a prefix of others is a directory. A directory that is not listed by
 * itself has the mode and owner of the options and the time of the newest entry below it.
 *
 * <p><b>Memory:</b> {@link CatalogOptions#sortMemoryBytes} and a few MiB, whatever the number of
 * entries; the rest lies in temporary files of about the size of the listing.
 *
 * <p><b>Threads:</b> one; every call may block on the disk. <b>Errors:</b> LarderException
 * STORE_FULL or STORE_IO, after which only {@link #close} is left.
 */
public final class CatalogWriter implements AutoCloseable {
  /*
   * Entries are sorted externally into tree order (EntryRecord). A first run through the sorted
   * records learns the size of every directory, and so how many blocks lie before the inodes; a
   * second run gives each inode its place in preorder and writes it (EmitPass), while a second sorter
   * collects the key table. Preorder is also what lets a reader find the path of an inode with no
   * parent pointer: within a directory, numbers ascend with names.
   *
   * Layout: first block (super block, shared attributes, root inode) · data blocks of directories and
   * long links · inode area · key table · footer. What packing adds goes behind the inode area.
   */
  private final CatalogOptions options;
  private final Path workDirectory;
  private final ExternalSorter entries;
  private final EnumMap<SkipReason, Long> skipped = new EnumMap<>(SkipReason.class);
  private final ByteBuffer scratch = ByteBuffer.allocate(ExternalSorter.RECORD_MAX);
  private boolean finished;
  private boolean closed;

  /**
   * Makes a directory of its own for temporary files.
   *
   * @param tempDirectory exists; belongs to the caller
   */
  public CatalogWriter(CatalogOptions options, Path tempDirectory) {
    this.options = options;
    try {
      workDirectory = Files.createTempDirectory(tempDirectory, "catalog-");
    } catch (IOException e) {
      throw Erofs.ioFault("cannot make a temporary directory for a catalog", e);
    }
    entries = new ExternalSorter(workDirectory, "entries", options.sortMemoryBytes() / 3 * 2);
  }

  /** Adds an entry; one that cannot be held is counted and told, nothing is thrown for it. */
  public void add(CatalogEntry entry) {
    checkOpen();
    byte[] path = Names.encode(trimmed(entry));
    SkipReason reason = path == null ? SkipReason.NOT_UNICODE : EntryCheck.reject(entry, path);
    if (path == null || reason != null) {
      skip(entry.path(), reason == null ? SkipReason.NOT_UNICODE : reason);
      return;
    }
    EntryRecord.encode(entry, path, scratch);
    try {
      entries.add(scratch.array(), scratch.limit());
    } catch (IOException e) {
      throw Erofs.ioFault("cannot write a temporary file for a catalog", e);
    }
  }

  private static String trimmed(CatalogEntry entry) {
    String path = entry.path();
    boolean slash = entry.type() == EntryType.DIRECTORY && path.length() > 1 && path.endsWith("/");
    return slash ? path.substring(0, path.length() - 1) : path;
  }

  private void skip(String path, SkipReason reason) {
    if (skipped.merge(reason, 1L, Long::sum) <= options.examplesPerReason()) {
      options.onSkipped().accept(new SkippedEntry(path, reason));
    }
  }

  /**
   * Writes the catalog and makes it durable. May be called once.
   *
   * @param image a file that does not exist yet; on failure it is deleted
   */
  public CatalogSummary finish(Path image) {
    checkOpen();
    finished = true;
    try {
      return write(image);
    } catch (IOException e) {
      LarderException fault = Erofs.ioFault("cannot write a catalog", e);
      ImageFile.discard(image, fault);
      throw fault;
    } catch (RuntimeException e) {
      ImageFile.discard(image, e);
      throw e;
    }
  }

  private CatalogSummary write(Path path) throws IOException {
    entries.seal();
    long share = options.sortMemoryBytes() / 3;
    try (ImageFile image = new ImageFile(path);
        DirectoryTable table = new DirectoryTable(workDirectory);
        ExternalSorter keys = new ExternalSorter(workDirectory, "keys", share)) {
      MessageDigest listing = ImageFile.sha256();
      MeasurePass measure = new MeasurePass(options, table, listing, skipped);
      run(measure);
      byte[] listingDigest = listing.digest();

      long areaStart = (1 + measure.dataBlocks()) * Erofs.BLOCK;
      image.startAt(areaStart);
      InodeEncoder inode = new InodeEncoder(measure.epochSeconds(), measure.epochNanos());
      EmitPass emit = new EmitPass(options, table, image, keys, inode);
      run(emit);
      if (emit.nextBlock() * Erofs.BLOCK != areaStart) {
        throw new IllegalStateException("passes disagree on the number of data blocks");
      }
      long areaEnd = image.position();
      image.appendZeros(Erofs.alignUp(areaEnd, Erofs.BLOCK) - areaEnd);
      long erofsBytes = image.position();
      keys.seal();
      CatalogTotals totals = measure.totals();
      CatalogFooter footer = appendTable(image, keys, totals, listingDigest, areaStart, areaEnd);
      image.append(footer.encode(), 0, CatalogFooter.BYTES);

      byte[] first = emit.firstBlock();
      long inodes = totals.files() + totals.directories() + totals.symlinks();
      SuperBlock.fill(
          first,
          inodes,
          measure.epochSeconds(),
          measure.epochNanos(),
          erofsBytes / Erofs.BLOCK,
          listingDigest);
      image.flush();
      image.patch(0, first, 0, first.length);
      image.force();
      BlobKey key = BlobKey.sha256(image.digest(() -> {}));
      return new CatalogSummary(key, image.position(), totals, skipped);
    }
  }

  private void run(SortedTree.Sink sink) throws IOException {
    try (RecordCursor cursor = entries.open()) {
      new SortedTree(cursor, sink).run();
    }
  }

  private static CatalogFooter appendTable(
      ImageFile image,
      ExternalSorter keys,
      CatalogTotals totals,
      byte[] listing,
      long areaStart,
      long areaEnd)
      throws IOException {
    long erofsBytes = image.position();
    CRC32C crc = new CRC32C();
    long rows = 0;
    try (RecordCursor cursor = keys.open()) {
      while (cursor.next()) {
        crc.update(cursor.bytes(), cursor.offset(), cursor.length());
        image.append(cursor.bytes(), cursor.offset(), cursor.length());
        rows++;
      }
    }
    // The file ends at a block's end, as loop devices cut off what does not fill a sector.
    long end = Erofs.alignUp(image.position() + CatalogFooter.BYTES, Erofs.BLOCK);
    image.appendZeros(end - CatalogFooter.BYTES - image.position());
    return CatalogFooter.plain(
        erofsBytes, rows, (int) crc.getValue(), areaStart, areaEnd, totals, listing);
  }

  private void checkOpen() {
    if (closed || finished) {
      throw new IllegalStateException(closed ? "the writer is closed" : "finish was called");
    }
  }

  /** Deletes the temporary files. The image stays. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    @Nullable IOException fault = null;
    try {
      entries.close();
    } catch (IOException e) {
      fault = e;
    }
    try {
      Files.deleteIfExists(workDirectory);
    } catch (IOException e) {
      fault = fault == null ? e : fault;
    }
    if (fault != null) {
      throw Erofs.ioFault("cannot delete the temporary files of a catalog", fault);
    }
  }
}
