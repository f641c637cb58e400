package dev.larder.agent.http;

import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ByteRange;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.netty.handler.codec.http.HttpHeaderNames;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What to send of a file: decided from its entry and the request alone, before anything is opened.
 *
 * @param length bytes of body; 0 for 304, 412 and HEAD
 */
record FilePlan(int status, long offset, long length, ResponseHead head) {

  /**
   * A file as the catalog or the store describes it.
   *
   * @param snapshot value of {@code Larder-Snapshot}, or null for blobs
   */
  record Meta(
      BlobKey key,
      long sizeBytes,
      Optional<Instant> modified,
      String contentType,
      @Nullable String snapshot) {}

  /** Decides; BAD_RANGE for a range that cannot be served, with Content-Range in the fault. */
  static FilePlan of(Request request, Meta meta) {
    String etag = '"' + meta.key.toString() + '"';
    List<String> ranges =
        request.isHead() ? List.of() : request.headers().getAll(HttpHeaderNames.RANGE);
    return switch (Preconditions.evaluate(request.headers(), etag, meta.modified)) {
      case NOT_MODIFIED -> new FilePlan(304, 0, 0, validators(304, etag, meta));
      case FAILED -> new FilePlan(412, 0, 0, validators(412, etag, meta).contentLength(0));
      case SERVE_WHOLE -> whole(request, etag, meta);
      case SERVE ->
          RangeHeader.parse(ranges, meta.sizeBytes)
              .map(range -> part(etag, meta, range))
              .orElseGet(() -> whole(request, etag, meta));
    };
  }

  /** How much the client says it will read, else guessed from its range. */
  static ReadIntent intent(Request request) {
    String given = request.headers().get("Larder-Intent");
    if (given != null) {
      return switch (given) {
        case "whole" -> ReadIntent.WHOLE;
        case "sequential" -> ReadIntent.SEQUENTIAL;
        case "random" -> ReadIntent.RANDOM;
        default ->
            throw new LarderException(
                ErrorCode.BAD_REQUEST, "Larder-Intent must be whole, sequential or random");
      };
    }
    String range = request.headers().get(HttpHeaderNames.RANGE);
    return range == null || range.endsWith("-") ? ReadIntent.SEQUENTIAL : ReadIntent.RANDOM;
  }

  private static FilePlan whole(Request request, String etag, Meta meta) {
    ResponseHead head = describe(validators(200, etag, meta), meta).contentLength(meta.sizeBytes);
    return new FilePlan(200, 0, request.isHead() ? 0 : meta.sizeBytes, head);
  }

  private static FilePlan part(String etag, Meta meta, ByteRange range) {
    ResponseHead head = describe(validators(206, etag, meta), meta);
    head.add(
        "Content-Range",
        "bytes " + range.offset() + "-" + (range.end() - 1) + "/" + meta.sizeBytes);
    return new FilePlan(206, range.offset(), range.length(), head.contentLength(range.length()));
  }

  private static ResponseHead validators(int status, String etag, Meta meta) {
    ResponseHead head = new ResponseHead(status).add("ETag", etag);
    if (meta.modified.isPresent()) {
      head.add("Last-Modified", HttpDates.format(meta.modified.get()));
    }
    if (meta.snapshot != null) {
      head.add("Larder-Snapshot", meta.snapshot);
    }
    return head;
  }

  private static ResponseHead describe(ResponseHead head, Meta meta) {
    return head.add("Accept-Ranges", "bytes").add("Content-Type", meta.contentType);
  }
}
