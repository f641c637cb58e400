package dev.larder.agent.fill;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import java.util.zip.Checksum;

/** Checks small content that is wholly in memory. Large blobs are checked by the store. */
final class Checksums {
  /** CRC-64/NVME, reflected: polynomial 0xAD93D23594C93659. */
  private static final long CRC64_REFLECTED = 0x9A6C9329AC4BC9B5L;

  private static final long[] CRC64_TABLE = table();

  private Checksums() {}

  /** ORIGIN_CORRUPT when the buffer's remaining bytes have another checksum. */
  static void check(ContentChecksum expected, ByteBuffer content, String uri) {
    byte[] actual =
        switch (expected.algorithm()) {
          case CRC64NVME -> longBytes(crc64(content));
          case CRC32C -> intBytes(crc(new CRC32C(), content));
          case CRC32 -> intBytes(crc(new CRC32(), content));
          case SHA256 -> Digests.ofBytes(content).bytes();
          case MD5 -> md5(content);
        };
    if (!MessageDigest.isEqual(actual, expected.value())) {
      throw new LarderException(
          ErrorCode.ORIGIN_CORRUPT,
          uri + " does not match its checksum " + expected.algorithm() + " at the origin");
    }
  }

  /** ORIGIN_CORRUPT when a {@code sha256:} key is not the digest of the remaining bytes. */
  static void checkKey(BlobKey key, ByteBuffer content, String uri) {
    if (key.kind() == BlobKey.Kind.SHA256 && !Digests.ofBytes(content).equals(key.digest())) {
      throw new LarderException(
          ErrorCode.ORIGIN_CORRUPT, uri + " does not match its digest " + key);
    }
  }

  private static int crc(Checksum crc, ByteBuffer content) {
    crc.update(content);
    return (int) crc.getValue();
  }

  private static long crc64(ByteBuffer content) {
    long crc = -1;
    while (content.hasRemaining()) {
      crc = CRC64_TABLE[(int) (crc ^ content.get()) & 0xff] ^ (crc >>> 8);
    }
    return ~crc;
  }

  private static byte[] md5(ByteBuffer content) {
    try {
      MessageDigest md5 = MessageDigest.getInstance("MD5");
      md5.update(content);
      return md5.digest();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java runtime has no MD5", e);
    }
  }

  private static byte[] intBytes(int value) {
    return ByteBuffer.allocate(Integer.BYTES).putInt(value).array();
  }

  private static byte[] longBytes(long value) {
    return ByteBuffer.allocate(Long.BYTES).putLong(value).array();
  }

  private static long[] table() {
    long[] table = new long[256];
    for (int i = 0; i < table.length; i++) {
      long crc = i;
      for (int bit = 0; bit < 8; bit++) {
        crc = (crc & 1) != 0 ? (crc >>> 1) ^ CRC64_REFLECTED : crc >>> 1;
      }
      table[i] = crc;
    }
    return table;
  }
}
