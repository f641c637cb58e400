package dev.larder.agent.http;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;

/** Conditional requests (RFC 9110, 13) against an entity tag that is always strong. */
final class Preconditions {
  /** What to answer. */
  enum Outcome {
    /** Serve; a range is honoured. */
    SERVE,
    /** Serve all of it: {@code If-Range} names another version. */
    SERVE_WHOLE,
    /** 304. */
    NOT_MODIFIED,
    /** 412. */
    FAILED
  }

  private Preconditions() {}

  /**
   * Evaluates in the order of RFC 9110, 13.2.2.
   *
   * @param etag with its quotes
   * @param modified empty where a blob has no time of its own
   */
  static Outcome evaluate(HttpHeaders headers, String etag, Optional<Instant> modified) {
    Optional<Instant> seconds = modified.map(time -> time.truncatedTo(ChronoUnit.SECONDS));
    List<String> ifMatch = headers.getAll(HttpHeaderNames.IF_MATCH);
    if (!ifMatch.isEmpty()) {
      if (!anyMatch(ifMatch, etag, false)) {
        return Outcome.FAILED;
      }
    } else {
      Optional<Instant> unmodified = date(headers, HttpHeaderNames.IF_UNMODIFIED_SINCE.toString());
      if (unmodified.isPresent()
          && seconds.isPresent()
          && seconds.get().isAfter(unmodified.get())) {
        return Outcome.FAILED;
      }
    }
    List<String> ifNoneMatch = headers.getAll(HttpHeaderNames.IF_NONE_MATCH);
    if (!ifNoneMatch.isEmpty()) {
      if (anyMatch(ifNoneMatch, etag, true)) {
        return Outcome.NOT_MODIFIED;
      }
    } else {
      Optional<Instant> since = date(headers, HttpHeaderNames.IF_MODIFIED_SINCE.toString());
      if (since.isPresent() && seconds.isPresent() && !seconds.get().isAfter(since.get())) {
        return Outcome.NOT_MODIFIED;
      }
    }
    String ifRange = headers.get(HttpHeaderNames.IF_RANGE);
    return ifRange == null || isCurrent(ifRange.strip(), etag, seconds)
        ? Outcome.SERVE
        : Outcome.SERVE_WHOLE;
  }

  private static boolean isCurrent(String ifRange, String etag, Optional<Instant> modified) {
    if (ifRange.startsWith("\"") || ifRange.startsWith("W/")) {
      return ifRange.equals(etag);
    }
    return modified.isPresent() && HttpDates.parse(ifRange).equals(modified);
  }

  private static Optional<Instant> date(HttpHeaders headers, String name) {
    String text = headers.get(name);
    return text == null ? Optional.empty() : HttpDates.parse(text);
  }

  /** Whether a list of entity tags holds this one; a comma may stand inside of the quotes. */
  private static boolean anyMatch(List<String> fields, String etag, boolean weak) {
    for (String field : fields) {
      String rest = field.strip();
      if (rest.equals("*")) {
        return true;
      }
      int at = 0;
      while (at < rest.length()) {
        int open = rest.indexOf('"', at);
        int close = open < 0 ? -1 : rest.indexOf('"', open + 1);
        if (close < 0) {
          break;
        }
        boolean isWeak = open >= 2 && rest.startsWith("W/", open - 2);
        if (rest.substring(open, close + 1).equals(etag) && (weak || !isWeak)) {
          return true;
        }
        at = close + 1;
      }
    }
    return false;
  }
}
