package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.http.SdkHttpRequest;

/**
 * A version token of S3, bound to requests and compared with answers: a version id where the
 * dataset lists versions, else an ETag, else a time. Objects written while versioning was off or
 * suspended have the id "null" and can be overwritten in place, so there the token is {@code
 * null/<ETag>}.
 *
 * @param id version id to ask for
 * @param token ETag or time to ask for and to compare; empty where the id alone decides
 */
record S3Version(Optional<String> id, String token) {
  private static final String NULL_ID = "null";

  static S3Version of(String token, boolean versions) {
    if (!versions) {
      return new S3Version(Optional.empty(), token);
    }
    return token.startsWith(NULL_ID + "/")
        ? new S3Version(Optional.of(NULL_ID), token.substring(NULL_ID.length() + 1))
        : new S3Version(Optional.of(token), "");
  }

  static String token(String versionId, String etagOrTime) {
    return versionId.equals(NULL_ID) ? NULL_ID + "/" + etagOrTime : versionId;
  }

  void bind(SdkHttpRequest.Builder request) {
    id.ifPresent(version -> request.putRawQueryParameter("versionId", version));
    if (!token.isEmpty()) {
      Versions.time(token)
          .ifPresentOrElse(
              time ->
                  request.putHeader(
                      "If-Unmodified-Since", HttpStatuses.httpDate(wholeSecond(time))),
              () -> request.putHeader("If-Match", S3Origin.etagHeader(token)));
    }
  }

  // Headers have seconds, but servers were seen to compare them with a finer time of their own.
  private static Instant wholeSecond(Instant time) {
    return Instant.ofEpochSecond(time.getEpochSecond() + 1);
  }

  /** Servers were seen to ignore conditions, so what came back is compared too. */
  void check(OriginObject object, S3Head head) throws OriginFailure {
    @Nullable String versionId = head.versionId();
    if (id.isPresent() && !id.get().equals(NULL_ID) && !id.get().equals(versionId)) {
      throw OriginFailure.lasting(
          ErrorCode.ORIGIN_CHANGED,
          object.uri() + ": version " + id.get() + " was asked for, " + versionId + " came");
    }
    if (!token.isEmpty() && !Versions.matches(token, head.etag(), head.lastModified())) {
      throw RangeAnswer.changed(
          object,
          "version " + Versions.token(head.etag(), head.lastModified().orElse(Instant.EPOCH)));
    }
  }
}
