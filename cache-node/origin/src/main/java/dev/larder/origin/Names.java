package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Names of objects: which can be paths of a dataset, and how they are read out of a URI. */
final class Names {
  // What Linux takes (NAME_MAX, PATH_MAX less the closing zero).
  private static final int COMPONENT_BYTES_MAX = 255;
  private static final int PATH_BYTES_MAX = 4095;

  private Names() {}

  /** Why a path can't be one of a dataset's; empty when it can. */
  static Optional<String> fault(String path) {
    if (path.isEmpty()) {
      return Optional.of("its name is empty");
    }
    if (path.indexOf('\0') >= 0) {
      return Optional.of("its name holds a zero character");
    }
    int start = 0;
    while (start <= path.length()) {
      int slash = path.indexOf('/', start);
      int end = slash < 0 ? path.length() : slash;
      Optional<String> fault = componentFault(path.substring(start, end));
      if (fault.isPresent()) {
        return fault;
      }
      start = end + 1;
    }
    if (utf8Length(path) > PATH_BYTES_MAX) {
      return Optional.of("its path is longer than " + PATH_BYTES_MAX + " bytes");
    }
    return Optional.empty();
  }

  private static Optional<String> componentFault(String component) {
    if (component.isEmpty()) {
      return Optional.of("its path holds an empty component");
    }
    if (component.equals(".") || component.equals("..")) {
      return Optional.of("its path holds the component \"" + component + "\"");
    }
    if (utf8Length(component) > COMPONENT_BYTES_MAX) {
      return Optional.of("a component is longer than " + COMPONENT_BYTES_MAX + " bytes");
    }
    return Optional.empty();
  }

  /** Whether a text survives UTF-8, which lone surrogates do not. */
  static boolean isUnicode(String text) {
    return StandardCharsets.UTF_8.newEncoder().canEncode(text);
  }

  private static int utf8Length(String text) {
    return text.length() * 3 <= COMPONENT_BYTES_MAX
        ? text.length()
        : text.getBytes(StandardCharsets.UTF_8).length;
  }

  /**
   * Reads percent-encoded UTF-8. A '+' stays what it is.
   *
   * @param field named in the error
   */
  static String decode(String field, String encoded) {
    if (encoded.indexOf('%') < 0) {
      return encoded;
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(encoded.length());
    int i = 0;
    while (i < encoded.length()) {
      char ch = encoded.charAt(i);
      if (ch == '%') {
        bytes.write(hexByte(field, encoded, i));
        i += 3;
      } else {
        int next = encoded.offsetByCodePoints(i, 1);
        bytes.writeBytes(encoded.substring(i, next).getBytes(StandardCharsets.UTF_8));
        i = next;
      }
    }
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(bytes.toByteArray()))
          .toString();
    } catch (CharacterCodingException e) {
      throw bad(field, encoded, e);
    }
  }

  private static int hexByte(String field, String encoded, int percent) {
    int high =
        percent + 2 < encoded.length() ? Character.digit(encoded.charAt(percent + 1), 16) : -1;
    int low = high >= 0 ? Character.digit(encoded.charAt(percent + 2), 16) : -1;
    if (low < 0) {
      throw bad(field, encoded, null);
    }
    return high << 4 | low;
  }

  private static LarderException bad(
      String field, String encoded, @org.jspecify.annotations.Nullable Throwable cause) {
    return new LarderException(
        ErrorCode.BAD_ORIGIN,
        field + ": \"" + encoded + "\" is not percent-encoded UTF-8 (write % as %25)",
        cause);
  }
}
