package dev.larder.agent.job;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.agent.config.DurableFiles;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Warm-ups of this node that did not end yet, in one file that is replaced atomically, so that they
 * go on after the process's death. Callers take turns.
 */
final class JobFile {
  private static final Logger log = LoggerFactory.getLogger(JobFile.class);
  private static final int FORMAT = 1;

  private final Path file;
  private final ObjectMapper json = new ObjectMapper();

  JobFile(Path file) {
    this.file = file;
  }

  /**
   * A warm-up as kept.
   *
   * @param snapshot with its number
   */
  record Kept(long number, String snapshot, String glob) {}

  List<Kept> load() {
    if (!Files.exists(file)) {
      return List.of();
    }
    try {
      JsonNode root = json.readTree(Files.readAllBytes(file));
      if (root.path("format").asInt() != FORMAT) {
        throw new IllegalArgumentException("format " + root.path("format") + " is not known");
      }
      List<Kept> out = new ArrayList<>();
      for (JsonNode node : root.path("jobs")) {
        out.add(
            new Kept(
                node.path("number").asLong(),
                node.path("snapshot").asText(),
                node.path("glob").asText()));
      }
      return out;
    } catch (JsonProcessingException | IllegalArgumentException e) {
      log.error("warm-ups set aside file={}: {}", file.getFileName(), e.toString());
      DurableFiles.setAside(file);
      return List.of();
    } catch (IOException e) {
      throw new LarderException(ErrorCode.STORE_UNUSABLE, "cannot read " + file + ": " + e, e);
    }
  }

  void save(Collection<Kept> jobs) {
    ObjectNode root = json.createObjectNode();
    root.put("format", FORMAT);
    ArrayNode list = root.putArray("jobs");
    for (Kept job : jobs) {
      list.addObject()
          .put("number", job.number())
          .put("snapshot", job.snapshot())
          .put("glob", job.glob());
    }
    try {
      DurableFiles.replace(file, json.writerWithDefaultPrettyPrinter().writeValueAsBytes(root));
    } catch (JsonProcessingException e) {
      throw new LarderException(ErrorCode.INTERNAL, "cannot write the warm-ups", e);
    }
  }
}
