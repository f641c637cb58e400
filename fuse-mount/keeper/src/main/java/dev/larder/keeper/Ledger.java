package dev.larder.keeper;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What the keeper is asked to keep mounted: views by id, and which directory shows which. Pure: it
 * makes no mount. Callers take turns.
 */
final class Ledger {
  static final long FORMAT = 1;

  /** With parts of views, which a keeper of the format before would take for the whole. */
  static final long FORMAT_WITH_PARTS = 2;

  private final TreeMap<String, View> views = new TreeMap<>();
  private final TreeMap<String, String> targets = new TreeMap<>();
  private final TreeMap<String, String> parts = new TreeMap<>();

  /** Targets as they are in the file: one more must not cost more, the more there are. */
  private final TreeMap<String, String> printed = new TreeMap<>();

  /**
   * An overlay over a catalog.
   *
   * @param label shown as the mount's source
   * @param blobs where the sealed files were; empty when that is not known
   * @param blobsId device and inode of that folder, so that another one in its place is told
   */
  record View(String id, String label, boolean noExec, String blobs, String blobsId) {}

  @Nullable View view(String id) {
    return views.get(id);
  }

  List<View> views() {
    return new ArrayList<>(views.values());
  }

  void putView(View view) {
    views.put(view.id(), view);
  }

  void removeView(String id) {
    views.remove(id);
  }

  /** The view a directory shows, or null. */
  @Nullable String shown(String target) {
    return targets.get(target);
  }

  /** Directories and the ids of what they show. */
  Map<String, String> targets() {
    return new TreeMap<>(targets);
  }

  /** How many directories show a view. */
  int targetCount() {
    return targets.size();
  }

  /** Directories that show a view. */
  List<String> targets(String id) {
    return targets.entrySet().stream()
        .filter(e -> e.getValue().equals(id))
        .map(Map.Entry::getKey)
        .toList();
  }

  /** The directory of its view that a target shows; empty for the root. */
  String part(String target) {
    return parts.getOrDefault(target, "");
  }

  /** A target shows the whole view. */
  void putTarget(String target, String id) {
    putTarget(target, id, "");
  }

  /** A target shows a directory of a view; empty for its root. */
  void putTarget(String target, String id, String part) {
    targets.put(target, id);
    parts.remove(target);
    if (!part.isEmpty()) {
      parts.put(target, part);
    }
    printed.put(target, print(target));
  }

  private String print(String target) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("target", target);
    map.put("id", targets.get(target));
    if (parts.containsKey(target)) {
      map.put("part", part(target));
    }
    return Json.print(map).strip();
  }

  void removeTarget(String target) {
    targets.remove(target);
    parts.remove(target);
    printed.remove(target);
  }

  boolean isEmpty() {
    return views.isEmpty() && targets.isEmpty();
  }

  String print() {
    List<String> viewList = new ArrayList<>();
    for (View view : views.values()) {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("id", view.id());
      map.put("label", view.label());
      map.put("noExec", view.noExec());
      map.put("blobs", view.blobs());
      map.put("blobsId", view.blobsId());
      viewList.add(Json.print(map).strip());
    }
    return "{\"format\": "
        + (parts.isEmpty() ? FORMAT : FORMAT_WITH_PARTS)
        + ", \"views\": "
        + print(viewList)
        + ", \"targets\": "
        + print(printed.values())
        + "}\n";
  }

  private static String print(Collection<String> each) {
    return each.isEmpty() ? "[]" : "[\n    " + String.join(",\n    ", each) + "]";
  }

  /**
   * Reads what {@link #print} wrote.
   *
   * @throws Json.JsonException for anything else, another format among it
   */
  static Ledger parse(String text) throws Json.JsonException {
    Map<?, ?> root = map(Json.parse(text));
    Object format = root.get("format");
    if (!Long.valueOf(FORMAT).equals(format) && !Long.valueOf(FORMAT_WITH_PARTS).equals(format)) {
      throw new Json.JsonException("format " + format + " is not known");
    }
    Ledger ledger = new Ledger();
    for (Object each : list(root, "views")) {
      Map<?, ?> map = map(each);
      ledger.putView(
          new View(
              id(map),
              string(map, "label"),
              Boolean.TRUE.equals(map.get("noExec")),
              string(map, "blobs"),
              string(map, "blobsId")));
    }
    for (Object each : list(root, "targets")) {
      Map<?, ?> map = map(each);
      String part = map.containsKey("part") ? string(map, "part") : "";
      ledger.putTarget(string(map, "target"), id(map), part);
    }
    return ledger;
  }

  private static Map<?, ?> map(Object value) throws Json.JsonException {
    if (value instanceof Map<?, ?> map) {
      return map;
    }
    throw new Json.JsonException("an object is expected");
  }

  private static List<?> list(Map<?, ?> map, String name) throws Json.JsonException {
    if (map.get(name) instanceof List<?> list) {
      return list;
    }
    throw new Json.JsonException(name + " is no list");
  }

  private static String string(Map<?, ?> map, String name) throws Json.JsonException {
    if (map.get(name) instanceof String string && string.indexOf(0) < 0) {
      return string;
    }
    throw new Json.JsonException(name + " is no text");
  }

  private static String id(Map<?, ?> map) throws Json.JsonException {
    String id = string(map, "id");
    if (!dev.larder.keeper.wire.Wire.isMountId(id)) {
      throw new Json.JsonException("no id of a mount");
    }
    return id;
  }
}
