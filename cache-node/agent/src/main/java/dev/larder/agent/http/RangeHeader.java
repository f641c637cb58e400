package dev.larder.agent.http;

import dev.larder.protocol.ByteRange;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** The {@code Range} field (RFC 9110, 14.1.2 and 14.2). */
final class RangeHeader {
  private RangeHeader() {}

  /**
   * The one range asked for, cut to the blob's end; empty when there is none or its unit is not
   * bytes, which a server must ignore.
   *
   * @throws LarderException BAD_RANGE if it is malformed, asks for several ranges or lies outside
   */
  static Optional<ByteRange> parse(List<String> fields, long sizeBytes) {
    if (fields.isEmpty()) {
      return Optional.empty();
    }
    if (fields.size() > 1) {
      throw bad("several Range fields; one range a request");
    }
    String text = fields.get(0).strip();
    int equals = text.indexOf('=');
    if (equals >= 0 && !text.substring(0, equals).toLowerCase(Locale.ROOT).equals("bytes")) {
      return Optional.empty();
    }
    if (equals < 0) {
      throw bad("Range is malformed: \"" + RequestTarget.shown(text) + "\"");
    }
    String spec = text.substring(equals + 1).strip();
    if (spec.indexOf(',') >= 0) {
      throw bad("several ranges in one request are not served; ask for one at a time");
    }
    int dash = spec.indexOf('-');
    if (dash < 0) {
      throw bad("Range is malformed: \"" + RequestTarget.shown(text) + "\"");
    }
    String first = spec.substring(0, dash);
    String last = spec.substring(dash + 1);
    if (first.isEmpty()) {
      long suffix = Math.min(number(text, last), sizeBytes);
      return Optional.of(satisfiable(sizeBytes - suffix, suffix, sizeBytes));
    }
    long from = number(text, first);
    long to = last.isEmpty() ? Long.MAX_VALUE : number(text, last);
    if (to < from) {
      throw bad("Range ends before it starts: \"" + RequestTarget.shown(text) + "\"");
    }
    return Optional.of(satisfiable(from, Math.min(to, sizeBytes - 1) - from + 1, sizeBytes));
  }

  private static ByteRange satisfiable(long offset, long length, long sizeBytes) {
    if (length <= 0 || offset >= sizeBytes) {
      throw bad("Range lies outside of the " + sizeBytes + " bytes");
    }
    return new ByteRange(offset, length);
  }

  private static long number(String text, String digits) {
    boolean plain = !digits.isEmpty();
    for (int i = 0; i < digits.length(); i++) {
      plain &= digits.charAt(i) >= '0' && digits.charAt(i) <= '9';
    }
    if (!plain) {
      throw bad("Range is malformed: \"" + RequestTarget.shown(text) + "\"");
    }
    try {
      return Long.parseLong(digits);
    } catch (NumberFormatException e) {
      // More digits than a long has: a valid number, beyond any blob.
      return Long.MAX_VALUE;
    }
  }

  private static LarderException bad(String message) {
    return new LarderException(ErrorCode.BAD_RANGE, message);
  }
}
