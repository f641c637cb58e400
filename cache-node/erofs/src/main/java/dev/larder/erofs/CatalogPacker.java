package dev.larder.erofs;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Writes a catalog again with the bytes of its small files inside, so that the kernel reads them
 * with no blob at all. Every inode keeps its number and everything else of it but two fields; all
 * that walks, looks up or lists sees the same tree. The same catalog, bound and bytes always give
 * the same image.
 *
 * <p>Bytes lie in the order of the tree, each key once, each file from a block's start. Files above
 * the bound, and empty ones, stay as they are.
 *
 * <p><b>Memory:</b> 4 MiB, whatever the number of files; no temporary files. <b>Threads:</b> one;
 * calls block on the disk and on the source. An interrupt ends {@link #write} with CANCELLED.
 * <b>Errors:</b> LarderException WRONG_TYPE for an image that is packed already or no catalog,
 * CATALOG_CORRUPT, STORE_FULL, STORE_IO, CANCELLED.
 */
public final class CatalogPacker {
  /*
   * Layout: everything of the plain image up to the end of its inode area, copied with two numbers of
   * each packed inode changed (PatchedCopy) · bytes of files, from the block behind · key table ·
   * footer. Copy and bytes grow side by side in one file. Where a key was seen before is read back
   * from the first inode that has it, which the key table names; so no map of keys is held.
   */
  private final Catalog plain;
  private final CatalogFooter footer;
  private final PackOptions options;

  /**
   * Prepares to pack; writes nothing.
   *
   * @param plain stays open, and the caller's, until the packer is done
   */
  public CatalogPacker(Catalog plain, PackOptions options) {
    CatalogFooter found = plain.footer();
    if (found == null || found.isPacked()) {
      throw new LarderException(
          ErrorCode.WRONG_TYPE,
          found == null ? "the image to pack is no catalog" : "the catalog is packed already");
    }
    this.plain = plain;
    this.footer = found;
    this.options = options;
  }

  /** Packs the catalog in a file. Errors as {@link #write}. */
  public static PackSummary pack(
      Path plain, Path image, SmallFileSource source, PackOptions options) {
    try (Catalog catalog = Catalog.open(plain)) {
      return new CatalogPacker(catalog, options).write(image, source);
    }
  }

  /** Reads the catalog once and says what packing will come to; needs no file's bytes. */
  public PackPlan plan() {
    return plain.guarded(() -> {
      PackedFiles places = new PackedFiles(plain, options);
      long files = 0;
      long bytes = 0;
      long blocks = 0;
      for (var place = places.next(); place != null; place = places.next()) {
        files++;
        bytes += place.size();
        blocks += place.isFirst() ? blocksOf(place.size()) : 0;
      }
      long behind = plain.mapped().byteSize() - footer.erofsBytes();
      return new PackPlan(files, bytes, footer.erofsBytes() + blocks * Erofs.BLOCK + behind);
    });
  }

  /**
   * Writes the packed catalog and makes it durable.
   *
   * @param image a file that does not exist yet; on failure it is deleted
   * @throws LarderException also UNKNOWN_BLOB, naming the key, if the source lacks a file's bytes;
   *     STORE_CORRUPT, naming the key, if it returns more or fewer than the file has; whatever the
   *     source throws
   */
  public PackSummary write(Path image, SmallFileSource source) {
    try {
      return plain.guarded(() -> written(image, source));
    } catch (RuntimeException | Error e) {
      ImageFile.discard(image, e);
      throw e;
    }
  }

  private PackSummary written(Path path, SmallFileSource source) {
    try (ImageFile image = new ImageFile(path)) {
      return write(image, source);
    } catch (ClosedByInterruptException e) {
      throw new LarderException(ErrorCode.CANCELLED, "packing a catalog was interrupted", e);
    } catch (IOException e) {
      throw Erofs.ioFault("cannot write a packed catalog", e);
    }
  }

  private PackSummary write(ImageFile image, SmallFileSource source) throws IOException {
    MemorySegment file = plain.mapped();
    long dataOffset = footer.erofsBytes();
    MessageDigest plainDigest = ImageFile.sha256();
    PatchedCopy copy = new PatchedCopy(file.asSlice(0, dataOffset), image, plainDigest);
    image.startAt(dataOffset);
    long files = 0;
    long bytes = 0;
    PackedFiles places = new PackedFiles(plain, options);
    for (var place = places.next(); place != null; place = places.next()) {
      int address =
          place.isFirst() ? append(image, place, source) : copy.copied(place.firstChunkAt());
      copy.patch(place.sharedAt(), Attributes.PACKED_ID);
      copy.patch(place.chunkAt(), address);
      bytes += place.size();
      if (++files % PackOptions.Progress.STEP == 0) {
        options.progress().packed(files, bytes);
      }
    }
    copy.finish();
    options.progress().packed(files, bytes);

    long erofsBytes = image.position();
    appendBehind(image, file.asSlice(dataOffset, file.byteSize() - dataOffset), plainDigest);
    BlobKey plainKey = BlobKey.sha256(Digest.of(plainDigest.digest()));
    image.append(
        footer.packed(erofsBytes, files, bytes, plainKey.digest()).encode(),
        0,
        CatalogFooter.BYTES);
    image.flush();
    patchSuperBlock(image, erofsBytes / Erofs.BLOCK);
    image.force();
    BlobKey key = BlobKey.sha256(image.digest(() -> check(options.cancelled())));
    return new PackSummary(key, plainKey, files, bytes, image.position());
  }

  /** Appends a file's bytes and returns the block they start at. */
  private static int append(ImageFile image, PackedFiles.Place place, SmallFileSource source)
      throws IOException {
    @Nullable ByteBuffer content = source.read(place.key());
    String file = place.key() + ", file " + place.node().path();
    if (content == null) {
      throw new LarderException(ErrorCode.UNKNOWN_BLOB, "no bytes to pack of " + file);
    }
    if (content.remaining() != place.size()) {
      throw new LarderException(
          ErrorCode.STORE_CORRUPT,
          content.remaining() + " bytes in place of " + place.size() + " of " + file);
    }
    long block = image.position() / Erofs.BLOCK;
    long next = block + blocksOf(place.size());
    if (next >= Integer.toUnsignedLong(Erofs.NULL_ADDRESS)) {
      throw new LarderException(ErrorCode.TOO_MANY, "a packed catalog ends at 16 TiB");
    }
    image.append(content);
    image.appendZeros(next * Erofs.BLOCK - image.position());
    return (int) block;
  }

  private static long blocksOf(int size) {
    return (size + Erofs.BLOCK - 1) / Erofs.BLOCK;
  }

  /** Copies the key table and what pads it, digests all, and leaves out the footer. */
  private void appendBehind(ImageFile image, MemorySegment rest, MessageDigest digest)
      throws IOException {
    byte[] part = new byte[1 << 20];
    long end = rest.byteSize() - CatalogFooter.BYTES;
    for (long at = 0; at < rest.byteSize(); at += part.length) {
      check(options.cancelled());
      int now = (int) Math.min(part.length, rest.byteSize() - at);
      MemorySegment.copy(rest, ValueLayout.JAVA_BYTE, at, part, 0, now);
      digest.update(part, 0, now);
      image.append(part, 0, (int) Math.clamp(end - at, 0, now));
    }
  }

  private void patchSuperBlock(ImageFile image, long blocks) throws IOException {
    byte[] first = plain.mapped().asSlice(0, Erofs.BLOCK).toArray(ValueLayout.JAVA_BYTE);
    ByteBuffer view = ByteBuffer.wrap(first).order(ByteOrder.LITTLE_ENDIAN);
    view.putInt(SuperBlock.BLOCKS_OFFSET, (int) blocks);
    view.putInt(Erofs.SUPER_OFFSET + 4, SuperBlock.checksum(first));
    image.patch(0, first, 0, first.length);
  }

  static void check(BooleanSupplier cancelled) {
    if (cancelled.getAsBoolean()) {
      throw new LarderException(ErrorCode.CANCELLED, "packing a catalog was cancelled");
    }
  }
}
