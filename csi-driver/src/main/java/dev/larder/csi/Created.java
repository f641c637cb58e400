package dev.larder.csi;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.agent.config.DurableFiles;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The volumes that were created through this node, one file each: what was asked for, so that a
 * repeated request is told from another one of the same name. The datasets themselves are the
 * cluster's. Any thread; changes of one volume take turns.
 */
final class Created {
  private static final Logger log = LoggerFactory.getLogger(Created.class);
  private static final int FORMAT = 1;
  private static final String SUFFIX = ".json";

  private final Path directory;
  private final ObjectMapper json = new ObjectMapper();
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
    this.directory = directory;
  }

  /** Reads what there is. */
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
      Map<String, String> context = new TreeMap<>();
      root.path("context")
          .properties()
          .forEach(each -> context.put(each.getKey(), each.getValue().asText()));
      put(
          new Entry(
              root.path("volume").asText(),
              root.path("asked").asText(),
              root.path("capacity").asLong(),
              context));
    } catch (JsonProcessingException | IllegalArgumentException e) {
      log.error("created volume set aside file={}: {}", file.getFileName(), e.toString());
      DurableFiles.setAside(file);
    } catch (IOException e) {
      throw new LarderException(ErrorCode.STORE_IO, "cannot read " + file + ": " + e, e);
    }
  }

  Optional<Entry> find(String volumeId) {
    return Optional.ofNullable(entries.get(volumeId));
  }

  List<Entry> all() {
    return List.copyOf(entries.values());
  }

  void put(Entry entry) {
    ObjectNode root = json.createObjectNode();
    root.put("format", FORMAT);
    root.put("volume", entry.volumeId());
    root.put("asked", entry.asked());
    root.put("capacity", entry.capacityBytes());
    ObjectNode context = root.putObject("context");
    new TreeMap<>(entry.context()).forEach(context::put);
    try {
      DurableFiles.replace(file(entry.volumeId()), json.writeValueAsBytes(root));
    } catch (JsonProcessingException e) {
      throw new LarderException(ErrorCode.INTERNAL, "cannot write a volume", e);
    }
    entries.put(entry.volumeId(), entry);
  }

  void remove(String volumeId) {
    DurableFiles.delete(file(volumeId));
    entries.remove(volumeId);
  }

  /** Ids of created volumes are made here, of letters, digits and hyphens. */
  private Path file(String volumeId) {
    if (!volumeId.matches("(vol|view)-[a-z0-9-]{1,59}")) {
      throw new IllegalArgumentException("no id of a created volume: " + volumeId);
    }
    return directory.resolve(volumeId + SUFFIX);
  }
}
