package dev.larder.csi;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.agent.config.RecordFolder;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * The volumes with a dataset of their own that were created through this node, one file each: what
 * was asked for, so that a repeated request is told from another one of the same name. The datasets
 * themselves are the cluster's, and their number bounds this. Any thread; changes of one volume
 * take turns.
 */
final class Created {
  private final RecordFolder folder;
  private final ConcurrentSkipListMap<String, Entry> entries = new ConcurrentSkipListMap<>();

  /**
   * One.
   *
   * @param asked digest of the parameters
   * @param capacityBytes as it was promised
   * @param context what publishing it takes
   */
  record Entry(String volumeId, String asked, long capacityBytes, Map<String, String> context) {
    Entry {
      context = Map.copyOf(context);
    }
  }

  Created(Path directory) {
    this.folder = new RecordFolder(directory, "created volume");
  }

  /** Reads what there is; former versions also noted views, which need none. */
  void load() {
    for (Entry each : folder.load(Created::parse)) {
      if (each.volumeId().startsWith("view-")) {
        folder.delete(each.volumeId());
      } else {
        entries.put(each.volumeId(), each);
      }
    }
  }

  private static Entry parse(JsonNode root) {
    Map<String, String> context = new TreeMap<>();
    RecordFolder.need(root, "context")
        .properties()
        .forEach(each -> context.put(each.getKey(), each.getValue().asText()));
    return new Entry(
        checked(RecordFolder.need(root, "volume").asText()),
        RecordFolder.need(root, "asked").asText(),
        root.path("capacity").asLong(),
        context);
  }

  Optional<Entry> find(String volumeId) {
    return Optional.ofNullable(entries.get(volumeId));
  }

  List<Entry> all() {
    return List.copyOf(entries.values());
  }

  void put(Entry entry) {
    ObjectNode root = folder.record();
    root.put("volume", entry.volumeId());
    root.put("asked", entry.asked());
    root.put("capacity", entry.capacityBytes());
    ObjectNode context = root.putObject("context");
    new TreeMap<>(entry.context()).forEach(context::put);
    folder.put(checked(entry.volumeId()), root);
    entries.put(entry.volumeId(), entry);
  }

  void remove(String volumeId) {
    folder.delete(checked(volumeId));
    entries.remove(volumeId);
  }

  /** Ids of created volumes are made here, of letters, digits and hyphens. */
  private static String checked(String volumeId) {
    if (!volumeId.matches("(vol|view)-[a-z0-9-]{1,59}")) {
      throw new IllegalArgumentException("no id of a created volume: " + volumeId);
    }
    return volumeId;
  }
}
