package dev.larder.mount;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.agent.config.DurableFiles;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is mounted where, in one file of the run directory, so that the next agent goes on with it.
 * It is gone after a reboot, as the mounts are. Callers take turns.
 */
final class MountBook {
  private static final Logger log = LoggerFactory.getLogger(MountBook.class);
  private static final int FORMAT = 1;
  private static final byte[] HEAD = bytes("{\"format\":" + FORMAT + ",\"mounts\":[\n");
  private static final byte[] BETWEEN = bytes(",\n");
  private static final byte[] TAIL = bytes("\n]}\n");

  private final Path file;
  private final ObjectMapper json = new ObjectMapper();
  private final TreeMap<String, Line> lines = new TreeMap<>();

  /** The lines as they are in the file: one more mount must not cost more, the more there are. */
  private final TreeMap<String, byte[]> printed = new TreeMap<>();

  /**
   * One mount.
   *
   * @param number the snapshot it shows
   * @param catalog the plain catalog of that snapshot
   * @param viewId the overlay it is bound to
   * @param part directory of the dataset that is shown; empty for its root
   * @param anchored whether it is shown at {@code current} of the target
   */
  record Line(
      Path target,
      DatasetName dataset,
      long number,
      BlobKey catalog,
      String viewId,
      boolean follow,
      boolean noExec,
      boolean packed,
      Instant mountedAt,
      String part,
      boolean anchored) {

    /** The directory that shows the view. */
    Path place() {
      return anchored ? target.resolve("current") : target;
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  MountBook(Path file) {
    this.file = file;
  }

  void load() {
    if (!Files.exists(file)) {
      return;
    }
    try {
      JsonNode root = json.readTree(Files.readAllBytes(file));
      if (root.path("format").asInt() != FORMAT) {
        throw new IllegalArgumentException("format " + root.path("format") + " is not known");
      }
      for (JsonNode node : root.path("mounts")) {
        Line line = line(node);
        note(line);
      }
    } catch (JsonProcessingException
        | DateTimeException
        | IllegalArgumentException
        | LarderException e) {
      log.error("list of mounts set aside file={}: {}", file.getFileName(), e.toString());
      DurableFiles.setAside(file);
    } catch (IOException e) {
      throw new LarderException(ErrorCode.STORE_UNUSABLE, "cannot read " + file + ": " + e, e);
    }
  }

  List<Line> all() {
    return new ArrayList<>(lines.values());
  }

  Optional<Line> find(Path target) {
    return Optional.ofNullable(lines.get(target.toString()));
  }

  boolean usesView(String viewId) {
    return lines.values().stream().anyMatch(line -> line.viewId().equals(viewId));
  }

  void put(Line line) {
    note(line);
    save();
  }

  private void note(Line line) {
    lines.put(line.target().toString(), line);
    printed.put(line.target().toString(), print(line));
  }

  void remove(Path target) {
    if (lines.remove(target.toString()) != null) {
      printed.remove(target.toString());
      save();
    }
  }

  private void save() {
    List<byte[]> pieces = new ArrayList<>(2 * printed.size() + 2);
    pieces.add(HEAD);
    for (byte[] line : printed.values()) {
      if (pieces.size() > 1) {
        pieces.add(BETWEEN);
      }
      pieces.add(line);
    }
    pieces.add(TAIL);
    DurableFiles.replace(file, pieces);
  }

  private byte[] print(Line line) {
    ObjectNode node = json.createObjectNode();
    node.put("target", line.target().toString());
    node.put("dataset", line.dataset().text());
    node.put("number", line.number());
    node.put("catalog", line.catalog().toString());
    node.put("view", line.viewId());
    node.put("follow", line.follow());
    node.put("noExec", line.noExec());
    node.put("packed", line.packed());
    node.put("mountedAt", line.mountedAt().toString());
    node.put("part", line.part());
    node.put("anchored", line.anchored());
    try {
      return json.writeValueAsBytes(node);
    } catch (JsonProcessingException e) {
      throw new LarderException(ErrorCode.INTERNAL, "cannot write the list of mounts", e);
    }
  }

  private static Line line(JsonNode node) {
    return new Line(
        Path.of(text(node, "target")),
        new DatasetName(text(node, "dataset")),
        node.path("number").asLong(),
        BlobKey.parse(text(node, "catalog")),
        text(node, "view"),
        node.path("follow").asBoolean(),
        node.path("noExec").asBoolean(),
        node.path("packed").asBoolean(),
        Instant.parse(text(node, "mountedAt")),
        node.path("part").asText(""),
        node.path("anchored").asBoolean());
  }

  private static String text(JsonNode node, String field) {
    if (!node.path(field).isTextual()) {
      throw new IllegalArgumentException("field \"" + field + "\" is missing");
    }
    return node.path(field).asText();
  }
}
