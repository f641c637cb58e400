package dev.larder.store.index;

import dev.larder.store.index.Records.BadRecordException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Exact totals, written in the batch of every change: a store of a million blobs opens without
 * counting them.
 *
 * <p>Format 1, 37 bytes: version, sealed files (8), sealed small blobs (8), fills (8), charged
 * bytes (8), CRC32C.
 *
 * @param sealedFiles complete blobs kept as files
 * @param sealedSmalls complete blobs kept as values
 * @param fills blobs not complete
 * @param chargedBytes sum of {@link BlobRecord#chargeBytes}
 */
public record Summary(long sealedFiles, long sealedSmalls, long fills, long chargedBytes) {
  /** Of an empty index. */
  public static final Summary EMPTY = new Summary(0, 0, 0, 0);

  /** Complete blobs. */
  public long sealed() {
    return sealedFiles + sealedSmalls;
  }

  /** The totals after one blob's record changed; null stands for absent. */
  Summary change(@Nullable BlobRecord before, @Nullable BlobRecord after) {
    Summary without = before == null ? this : add(before, -1);
    return after == null ? without : without.add(after, 1);
  }

  private Summary add(BlobRecord record, int sign) {
    return new Summary(
        sealedFiles + (record.state() == BlobRecord.State.SEALED_FILE ? sign : 0),
        sealedSmalls + (record.state() == BlobRecord.State.SEALED_SMALL ? sign : 0),
        fills + (record.state() == BlobRecord.State.FILLING ? sign : 0),
        chargedBytes + sign * record.chargeBytes());
  }

  byte[] encode(byte[] key) {
    ByteBuffer out = ByteBuffer.allocate(33 + Records.CRC_BYTES);
    out.put(Records.VERSION).putLong(sealedFiles).putLong(sealedSmalls).putLong(fills);
    out.putLong(chargedBytes);
    return Records.seal(key, out);
  }

  static Summary decode(byte[] key, byte[] bytes) throws BadRecordException {
    ByteBuffer in = Records.open(key, bytes, 33);
    return new Summary(in.getLong(), in.getLong(), in.getLong(), in.getLong());
  }
}
