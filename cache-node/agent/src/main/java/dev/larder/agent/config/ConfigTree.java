package dev.larder.agent.config;

import dev.larder.protocol.DataSize;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.TimeSpan;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * A configuration's keys and values, taken one by one; what nobody took is an error. {@code store:
 * {disk-max: 10GiB}} and {@code store.disk-max: 10GiB} are the same. One thread.
 */
public final class ConfigTree {
  private static final int YAML_CHARS_MAX = 1 << 20;
  private static final int NEAR_SHOWN = 3;

  private final Map<String, String> values = new LinkedHashMap<>();
  private final TreeSet<String> known = new TreeSet<>();

  /** Values by dotted key. */
  public ConfigTree(Map<String, String> values) {
    this.values.putAll(values);
  }

  /**
   * Reads YAML.
   *
   * @throws LarderException BAD_CONFIG with line and column
   */
  public static ConfigTree ofYaml(String yaml) {
    ConfigTree tree = new ConfigTree(Map.of());
    try {
      LoadSettings settings =
          LoadSettings.builder()
              .setLabel("configuration")
              .setAllowDuplicateKeys(false)
              .setCodePointLimit(YAML_CHARS_MAX)
              .build();
      Object root = new Load(settings).loadFromString(yaml);
      if (root != null) {
        tree.flatten("", root);
      }
    } catch (MarkedYamlEngineException e) {
      String where =
          e.getProblemMark()
              .map(at -> ", line " + (at.getLine() + 1) + ", column " + (at.getColumn() + 1))
              .orElse("");
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "the configuration is no YAML" + where + ": " + e.getProblem(), e);
    } catch (YamlEngineException e) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "the configuration is no YAML: " + e.getMessage(), e);
    }
    return tree;
  }

  /** Sets a value over what was read: an option of the command line. */
  public void put(String key, String value) {
    values.put(key, value);
  }

  /** Sets a key that is not set. */
  public void putDefault(String key, String value) {
    values.putIfAbsent(key, value);
  }

  /** Looks at a key without taking it. */
  public Optional<String> peek(String key) {
    return Optional.ofNullable(values.get(key));
  }

  /** A text. */
  public String text(String key, String fallback) {
    String value = take(key);
    return value == null ? fallback : value;
  }

  /** A list: YAML's, or text with commas. */
  public List<String> list(String key, List<String> fallback) {
    String value = take(key);
    return value == null
        ? fallback
        : Arrays.stream(value.split(",")).map(String::strip).filter(s -> !s.isEmpty()).toList();
  }

  /** A whole number. */
  public int count(String key, int fallback) {
    String value = take(key);
    if (value == null) {
      return fallback;
    }
    try {
      return Integer.parseInt(value);
    } catch (NumberFormatException e) {
      throw bad(key, value, "a whole number such as 16");
    }
  }

  /** A size in bytes such as 10GiB. */
  public long size(String key, long fallback) {
    String value = take(key);
    return value == null ? fallback : DataSize.parse(key, value);
  }

  /** A duration such as 250ms, 5s, 2m, 1h. */
  public Duration duration(String key, Duration fallback) {
    String value = take(key);
    return value == null
        ? fallback
        : TimeSpan.parse(value)
            .orElseThrow(() -> bad(key, value, "a duration such as 250ms, 5s, 2m"));
  }

  /** Keys that were asked for. */
  public SortedSet<String> known() {
    return Collections.unmodifiableSortedSet(known);
  }

  /**
   * Ends the taking.
   *
   * @throws LarderException BAD_CONFIG that names a key nobody knows
   */
  public void rejectRest() {
    if (!values.isEmpty()) {
      String unknown = values.keySet().iterator().next();
      String near =
          known.stream()
              .map(key -> new Near(key, distance(unknown, key)))
              .filter(each -> each.distance() <= Math.max(unknown.length(), 3) * 2 / 3)
              .sorted(Comparator.comparingInt(Near::distance))
              .limit(NEAR_SHOWN)
              .map(Near::key)
              .collect(Collectors.joining(", "));
      throw new LarderException(
          ErrorCode.BAD_CONFIG,
          "unknown configuration key \""
              + unknown
              + "\""
              + (near.isEmpty() ? "" : "; near it are " + near)
              + "; docs/CONFIG.md lists all");
    }
  }

  private record Near(String key, int distance) {}

  /** Letters to change, add or take away; a section that is left out costs nothing. */
  private static int distance(String unknown, String key) {
    String compared = unknown.indexOf('.') < 0 ? key.substring(key.indexOf('.') + 1) : key;
    int[] row = IntStream.rangeClosed(0, compared.length()).toArray();
    for (int i = 1; i <= unknown.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= compared.length(); j++) {
        int same = unknown.charAt(i - 1) == compared.charAt(j - 1) ? 0 : 1;
        int best = Math.min(Math.min(row[j], row[j - 1]) + 1, diagonal + same);
        diagonal = row[j];
        row[j] = best;
      }
    }
    return row[compared.length()];
  }

  private @Nullable String take(String key) {
    known.add(key);
    return values.remove(key);
  }

  private void flatten(String prefix, Object node) {
    if (node instanceof Map<?, ?> map) {
      map.forEach((key, value) ->
          flatten(prefix.isEmpty() ? String.valueOf(key) : prefix + "." + key, orEmpty(value)));
    } else if (prefix.isEmpty()) {
      throw new LarderException(ErrorCode.BAD_CONFIG, "the configuration is no list of keys");
    } else {
      String text =
          node instanceof List<?> list
              ? list.stream().map(String::valueOf).collect(Collectors.joining(","))
              : String.valueOf(node);
      if (values.put(prefix, text) != null) {
        throw new LarderException(
            ErrorCode.BAD_CONFIG, "configuration key \"" + prefix + "\" is given twice");
      }
    }
  }

  private static Object orEmpty(@Nullable Object value) {
    return value == null ? "" : value;
  }

  private static LarderException bad(String key, String value, String expected) {
    return new LarderException(
        ErrorCode.BAD_CONFIG, key + ": \"" + value + "\" is not " + expected);
  }
}
