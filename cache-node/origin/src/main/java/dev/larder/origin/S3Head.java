package dev.larder.origin;

import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.http.SdkHttpResponse;

/** The headers of S3's answer to a GET or HEAD of an object. */
record S3Head(SdkHttpResponse answer) {
  /** A header's value; null where it is missing. */
  @Nullable String header(String name) {
    return answer.firstMatchingHeader(name).orElse(null);
  }

  @Nullable String etag() {
    return header("ETag");
  }

  @Nullable String versionId() {
    return header("x-amz-version-id");
  }

  Optional<Instant> lastModified() {
    return HttpStatuses.httpDate(header("Last-Modified"));
  }

  /** Bytes of the body; -1 where the answer does not say. */
  long contentLength() {
    return HttpStatuses.length(header("Content-Length"));
  }

  RangeAnswer range() {
    return new RangeAnswer(header("Content-Range"), contentLength(), etag(), lastModified());
  }
}
