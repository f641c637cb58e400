package dev.larder.origin;

import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.ContentChecksum.Algorithm;
import dev.larder.protocol.OriginKeys;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.s3.model.ChecksumType;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;

/**
 * Checksums of whole objects in S3's answers. Those of multipart uploads that are checksums of
 * checksums ("composite") say nothing about the content and are left out.
 */
final class S3Checksums {
  private S3Checksums() {}

  static Optional<ContentChecksum> of(HeadObjectResponse head, boolean md5) {
    Optional<ContentChecksum> published =
        first(
            head.checksumType(),
            head.checksumCRC64NVME(),
            head.checksumCRC32C(),
            head.checksumCRC32(),
            head.checksumSHA256());
    return published.isPresent() || !md5
        ? published
        : md5(
            head.eTag(),
            String.valueOf(head.serverSideEncryptionAsString()),
            head.sseCustomerAlgorithm());
  }

  static Optional<ContentChecksum> of(GetObjectResponse get) {
    return first(
        get.checksumType(),
        get.checksumCRC64NVME(),
        get.checksumCRC32C(),
        get.checksumCRC32(),
        get.checksumSHA256());
  }

  // CRCs first: they cost least and those of parts can be put together in any order.
  private static Optional<ContentChecksum> first(
      @Nullable ChecksumType type,
      @Nullable String crc64,
      @Nullable String crc32c,
      @Nullable String crc32,
      @Nullable String sha256) {
    if (type == ChecksumType.COMPOSITE) {
      return Optional.empty();
    }
    return decode(Algorithm.CRC64NVME, crc64, 8)
        .or(() -> decode(Algorithm.CRC32C, crc32c, 4))
        .or(() -> decode(Algorithm.CRC32, crc32, 4))
        .or(() -> decode(Algorithm.SHA256, sha256, 32));
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
  private static Optional<ContentChecksum> md5(
      @Nullable String etag, String encryption, @Nullable String customerKey) {
    String token = etag == null ? "" : OriginKeys.versionOfEtag(etag);
    boolean plain =
        token.matches("[0-9a-fA-F]{32}")
            && !encryption.toLowerCase(Locale.ROOT).contains("kms")
            && customerKey == null;
    return plain
        ? Optional.of(new ContentChecksum(Algorithm.MD5, HexFormat.of().parseHex(token)))
        : Optional.empty();
  }
}
