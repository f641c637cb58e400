package dev.larder.store.checksum;

import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.Digests;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import java.util.zip.Checksum;

/** One running checksum. Not safe for threads. */
public interface ContentHasher {
  /** Takes the buffer's remaining bytes; the position moves to the limit. */
  void update(ByteBuffer bytes);

  /** The value as origins publish it: big-endian for CRCs. Ends the computation. */
  byte[] value();

  /** A fresh one. */
  static ContentHasher of(ContentChecksum.Algorithm algorithm) {
    return switch (algorithm) {
      case CRC64NVME -> of(new Crc64Nvme(), Long.BYTES);
      case CRC32C -> of(new CRC32C(), Integer.BYTES);
      case CRC32 -> of(new CRC32(), Integer.BYTES);
      case SHA256 -> of(Digests.sha256());
      case MD5 -> of(md5());
    };
  }

  private static ContentHasher of(Checksum checksum, int length) {
    return new ContentHasher() {
      @Override
      public void update(ByteBuffer bytes) {
        checksum.update(bytes);
      }

      @Override
      public byte[] value() {
        ByteBuffer all = ByteBuffer.allocate(Long.BYTES).putLong(checksum.getValue());
        byte[] out = new byte[length];
        all.get(Long.BYTES - length, out);
        return out;
      }
    };
  }

  private static ContentHasher of(MessageDigest digest) {
    return new ContentHasher() {
      @Override
      public void update(ByteBuffer bytes) {
        digest.update(bytes);
      }

      @Override
      public byte[] value() {
        return digest.digest();
      }
    };
  }

  private static MessageDigest md5() {
    try {
      return MessageDigest.getInstance("MD5");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java runtime has no MD5", e);
    }
  }
}
