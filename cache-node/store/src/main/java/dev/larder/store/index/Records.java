package dev.larder.store.index;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * What all record formats share. A record begins with a version byte and ends with a CRC32C (4
 * bytes, big-endian) over its key and everything before, so that neither a damaged record nor one
 * under a foreign key is ever taken for true. Numbers are big-endian.
 */
final class Records {
  static final byte VERSION = 1;
  static final int CRC_BYTES = 4;

  private static final byte[] GOING = "going:".getBytes(StandardCharsets.US_ASCII);

  private Records() {}

  /** A record does not decode. */
  static final class BadRecordException extends Exception {
    private static final long serialVersionUID = 1L;

    BadRecordException(String message) {
      super(message);
    }
  }

  static byte[] key(BlobKey key) {
    return key.binary();
  }

  static byte[] stripeKey(BlobKey key, int stripe) {
    return ByteBuffer.allocate(BlobKey.BINARY_BYTES + 4).put(key.binary()).putInt(stripe).array();
  }

  static byte[] pinKey(BlobKey key, String owner) {
    byte[] name = owner.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(BlobKey.BINARY_BYTES + name.length)
        .put(key.binary())
        .put(name)
        .array();
  }

  static byte[] goingPrefix() {
    return GOING.clone();
  }

  static byte[] goingKey(BlobKey key) {
    return ByteBuffer.allocate(GOING.length + BlobKey.BINARY_BYTES)
        .put(GOING)
        .put(key.binary())
        .array();
  }

  /** Empty if the key is none of {@link #goingKey}. */
  static Optional<BlobKey> goingKeyOf(byte[] recordKey) {
    return recordKey.length == GOING.length + BlobKey.BINARY_BYTES && hasPrefix(recordKey, GOING)
        ? Optional.of(
            BlobKey.ofBinary(Arrays.copyOfRange(recordKey, GOING.length, recordKey.length)))
        : Optional.empty();
  }

  static BlobKey blobKeyOf(byte[] recordKey) {
    return BlobKey.ofBinary(Arrays.copyOf(recordKey, BlobKey.BINARY_BYTES));
  }

  static boolean hasPrefix(byte[] recordKey, byte[] prefix) {
    return recordKey.length >= prefix.length
        && Arrays.equals(recordKey, 0, prefix.length, prefix, 0, prefix.length);
  }

  /** Writes the checksum behind what the buffer holds; answers its array. */
  static byte[] seal(byte[] key, ByteBuffer record) {
    record.putInt(crc(key, record.array(), record.position()));
    return record.array();
  }

  /** Checks length, version and checksum; answers the record behind its version byte. */
  static ByteBuffer open(byte[] key, byte[] record, int lengthMin) throws BadRecordException {
    if (record.length < lengthMin + CRC_BYTES) {
      throw new BadRecordException("record is cut short: " + record.length + " bytes");
    }
    int body = record.length - CRC_BYTES;
    if (ByteBuffer.wrap(record).getInt(body) != crc(key, record, body)) {
      throw new BadRecordException("record fails its checksum");
    }
    if (record[0] != VERSION) {
      throw new BadRecordException("record has version " + record[0]);
    }
    return ByteBuffer.wrap(record, 1, body - 1);
  }

  static void put(ByteBuffer target, Digest digest) {
    digest.write(target);
  }

  private static int crc(byte[] key, byte[] record, int length) {
    CRC32C crc = new CRC32C();
    crc.update(key);
    crc.update(record, 0, length);
    return (int) crc.getValue();
  }
}
