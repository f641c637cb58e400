package dev.larder.agent.dataset;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.agent.config.DurableFiles;
import dev.larder.agent.dataset.Datasets.SnapshotInfo;
import dev.larder.agent.dataset.Definition.KeptSnapshot;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The definitions as files, {@code <name>.json}, each replaced atomically. One that cannot be read
 * is set aside as {@code <name>.json.bad}, never deleted. Callers take turns.
 */
final class DefinitionFiles {
  private static final Logger log = LoggerFactory.getLogger(DefinitionFiles.class);
  private static final int FORMAT = 1;
  private static final String SUFFIX = ".json";

  private final Path directory;
  private final ObjectMapper json = new ObjectMapper();

  DefinitionFiles(Path directory) {
    this.directory = directory;
  }

  /** All of them. */
  List<Definition> load() {
    List<Definition> out = new ArrayList<>();
    try {
      Files.createDirectories(directory);
      try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*" + SUFFIX)) {
        for (Path file : files) {
          read(file, out);
        }
      }
    } catch (IOException e) {
      throw new LarderException(ErrorCode.STORE_UNUSABLE, "cannot read " + directory + ": " + e, e);
    }
    return out;
  }

  void save(Definition definition) {
    DurableFiles.replace(file(definition.name()), write(definition));
  }

  void delete(DatasetName name) {
    DurableFiles.delete(file(name));
  }

  private Path file(DatasetName name) {
    return directory.resolve(name + SUFFIX);
  }

  private void read(Path file, List<Definition> out) throws IOException {
    try {
      out.add(parse(json.readTree(Files.readAllBytes(file))));
    } catch (JsonProcessingException
        | LarderException
        | DateTimeException
        | IllegalArgumentException e) {
      log.error("definition set aside file={}: {}", file.getFileName(), e.toString());
      DurableFiles.setAside(file);
    }
  }

  private byte[] write(Definition definition) {
    ObjectNode root = json.createObjectNode();
    root.put("format", FORMAT);
    root.put("name", definition.name().text());
    root.put("uri", definition.uri());
    ObjectNode options = root.putObject("options");
    definition.options().values().forEach(options::put);
    root.put("createdAt", definition.createdAt().toString());
    ArrayNode snapshots = root.putArray("snapshots");
    for (KeptSnapshot each : definition.snapshots()) {
      ObjectNode node = snapshots.addObject();
      SnapshotInfo info = each.info();
      node.put("number", info.number());
      node.put("catalog", info.catalog().toString());
      node.put("catalogRoot", each.catalogRoot().hex());
      node.put("catalogSize", each.catalogSizeBytes());
      node.put("rootUri", each.rootUri());
      node.put("ownUris", each.hasOwnUris());
      node.put("files", info.files());
      node.put("bytes", info.bytes());
      node.put("skipped", info.skipped());
      node.put("listedFrom", info.listedFrom().toString());
      node.put("listedTo", info.listedTo().toString());
    }
    try {
      return json.writerWithDefaultPrettyPrinter().writeValueAsBytes(root);
    } catch (JsonProcessingException e) {
      throw new LarderException(ErrorCode.INTERNAL, "cannot write a definition", e);
    }
  }

  private static Definition parse(JsonNode root) {
    int format = need(root, "format").asInt();
    if (format != FORMAT) {
      throw new IllegalArgumentException("format " + format + " is not known");
    }
    Map<String, String> options = new LinkedHashMap<>();
    need(root, "options")
        .properties()
        .forEach(each -> options.put(each.getKey(), each.getValue().asText()));
    List<KeptSnapshot> snapshots = new ArrayList<>();
    for (JsonNode node : need(root, "snapshots")) {
      snapshots.add(
          new KeptSnapshot(
              new SnapshotInfo(
                  need(node, "number").asLong(),
                  BlobKey.parse(need(node, "catalog").asText()),
                  need(node, "files").asLong(),
                  need(node, "bytes").asLong(),
                  need(node, "skipped").asLong(),
                  Instant.parse(need(node, "listedFrom").asText()),
                  Instant.parse(need(node, "listedTo").asText())),
              Digest.parse(need(node, "catalogRoot").asText()),
              need(node, "catalogSize").asLong(),
              need(node, "rootUri").asText(),
              need(node, "ownUris").asBoolean()));
    }
    return new Definition(
        new DatasetName(need(root, "name").asText()),
        need(root, "uri").asText(),
        new OriginOptions(options),
        Instant.parse(need(root, "createdAt").asText()),
        snapshots);
  }

  private static JsonNode need(JsonNode node, String field) {
    JsonNode value = node.get(field);
    if (value == null) {
      throw new IllegalArgumentException("field \"" + field + "\" is missing");
    }
    return value;
  }
}
