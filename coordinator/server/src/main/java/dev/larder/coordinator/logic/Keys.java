package dev.larder.coordinator.logic;

import dev.larder.protocol.BlobKey;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Row keys of the state, fixed on disk. A name is followed by a zero byte, so that no name's rows
 * stand among another's; numbers are 8 bytes big-endian, so that they sort.
 */
final class Keys {
  static final byte[] NONE = new byte[0];
  static final byte[] FORMAT = text("format");
  static final byte[] APPLIED = text("applied");
  static final byte[] EPOCH = text("epoch");
  static final byte[] UNPUBLISHED = text("unpublished");
  static final byte[] DATASETS_AT = text("datasets-at");
  static final byte[] WORK = text("work");
  static final byte[] WARM_UPS_MADE = text("warm-ups-made");
  static final byte[] DISPUTES_MADE = text("disputes-made");
  static final byte[] TOMBSTONES_MADE = text("tombstones-made");

  /** Highest snapshot number of the deleted names that were forgotten. */
  static final byte[] NUMBERS_FLOOR = text("numbers-floor");

  private Keys() {}

  static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** The name a row's key consists of. */
  static String name(byte[] key) {
    return new String(key, StandardCharsets.UTF_8);
  }

  /** The common start of all rows of a dataset or member. */
  static byte[] owned(String name) {
    byte[] utf8 = text(name);
    return Arrays.copyOf(utf8, utf8.length + 1);
  }

  static byte[] snapshot(String dataset, long number) {
    byte[] owner = owned(dataset);
    return ByteBuffer.allocate(owner.length + 8).put(owner).putLong(number).array();
  }

  /** Pins without owner stand where they stood before there were owners. */
  static byte[] pin(String dataset, long snapshot, String glob, String pinOwner) {
    byte[] owner = owned(dataset);
    byte[] utf8 = text(pinOwner.isEmpty() ? glob : glob + '\0' + pinOwner);
    return ByteBuffer.allocate(owner.length + 8 + utf8.length)
        .put(owner)
        .putLong(snapshot)
        .put(utf8)
        .array();
  }

  static byte[] holder(BlobKey key, String member) {
    byte[] id = text(member);
    return ByteBuffer.allocate(BlobKey.BINARY_BYTES + id.length).put(key.binary()).put(id).array();
  }

  static String memberOfHolder(byte[] row) {
    return new String(
        row, BlobKey.BINARY_BYTES, row.length - BlobKey.BINARY_BYTES, StandardCharsets.UTF_8);
  }

  static byte[] holding(String member, BlobKey key) {
    byte[] owner = owned(member);
    return ByteBuffer.allocate(owner.length + BlobKey.BINARY_BYTES)
        .put(owner)
        .put(key.binary())
        .array();
  }

  static BlobKey keyOfHolding(byte[] row) {
    return BlobKey.ofBinary(Arrays.copyOfRange(row, row.length - BlobKey.BINARY_BYTES, row.length));
  }

  static boolean startsWith(byte[] key, byte[] prefix) {
    return key.length >= prefix.length
        && Arrays.equals(key, 0, prefix.length, prefix, 0, prefix.length);
  }

  static byte[] number(long value) {
    return ByteBuffer.allocate(8).putLong(value).array();
  }
}
