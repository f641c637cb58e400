package dev.larder.keeper;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * As much of JSON as the state file takes: objects, lists, strings, whole numbers, true and false.
 * A library would be a third of the keeper's classes.
 */
final class Json {
  private static final int DEPTH_MAX = 16;

  private final String text;
  private int at;

  private Json(String text) {
    this.text = text;
  }

  /** A text that is no such JSON. */
  static final class JsonException extends Exception {
    private static final long serialVersionUID = 1L;

    JsonException(String message) {
      super(message);
    }
  }

  /** Maps, lists, strings, longs and booleans. */
  static Object parse(String text) throws JsonException {
    Json json = new Json(text);
    Object value = json.value(0);
    json.skip();
    if (json.at != text.length()) {
      throw json.fault("something behind the end");
    }
    return value;
  }

  static String print(Object value) {
    StringBuilder out = new StringBuilder();
    print(value, out, 0);
    return out.append('\n').toString();
  }

  private static void print(Object value, StringBuilder out, int depth) {
    switch (value) {
      case Map<?, ?> map -> {
        String separator = "{";
        for (Map.Entry<?, ?> entry : map.entrySet()) {
          out.append(separator);
          print(String.valueOf(entry.getKey()), out);
          out.append(": ");
          print(entry.getValue(), out, depth + 1);
          separator = ", ";
        }
        out.append(map.isEmpty() ? "{}" : "}");
      }
      case List<?> list -> {
        String separator = "[";
        for (Object each : list) {
          out.append(separator).append('\n').append("  ".repeat(depth + 1));
          print(each, out, depth + 1);
          separator = ",";
        }
        out.append(list.isEmpty() ? "[]" : "]");
      }
      case String string -> print(string, out);
      case Long number -> out.append(number.longValue());
      case Boolean flag -> out.append(flag.booleanValue());
      default -> throw new IllegalArgumentException("no JSON of ours: " + value);
    }
  }

  private static void print(String string, StringBuilder out) {
    out.append('"');
    for (int i = 0; i < string.length(); i++) {
      char c = string.charAt(i);
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < ' ' || Character.isSurrogate(c)) {
        out.append("\\u%04x".formatted((int) c));
      } else {
        out.append(c);
      }
    }
    out.append('"');
  }

  private Object value(int depth) throws JsonException {
    skip();
    if (depth > DEPTH_MAX) {
      throw fault("too deep");
    }
    char c = peek();
    return switch (c) {
      case '{' -> object(depth);
      case '[' -> list(depth);
      case '"' -> string();
      case 't', 'f' -> flag();
      default -> number();
    };
  }

  private Map<String, Object> object(int depth) throws JsonException {
    Map<String, Object> map = new LinkedHashMap<>();
    at++;
    skip();
    boolean isFirst = true;
    while (peek() != '}') {
      if (!isFirst) {
        expect(',');
        skip();
      }
      isFirst = false;
      if (peek() != '"') {
        throw fault("a name is expected");
      }
      String name = string();
      skip();
      expect(':');
      if (map.put(name, value(depth + 1)) != null) {
        throw fault("a name stands twice");
      }
      skip();
    }
    at++;
    return map;
  }

  private List<Object> list(int depth) throws JsonException {
    List<Object> list = new ArrayList<>();
    at++;
    skip();
    while (peek() != ']') {
      if (!list.isEmpty()) {
        expect(',');
      }
      list.add(value(depth + 1));
      skip();
    }
    at++;
    return list;
  }

  private String string() throws JsonException {
    StringBuilder out = new StringBuilder();
    at++;
    while (peek() != '"') {
      char c = text.charAt(at++);
      if (c < ' ') {
        throw fault("a control character");
      }
      out.append(c == '\\' ? escape() : c);
    }
    at++;
    return out.toString();
  }

  private char escape() throws JsonException {
    char c = peek();
    at++;
    return switch (c) {
      case '"', '\\', '/' -> c;
      case 'n' -> '\n';
      case 't' -> '\t';
      case 'r' -> '\r';
      case 'b' -> '\b';
      case 'f' -> '\f';
      case 'u' -> {
        int value = 0;
        for (int i = 0; i < 4; i++) {
          int digit = Character.digit(peek(), 16);
          if (digit < 0) {
            throw fault("no hex digit");
          }
          value = value * 16 + digit;
          at++;
        }
        yield (char) value;
      }
      default -> throw fault("an unknown escape");
    };
  }

  private Boolean flag() throws JsonException {
    for (Boolean flag : new Boolean[] {true, false}) {
      if (text.startsWith(flag.toString(), at)) {
        at += flag.toString().length();
        return flag;
      }
    }
    throw fault("an unknown word");
  }

  private Long number() throws JsonException {
    int start = at;
    if (peek() == '-') {
      at++;
    }
    while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
      at++;
    }
    try {
      return Long.valueOf(text.substring(start, at));
    } catch (NumberFormatException e) {
      throw fault("no whole number");
    }
  }

  private void skip() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  private char peek() throws JsonException {
    if (at >= text.length()) {
      throw fault("it ends early");
    }
    return text.charAt(at);
  }

  private void expect(char c) throws JsonException {
    if (peek() != c) {
      throw fault("'" + c + "' is expected");
    }
    at++;
  }

  private JsonException fault(String what) {
    return new JsonException(what + " at " + at);
  }
}
