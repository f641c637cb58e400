package dev.larder.perf.origin;

import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A request's head.
 *
 * @param path decoded, without the query
 * @param query decoded parameters
 * @param fields by lower-case name
 */
record Request(String method, String path, Map<String, String> query, Map<String, String> fields) {
  private static final Pattern RANGE = Pattern.compile("bytes=(\\d*)-(\\d*)");

  /** First byte and end (exclusive) of the range asked for; the end is at most the size. */
  Optional<long[]> range(long sizeBytes) {
    Matcher range = RANGE.matcher(fields.getOrDefault("range", ""));
    if (!range.matches()) {
      return Optional.empty();
    }
    if (range.group(1).isEmpty()) {
      long suffix = range.group(2).isEmpty() ? 0 : Long.parseLong(range.group(2));
      return Optional.of(new long[] {Math.max(0, sizeBytes - suffix), sizeBytes});
    }
    long end =
        range.group(2).isEmpty()
            ? sizeBytes
            : Math.min(sizeBytes, Long.parseLong(range.group(2)) + 1);
    return Optional.of(new long[] {Long.parseLong(range.group(1)), end});
  }
}
