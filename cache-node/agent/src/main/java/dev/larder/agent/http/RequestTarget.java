package dev.larder.agent.http;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A request's target, decoded: the components of its path and its query. Nothing of it is ever
 * joined to a path of the host; it only names entries of catalogs.
 *
 * @param components path components, percent-decoded, none empty, {@code .} or {@code ..}, none
 *     with a slash or NUL
 * @param slash whether the path ends with a slash
 */
record RequestTarget(List<String> components, boolean slash, Map<String, String> query) {

  /**
   * Decodes a target in origin form ({@code /a/b?c=d}).
   *
   * @throws LarderException BAD_REQUEST names what is wrong
   */
  static RequestTarget parse(String raw) {
    if (raw.isEmpty() || raw.charAt(0) != '/') {
      throw bad("the request target must start with a slash");
    }
    int question = raw.indexOf('?');
    String path = question < 0 ? raw : raw.substring(0, question);
    Map<String, String> query = question < 0 ? Map.of() : parseQuery(raw.substring(question + 1));
    List<String> components = new ArrayList<>(8);
    int start = 1;
    while (start < path.length()) {
      int end = path.indexOf('/', start);
      end = end < 0 ? path.length() : end;
      components.add(component(path.substring(start, end)));
      start = end + 1;
    }
    boolean slash = path.length() > 1 && path.charAt(path.length() - 1) == '/';
    return new RequestTarget(components, slash, query);
  }

  /** Components from an index on, joined by slashes. */
  String pathFrom(int first) {
    int count = components.size() - first;
    return count <= 0
        ? ""
        : count == 1
            ? components.get(first)
            : String.join("/", components.subList(first, components.size()));
  }

  private static String component(String raw) {
    if (raw.isEmpty()) {
      throw bad("the path has an empty component");
    }
    String text = decode("path", raw);
    if (text.equals(".") || text.equals("..")) {
      throw bad("the path has a component \"" + text + "\"");
    }
    if (text.indexOf('/') >= 0) {
      throw bad("the path has an encoded slash");
    }
    return text;
  }

  private static Map<String, String> parseQuery(String raw) {
    Map<String, String> query = new LinkedHashMap<>();
    for (String pair : raw.split("&", -1)) {
      if (pair.isEmpty()) {
        continue;
      }
      int equals = pair.indexOf('=');
      String name = decode("query", equals < 0 ? pair : pair.substring(0, equals));
      String value = equals < 0 ? "" : decode("query", pair.substring(equals + 1));
      if (query.put(name, value) != null) {
        throw bad("query parameter \"" + shown(name) + "\" is given twice");
      }
    }
    return query;
  }

  private static String decode(String where, String raw) {
    boolean plain = true;
    for (int i = 0; i < raw.length(); i++) {
      char ch = raw.charAt(i);
      if (ch <= ' ' || ch >= 0x7f || ch == '#') {
        throw bad("the " + where + " has a character that must be percent-encoded");
      }
      plain &= ch != '%';
    }
    return plain ? raw : percentDecode(where, raw);
  }

  private static String percentDecode(String where, String raw) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(raw.length());
    for (int i = 0; i < raw.length(); i++) {
      char ch = raw.charAt(i);
      if (ch != '%') {
        bytes.write(ch);
        continue;
      }
      int high = i + 2 < raw.length() ? Character.digit(raw.charAt(i + 1), 16) : -1;
      int low = i + 2 < raw.length() ? Character.digit(raw.charAt(i + 2), 16) : -1;
      if (high < 0 || low < 0) {
        throw bad("the " + where + " has a broken percent escape");
      }
      int value = high << 4 | low;
      if (value == 0) {
        throw bad("the " + where + " has a NUL");
      }
      bytes.write(value);
      i += 2;
    }
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(bytes.toByteArray()))
          .toString();
    } catch (CharacterCodingException e) {
      throw new LarderException(ErrorCode.BAD_REQUEST, "the " + where + " is not UTF-8", e);
    }
  }

  /** A name from a request, short enough for a message. */
  static String shown(String name) {
    return name.length() > 80 ? name.substring(0, 80) + "…" : name;
  }

  private static LarderException bad(String message) {
    return new LarderException(ErrorCode.BAD_REQUEST, message);
  }
}
