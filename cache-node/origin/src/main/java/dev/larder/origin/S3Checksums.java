package dev.larder.origin;

import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.ContentChecksum.Algorithm;
import dev.larder.protocol.OriginKeys;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Checksums of whole objects in S3's answers. Those of multipart uploads that are checksums of
 * checksums ("composite") say nothing about the content and are left out.
 */
final class S3Checksums {
  private static final Pattern MD5 = Pattern.compile("[0-9a-fA-F]{32}");

  private S3Checksums() {}

  /**
   * @param md5 whether the ETag may stand in where nothing better is published
   */
  static Optional<ContentChecksum> of(S3Head head, boolean md5) {
    if ("COMPOSITE".equals(head.header("x-amz-checksum-type"))) {
      return md5 ? md5(head) : Optional.empty();
    }
    // CRCs first: they cost least and those of parts can be put together in any order.
    return decode(Algorithm.CRC64NVME, head.header("x-amz-checksum-crc64nvme"), 8)
        .or(() -> decode(Algorithm.CRC32C, head.header("x-amz-checksum-crc32c"), 4))
        .or(() -> decode(Algorithm.CRC32, head.header("x-amz-checksum-crc32"), 4))
        .or(() -> decode(Algorithm.SHA256, head.header("x-amz-checksum-sha256"), 32))
        .or(() -> md5 ? md5(head) : Optional.empty());
  }

  private static Optional<ContentChecksum> decode(
      Algorithm algorithm, @Nullable String base64, int bytes) {
    // "value-3" is a composite one of three parts, from before the type was given.
    if (base64 == null || base64.indexOf('-') >= 0) {
      return Optional.empty();
    }
    try {
      byte[] value = Base64.getDecoder().decode(base64);
      return value.length == bytes
          ? Optional.of(new ContentChecksum(algorithm, value))
          : Optional.empty();
    } catch (IllegalArgumentException malformed) {
      return Optional.empty();
    }
  }

  // With SSE-KMS and SSE-C the ETag is not the content's MD5.
  private static Optional<ContentChecksum> md5(S3Head head) {
    String etag = head.etag();
    String token = etag == null ? "" : OriginKeys.versionOfEtag(etag);
    String encryption = String.valueOf(head.header("x-amz-server-side-encryption"));
    boolean plain =
        MD5.matcher(token).matches()
            && !encryption.toLowerCase(Locale.ROOT).contains("kms")
            && head.header("x-amz-server-side-encryption-customer-algorithm") == null;
    return plain
        ? Optional.of(new ContentChecksum(Algorithm.MD5, HexFormat.of().parseHex(token)))
        : Optional.empty();
  }
}
