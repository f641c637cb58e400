package dev.larder.protocol;

import java.util.ArrayList;
import java.util.List;

/**
 * Matches '/'-separated paths of a dataset: {@code *} and {@code ?} within a component, {@code **}
 * over any number of components, {@code [a-z]} and {@code [!a-z]}, {@code {a,b}} alternatives,
 * {@code \} before a character taken literally. The empty glob matches everything; a glob that
 * names a directory matches all below it, so {@code models/llama} means {@code models/llama/**}
 * too.
 *
 * <p>Matching needs no back-tracking over the whole path more than once per {@code *}, so a hostile
 * glob costs at most glob length times path length. Any thread.
 */
public final class PathGlob {
  /** Alternatives a glob may expand to; a hostile glob must not fill the heap. */
  static final int ALTERNATIVES_MAX = 256;

  private static final int LENGTH_MAX = 4096;

  private final String text;
  private final List<String[]> patterns;

  private PathGlob(String text, List<String[]> patterns) {
    this.text = text;
    this.patterns = patterns;
  }

  /**
   * Whether a text has what only a glob means something by; a file may be called so all the same.
   */
  public static boolean looksLikeGlob(String text) {
    return text.chars().anyMatch(c -> "*?[{\\".indexOf(c) >= 0);
  }

  /** Parses a glob; {@link ErrorCode#BAD_REQUEST} says what is wrong with it. */
  public static PathGlob parse(String text) {
    if (text.length() > LENGTH_MAX) {
      throw bad(text, "is longer than " + LENGTH_MAX + " characters");
    }
    List<String> expanded = new ArrayList<>();
    expand(text, text, expanded);
    List<String[]> patterns = new ArrayList<>();
    for (String one : expanded) {
      String[] components = one.split("/", -1);
      for (String component : components) {
        checkClasses(text, component);
      }
      patterns.add(components);
    }
    return new PathGlob(text, List.copyOf(patterns));
  }

  /** Whether the glob matches a file's path (no leading slash). */
  public boolean matches(String path) {
    if (text.isEmpty()) {
      return true;
    }
    String[] components = path.split("/", -1);
    for (String[] pattern : patterns) {
      if (matchComponents(pattern, components)) {
        return true;
      }
    }
    return false;
  }

  /** Whether this glob matches everything. */
  public boolean isAll() {
    return text.isEmpty() || text.equals("**");
  }

  @Override
  public String toString() {
    return text;
  }

  private static void expand(String whole, String text, List<String> out) {
    int open = find(text, '{', 0);
    if (open < 0) {
      if (find(text, '}', 0) >= 0) {
        throw bad(whole, "has '}' without '{'");
      }
      if (out.size() == ALTERNATIVES_MAX) {
        throw bad(whole, "expands to more than " + ALTERNATIVES_MAX + " alternatives");
      }
      out.add(text);
      return;
    }
    int close = find(text, '}', open);
    if (close < 0) {
      throw bad(whole, "has '{' without '}'");
    }
    if (find(text, '{', open + 1) >= 0 && find(text, '{', open + 1) < close) {
      throw bad(whole, "nests '{'");
    }
    int start = open + 1;
    while (start <= close) {
      int comma = find(text, ',', start);
      int end = comma >= 0 && comma < close ? comma : close;
      expand(
          whole,
          text.substring(0, open) + text.substring(start, end) + text.substring(close + 1),
          out);
      start = end + 1;
    }
  }

  private static int find(String text, char wanted, int from) {
    for (int i = from; i < text.length(); i++) {
      if (text.charAt(i) == '\\') {
        i++;
      } else if (text.charAt(i) == wanted) {
        return i;
      }
    }
    return -1;
  }

  private static void checkClasses(String whole, String component) {
    for (int i = 0; i < component.length(); i++) {
      char ch = component.charAt(i);
      if (ch == '\\') {
        i++;
        if (i == component.length()) {
          throw bad(whole, "ends a component with '\\'");
        }
      } else if (ch == '[') {
        int end = classEnd(component, i);
        if (end < 0) {
          throw bad(whole, "has '[' without ']'");
        }
        i = end;
      }
    }
  }

  private static int classEnd(String component, int open) {
    int first = open + 1;
    if (first < component.length() && component.charAt(first) == '!') {
      first++;
    }
    return component.indexOf(']', first + 1);
  }

  /** Dynamic programming over components; a matched prefix of the path matches as a directory. */
  private static boolean matchComponents(String[] pattern, String[] path) {
    boolean[] reached = new boolean[path.length + 1];
    reached[0] = true;
    for (String component : pattern) {
      boolean[] next = new boolean[path.length + 1];
      if (component.equals("**")) {
        boolean any = false;
        for (int i = 0; i <= path.length; i++) {
          any |= reached[i];
          next[i] = any;
        }
      } else {
        for (int i = 0; i < path.length; i++) {
          next[i + 1] = reached[i] && matchComponent(component, path[i]);
        }
      }
      reached = next;
    }
    for (int i = 1; i <= path.length; i++) {
      if (reached[i]) {
        return true;
      }
    }
    return false;
  }

  private static boolean matchComponent(String pattern, String name) {
    int p = 0;
    int n = 0;
    int starPattern = -1;
    int starName = 0;
    while (n < name.length()) {
      int after =
          p < pattern.length() && pattern.charAt(p) != '*' ? matchOne(pattern, p, name, n) : -1;
      if (after >= 0) {
        p = after;
        n++;
      } else if (p < pattern.length() && pattern.charAt(p) == '*') {
        starPattern = ++p;
        starName = n;
      } else if (starPattern >= 0) {
        p = starPattern;
        n = ++starName;
      } else {
        return false;
      }
    }
    while (p < pattern.length() && pattern.charAt(p) == '*') {
      p++;
    }
    return p == pattern.length();
  }

  /** Matches one character; returns the pattern's index behind what matched it, or -1. */
  private static int matchOne(String pattern, int at, String name, int n) {
    char wanted = pattern.charAt(at);
    char ch = name.charAt(n);
    if (wanted == '?') {
      return at + 1;
    }
    if (wanted == '\\') {
      return pattern.charAt(at + 1) == ch ? at + 2 : -1;
    }
    if (wanted != '[') {
      return wanted == ch ? at + 1 : -1;
    }
    int end = classEnd(pattern, at);
    boolean negated = pattern.charAt(at + 1) == '!';
    boolean found = false;
    for (int i = at + (negated ? 2 : 1); i < end; i++) {
      if (i + 2 < end && pattern.charAt(i + 1) == '-') {
        found |= pattern.charAt(i) <= ch && ch <= pattern.charAt(i + 2);
        i += 2;
      } else {
        found |= pattern.charAt(i) == ch;
      }
    }
    return found != negated ? end + 1 : -1;
  }

  private static LarderException bad(String text, String rule) {
    String shown = text.length() > 80 ? text.substring(0, 80) + "…" : text;
    return new LarderException(ErrorCode.BAD_REQUEST, "glob \"" + shown + "\" " + rule);
  }
}
