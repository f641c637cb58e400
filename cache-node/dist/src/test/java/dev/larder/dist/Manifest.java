package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/**
 * A part of a document; reaching for what is not there is a failure that says where.
 *
 * @param where what failures name it by
 */
record Manifest(String where, Map<?, ?> map) {
  private static final Pattern VARIABLE = Pattern.compile("\\$\\(([A-Z_]+)\\)");

  /** The documents of a text; a key that stands there twice is a failure. */
  static List<Manifest> documents(String where, String yaml) {
    LoadSettings strict = LoadSettings.builder().setAllowDuplicateKeys(false).build();
    List<Manifest> all = new ArrayList<>();
    for (Object each : new Load(strict).loadAllFromString(yaml)) {
      all.add(new Manifest(where, (Map<?, ?>) each));
    }
    return all;
  }

  Manifest in(String... keys) {
    Manifest at = this;
    for (String key : keys) {
      at = new Manifest(at.where + "." + key, (Map<?, ?>) at.value(key));
    }
    return at;
  }

  Object value(String key) {
    Object value = map.get(key);
    assertNotNull(value, where + " has no " + key + ": " + map.keySet());
    return value;
  }

  String text(String key) {
    return value(key).toString();
  }

  /** Empty where it is not there. */
  String textOrNone(String key) {
    return has(key) ? text(key) : "";
  }

  List<String> texts(String key) {
    return ((List<?>) value(key)).stream().map(Object::toString).toList();
  }

  List<Manifest> list(String key) {
    List<Manifest> all = new ArrayList<>();
    for (Object each : map.get(key) == null ? List.of() : (List<?>) value(key)) {
      all.add(new Manifest(where + "." + key + "[" + all.size() + "]", (Map<?, ?>) each));
    }
    return all;
  }

  boolean has(String key) {
    return map.containsKey(key);
  }

  String kind() {
    return text("kind");
  }

  String name() {
    return in("metadata").text("name");
  }

  /** Of a pod's specification: its one container. */
  Manifest container() {
    List<Manifest> containers = list("containers");
    assertEquals(1, containers.size(), where);
    return containers.getFirst();
  }

  /** What a container's environment says; values of the API server's are put as such. */
  Map<String, String> environment() {
    Map<String, String> values = new LinkedHashMap<>();
    for (Manifest each : list("env")) {
      String value = each.has("value") ? expand(each.text("value"), values) : "n1";
      values.put(each.text("name"), value);
    }
    return values;
  }

  /** A container's arguments as its program gets them. */
  List<String> arguments() {
    Map<String, String> values = environment();
    return texts("args").stream().map(argument -> expand(argument, values)).toList();
  }

  /** The same from behind a word on. */
  List<String> arguments(String behind) {
    List<String> all = arguments();
    assertTrue(all.contains(behind), all.toString());
    return all.subList(all.indexOf(behind) + 1, all.size());
  }

  private static String expand(String text, Map<String, String> values) {
    Matcher matcher = VARIABLE.matcher(text);
    return matcher.replaceAll(match -> {
      String value = values.get(match.group(1));
      assertNotNull(value, "$(" + match.group(1) + ") is not set before it is used");
      return Matcher.quoteReplacement(value);
    });
  }
}
