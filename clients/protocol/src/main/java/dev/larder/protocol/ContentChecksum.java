package dev.larder.protocol;

import java.util.HexFormat;

/**
 * A checksum an origin publishes for an object's whole content.
 *
 * @param algorithm how it was computed
 * @param value its raw bytes, big-endian for CRCs; not copied, not to be changed
 */
public record ContentChecksum(Algorithm algorithm, byte[] value) {

  /** Algorithms origins publish. */
  public enum Algorithm {
    /** S3's default since 2024; 8 bytes. */
    CRC64NVME,
    /** 4 bytes. */
    CRC32C,
    /** 4 bytes. */
    CRC32,
    /** 32 bytes. */
    SHA256,
    /** Plain ETag of a one-part upload, or Azure Content-MD5; serial and slow: on request only. */
    MD5
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ContentChecksum that
        && algorithm == that.algorithm
        && java.util.Arrays.equals(value, that.value);
  }

  @Override
  public int hashCode() {
    return 31 * algorithm.hashCode() + java.util.Arrays.hashCode(value);
  }

  @Override
  public String toString() {
    return algorithm + ":" + HexFormat.of().formatHex(value);
  }
}
