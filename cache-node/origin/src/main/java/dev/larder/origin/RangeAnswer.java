package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import java.time.Instant;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The head of an answer to a GET, as far as it says which bytes of which version follow.
 *
 * @param contentRange the header; null where there is none, that is, for a whole object
 * @param contentLength bytes of the body, -1 where the answer does not say
 */
record RangeAnswer(
    @Nullable String contentRange,
    long contentLength,
    @Nullable String etag,
    Optional<Instant> lastModified) {
  private static final Pattern CONTENT_RANGE =
      Pattern.compile("bytes\\s+(\\d{1,18})-(\\d{1,18})/(\\d{1,18}|\\*)");

  /** Checks that exactly the bytes asked for of exactly the object follow. */
  void check(OriginObject object, long offset, long length) throws OriginFailure {
    checkVersion(object);
    checkRange(object, offset, length);
  }

  void checkVersion(OriginObject object) throws OriginFailure {
    if (!Versions.matches(object.version(), etag, lastModified)) {
      throw changed(object, "version " + Versions.token(etag, lastModified.orElse(Instant.EPOCH)));
    }
  }

  void checkRange(OriginObject object, long offset, long length) throws OriginFailure {
    if (contentRange == null) {
      if (contentLength >= 0 && contentLength != object.sizeBytes()) {
        throw changed(object, contentLength + " bytes");
      }
      if (offset != 0 || length != object.sizeBytes()) {
        throw corrupt(object, "the whole object came", offset, length);
      }
      return;
    }
    Matcher range = CONTENT_RANGE.matcher(contentRange);
    if (!range.matches()) {
      throw corrupt(object, "Content-Range \"" + contentRange + "\" came", offset, length);
    }
    String total = range.group(3);
    if (!total.equals("*") && Long.parseLong(total) != object.sizeBytes()) {
      throw changed(object, total + " bytes");
    }
    long last = Long.parseLong(range.group(2));
    if (Long.parseLong(range.group(1)) != offset
        || last != offset + length - 1
        || (contentLength >= 0 && contentLength != length)) {
      throw corrupt(
          object, contentRange + " with " + contentLength + " bytes came", offset, length);
    }
  }

  static OriginFailure changed(OriginObject object, String now) {
    return OriginFailure.lasting(
        ErrorCode.ORIGIN_CHANGED,
        object.uri()
            + " is no longer what was listed: version "
            + object.version()
            + " with "
            + object.sizeBytes()
            + " bytes, now "
            + now);
  }

  // A proxy's hiccup may give a wrong range once; the same answer again is the origin's fault.
  private static OriginFailure corrupt(OriginObject object, String what, long offset, long length) {
    return OriginFailure.passing(
        ErrorCode.ORIGIN_CORRUPT,
        object.uri()
            + ": bytes "
            + offset
            + " to "
            + (offset + length - 1)
            + " were asked for, but "
            + what);
  }
}
