package dev.larder.agent.job;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.agent.config.DurableFiles;
import dev.larder.agent.job.Jobs.PinInfo;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The node's pins in one file, replaced atomically. Callers take turns. */
final class PinFile {
  private static final Logger log = LoggerFactory.getLogger(PinFile.class);
  private static final int FORMAT = 1;

  private final Path file;
  private final ObjectMapper json = new ObjectMapper();

  PinFile(Path file) {
    this.file = file;
  }

  /**
   * A pin as kept.
   *
   * @param info its owner is the id of a warm-up; empty for a pin of a user's
   * @param pinnedSnapshot the snapshot whose blobs are pinned now, for pins that follow the newest
   */
  record Kept(PinInfo info, long pinnedSnapshot) {
    /** The same with another end. */
    Kept until(Optional<Instant> end) {
      return new Kept(
          new PinInfo(
              info.snapshot(),
              info.glob(),
              info.files(),
              info.bytes(),
              info.createdAt(),
              end,
              info.owner()),
          pinnedSnapshot);
    }
  }

  List<Kept> load() {
    if (!Files.exists(file)) {
      return List.of();
    }
    try {
      return parse(json.readTree(Files.readAllBytes(file)));
    } catch (JsonProcessingException | DateTimeException | IllegalArgumentException e) {
      log.error("pins set aside file={}: {}", file.getFileName(), e.toString());
      DurableFiles.setAside(file);
      return List.of();
    } catch (IOException e) {
      throw new LarderException(ErrorCode.STORE_UNUSABLE, "cannot read " + file + ": " + e, e);
    }
  }

  void save(Collection<Kept> pins) {
    ObjectNode root = json.createObjectNode();
    root.put("format", FORMAT);
    ArrayNode list = root.putArray("pins");
    for (Kept pin : pins) {
      ObjectNode node = list.addObject();
      node.put("snapshot", pin.info().snapshot());
      node.put("glob", pin.info().glob());
      node.put("files", pin.info().files());
      node.put("bytes", pin.info().bytes());
      node.put("createdAt", pin.info().createdAt().toString());
      node.put("pinnedSnapshot", pin.pinnedSnapshot());
      pin.info().expiresAt().ifPresent(end -> node.put("expiresAt", end.toString()));
      if (!pin.info().owner().isEmpty()) {
        node.put("warmUp", pin.info().owner());
      }
    }
    try {
      DurableFiles.replace(file, json.writerWithDefaultPrettyPrinter().writeValueAsBytes(root));
    } catch (JsonProcessingException e) {
      throw new LarderException(ErrorCode.INTERNAL, "cannot write the pins", e);
    }
  }

  private static List<Kept> parse(JsonNode root) {
    if (root.path("format").asInt() != FORMAT) {
      throw new IllegalArgumentException("format " + root.path("format") + " is not known");
    }
    List<Kept> out = new ArrayList<>();
    for (JsonNode node : root.path("pins")) {
      out.add(
          new Kept(
              new PinInfo(
                  text(node, "snapshot"),
                  text(node, "glob"),
                  node.path("files").asLong(),
                  node.path("bytes").asLong(),
                  Instant.parse(text(node, "createdAt")),
                  node.has("expiresAt")
                      ? Optional.of(Instant.parse(text(node, "expiresAt")))
                      : Optional.empty(),
                  node.path("warmUp").asText("")),
              node.path("pinnedSnapshot").asLong()));
    }
    return out;
  }

  private static String text(JsonNode node, String field) {
    if (!node.path(field).isTextual()) {
      throw new IllegalArgumentException("field \"" + field + "\" is missing");
    }
    return node.path(field).asText();
  }
}
