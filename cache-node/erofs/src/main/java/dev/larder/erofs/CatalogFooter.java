package dev.larder.erofs;

import dev.larder.protocol.Digest;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * The last 256 bytes of a catalog: where the key table is, and what the tree holds. Little endian;
 * the README has the table of fields.
 *
 * @param erofsBytes length of the EROFS image, a multiple of 4096
 * @param tableOffset where the key table starts
 * @param tableRows rows of 16 bytes
 * @param tableCrc CRC-32C of the table
 * @param inodeAreaOffset where inodes other than the root's start; equal in plain and packed form
 * @param inodeAreaEnd where they end
 * @param totals what the tree holds
 * @param listing SHA-256 over the entries, equal in plain and packed form
 * @param dataOffset where the bytes of files start in a packed catalog; 0 in a plain one
 * @param packedFiles files whose bytes the image holds
 * @param packedBytes sum of their sizes
 * @param plain SHA-256 of the plain catalog's file; zeros in a plain one
 */
record CatalogFooter(
    long erofsBytes,
    long tableOffset,
    long tableRows,
    int tableCrc,
    long inodeAreaOffset,
    long inodeAreaEnd,
    CatalogTotals totals,
    byte[] listing,
    long dataOffset,
    long packedFiles,
    long packedBytes,
    byte[] plain) {
  static final int BYTES = 256;
  static final int VERSION = 1;
  static final int TABLE_ROW = 16;

  /** "LARDCTLG" in ASCII. */
  private static final long MAGIC = 0x474C_5443_4452_414CL;

  private static final int CRC_OFFSET = BYTES - 4;
  private static final int DIGEST_BYTES = 32;

  /** The footer of a plain catalog. */
  static CatalogFooter plain(
      long erofsBytes,
      long tableRows,
      int tableCrc,
      long inodeAreaOffset,
      long inodeAreaEnd,
      CatalogTotals totals,
      byte[] listing) {
    return new CatalogFooter(
        erofsBytes,
        erofsBytes,
        tableRows,
        tableCrc,
        inodeAreaOffset,
        inodeAreaEnd,
        totals,
        listing,
        0,
        0,
        0,
        new byte[DIGEST_BYTES]);
  }

  /** The footer of the packed form of this plain catalog. */
  CatalogFooter packed(long packedErofsBytes, long files, long bytes, Digest plainDigest) {
    return new CatalogFooter(
        packedErofsBytes,
        packedErofsBytes,
        tableRows,
        tableCrc,
        inodeAreaOffset,
        inodeAreaEnd,
        totals,
        listing,
        erofsBytes,
        files,
        bytes,
        plainDigest.bytes());
  }

  boolean isPacked() {
    return dataOffset != 0;
  }

  byte[] encode() {
    ByteBuffer out = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    out.putLong(MAGIC).putInt(VERSION).putInt(BYTES);
    out.putLong(erofsBytes).putLong(tableOffset).putLong(tableRows);
    out.putInt(tableCrc).putInt(0);
    out.putLong(inodeAreaOffset).putLong(inodeAreaEnd);
    out.putLong(totals.files()).putLong(totals.directories());
    out.putLong(totals.symlinks()).putLong(totals.bytes());
    out.put(listing);
    out.putLong(dataOffset).putLong(packedFiles).putLong(packedBytes).put(plain);
    CRC32C crc = new CRC32C();
    crc.update(out.array(), 0, CRC_OFFSET);
    out.putInt(CRC_OFFSET, (int) crc.getValue());
    return out.array();
  }

  /** Reads the footer at the end of an image; empty where there is none. */
  static Optional<CatalogFooter> read(MemorySegment image) {
    long start = image.byteSize() - BYTES;
    if (start < 0) {
      return Optional.empty();
    }
    byte[] bytes = image.asSlice(start, BYTES).toArray(ValueLayout.JAVA_BYTE);
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (in.getLong() != MAGIC) {
      return Optional.empty();
    }
    int version = in.getInt();
    if (version != VERSION) {
      throw Erofs.corrupt("catalog format " + version + " is unknown here; this reads " + VERSION);
    }
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, CRC_OFFSET);
    if (in.getInt() != BYTES || in.getInt(CRC_OFFSET) != (int) crc.getValue()) {
      throw Erofs.corrupt("the catalog's footer fails its checksum");
    }
    long erofsBytes = in.getLong();
    long tableOffset = in.getLong();
    long tableRows = in.getLong();
    int tableCrc = in.getInt();
    in.getInt();
    long areaOffset = in.getLong();
    long areaEnd = in.getLong();
    CatalogTotals totals =
        new CatalogTotals(in.getLong(), in.getLong(), in.getLong(), in.getLong());
    byte[] listing = new byte[DIGEST_BYTES];
    in.get(listing);
    long dataOffset = in.getLong();
    long packedFiles = in.getLong();
    long packedBytes = in.getLong();
    byte[] plain = new byte[DIGEST_BYTES];
    in.get(plain);
    boolean packedHolds =
        dataOffset == 0
            ? packedFiles == 0 && packedBytes == 0
            : areaEnd <= dataOffset
                && dataOffset <= erofsBytes
                && dataOffset % Erofs.BLOCK == 0
                && packedFiles >= 0
                && packedFiles <= totals.files()
                && packedBytes >= packedFiles
                && packedBytes <= totals.bytes();
    boolean holds =
        erofsBytes >= Erofs.BLOCK
            && erofsBytes <= tableOffset
            && tableOffset <= start
            && tableRows >= 0
            && tableRows <= (start - tableOffset) / TABLE_ROW
            && areaOffset >= Erofs.BLOCK
            && areaOffset <= areaEnd
            && areaEnd <= erofsBytes
            && packedHolds;
    if (!holds) {
      throw Erofs.corrupt("the catalog's footer names places outside of the file");
    }
    return Optional.of(
        new CatalogFooter(
            erofsBytes,
            tableOffset,
            tableRows,
            tableCrc,
            areaOffset,
            areaEnd,
            totals,
            listing,
            dataOffset,
            packedFiles,
            packedBytes,
            plain));
  }
}
