package dev.larder.csi;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.agent.config.RecordFolder;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Digests;
import dev.larder.protocol.LarderException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The volumes of this node by target: one file each in the run directory, so that the next agent
 * knows what was begun and what was promised. They are gone after a reboot, as the mounts are. No
 * secret is ever in them.
 *
 * <p><b>Threads:</b> any; changes of one target take turns.
 */
final class VolumeBook {
  private final RecordFolder folder;
  private final ConcurrentHashMap<Path, Volume> volumes = new ConcurrentHashMap<>();

  VolumeBook(Path directory) {
    this.folder = new RecordFolder(directory, "volume");
  }

  /**
   * Reads what the former agent wrote.
   *
   * @throws LarderException STORE_IO
   */
  void load() {
    for (Volume each : folder.load(VolumeBook::parse)) {
      volumes.put(each.target(), each);
    }
  }

  private static Volume parse(JsonNode root) {
    return new Volume(
        text(root, "volume"),
        Path.of(text(root, "target")),
        text(root, "asked"),
        new DatasetName(text(root, "dataset")),
        root.path("number").asLong(),
        text(root, "subPath"),
        root.path("follow").asBoolean(),
        root.path("noExec").asBoolean(),
        root.path("files").asLong(),
        root.path("bytes").asLong(),
        Volume.State.valueOf(text(root, "state")));
  }

  Optional<Volume> find(Path target) {
    return Optional.ofNullable(volumes.get(target));
  }

  List<Volume> all() {
    return List.copyOf(volumes.values());
  }

  /** Those that show a dataset. */
  List<Volume> of(DatasetName dataset) {
    return volumes.values().stream().filter(each -> each.dataset().equals(dataset)).toList();
  }

  void put(Volume volume) {
    ObjectNode root = folder.record();
    root.put("volume", volume.volumeId());
    root.put("target", volume.target().toString());
    root.put("asked", volume.asked());
    root.put("dataset", volume.dataset().text());
    root.put("number", volume.number());
    root.put("subPath", volume.subPath());
    root.put("follow", volume.follow());
    root.put("noExec", volume.noExec());
    root.put("files", volume.files());
    root.put("bytes", volume.bytes());
    root.put("state", volume.state().name());
    folder.put(name(volume.target()), root);
    volumes.put(volume.target(), volume);
  }

  void remove(Path target) {
    folder.delete(name(target));
    volumes.remove(target);
  }

  /** A target is the orchestrator's text: it names the file by its digest only. */
  private static String name(Path target) {
    String hex = Digests.ofBytes(target.toString().getBytes(StandardCharsets.UTF_8)).hex();
    return hex.substring(0, 40);
  }

  private static String text(JsonNode node, String field) {
    if (!node.path(field).isTextual()) {
      throw new IllegalArgumentException("field \"" + field + "\" is missing");
    }
    return node.path(field).asText();
  }
}
