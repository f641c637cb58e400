package dev.larder.csi;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.agent.config.DurableFiles;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The volumes of this node by target: one file each in the run directory, so that the next agent
 * knows what was begun and what was promised. They are gone after a reboot, as the mounts are. No
 * secret is ever in them.
 *
 * <p><b>Threads:</b> any; changes of one target take turns.
 */
final class VolumeBook {
  private static final Logger log = LoggerFactory.getLogger(VolumeBook.class);
  private static final int FORMAT = 1;
  private static final String SUFFIX = ".json";

  private final Path directory;
  private final ObjectMapper json = new ObjectMapper();
  private final ConcurrentHashMap<Path, Volume> volumes = new ConcurrentHashMap<>();

  VolumeBook(Path directory) {
    this.directory = directory;
  }

  /**
   * Reads what the former agent wrote.
   *
   * @throws LarderException STORE_IO
   */
  void load() {
    try {
      Files.createDirectories(directory);
      try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*" + SUFFIX)) {
        files.forEach(this::load);
      }
    } catch (IOException e) {
      throw new LarderException(ErrorCode.STORE_IO, "cannot read " + directory + ": " + e, e);
    }
  }

  private void load(Path file) {
    try {
      JsonNode root = json.readTree(Files.readAllBytes(file));
      if (root.path("format").asInt() != FORMAT) {
        throw new IllegalArgumentException("format " + root.path("format") + " is not known");
      }
      Volume volume =
          new Volume(
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
      volumes.put(volume.target(), volume);
    } catch (JsonProcessingException | IllegalArgumentException | LarderException e) {
      log.error("volume set aside file={}: {}", file.getFileName(), e.toString());
      DurableFiles.setAside(file);
    } catch (IOException e) {
      throw new LarderException(ErrorCode.STORE_IO, "cannot read " + file + ": " + e, e);
    }
  }

  Optional<Volume> find(Path target) {
    return Optional.ofNullable(volumes.get(target));
  }

  List<Volume> all() {
    return List.copyOf(volumes.values());
  }

  void put(Volume volume) {
    ObjectNode root = json.createObjectNode();
    root.put("format", FORMAT);
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
    try {
      DurableFiles.replace(file(volume.target()), json.writeValueAsBytes(root));
    } catch (JsonProcessingException e) {
      throw new LarderException(ErrorCode.INTERNAL, "cannot write a volume", e);
    }
    volumes.put(volume.target(), volume);
  }

  void remove(Path target) {
    DurableFiles.delete(file(target));
    volumes.remove(target);
  }

  /** A target is the orchestrator's text: it names the file by its digest only. */
  private Path file(Path target) {
    String hex = Digests.ofBytes(target.toString().getBytes(StandardCharsets.UTF_8)).hex();
    return directory.resolve(hex.substring(0, 40) + SUFFIX);
  }

  private static String text(JsonNode node, String field) {
    if (!node.path(field).isTextual()) {
      throw new IllegalArgumentException("field \"" + field + "\" is missing");
    }
    return node.path(field).asText();
  }
}
