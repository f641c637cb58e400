package dev.larder.agent.dataset;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.agent.config.RecordFolder;
import dev.larder.agent.dataset.Datasets.SnapshotInfo;
import dev.larder.agent.dataset.Definition.KeptSnapshot;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Digest;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The definitions as files, {@code <name>.json}. Callers take turns. */
final class DefinitionFiles {
  private final RecordFolder folder;

  DefinitionFiles(Path directory) {
    this.folder = new RecordFolder(directory, "definition");
  }

  /** All of them. */
  List<Definition> load() {
    return folder.load(DefinitionFiles::parse);
  }

  void save(Definition definition) {
    folder.put(definition.name().text(), write(definition));
  }

  void delete(DatasetName name) {
    folder.delete(name.text());
  }

  private ObjectNode write(Definition definition) {
    ObjectNode root = folder.record();
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
    return root;
  }

  private static Definition parse(JsonNode root) {
    Map<String, String> options = new LinkedHashMap<>();
    RecordFolder.need(root, "options")
        .properties()
        .forEach(each -> options.put(each.getKey(), each.getValue().asText()));
    List<KeptSnapshot> snapshots = new ArrayList<>();
    for (JsonNode node : RecordFolder.need(root, "snapshots")) {
      snapshots.add(
          new KeptSnapshot(
              new SnapshotInfo(
                  RecordFolder.need(node, "number").asLong(),
                  BlobKey.parse(RecordFolder.need(node, "catalog").asText()),
                  RecordFolder.need(node, "files").asLong(),
                  RecordFolder.need(node, "bytes").asLong(),
                  RecordFolder.need(node, "skipped").asLong(),
                  Instant.parse(RecordFolder.need(node, "listedFrom").asText()),
                  Instant.parse(RecordFolder.need(node, "listedTo").asText())),
              Digest.parse(RecordFolder.need(node, "catalogRoot").asText()),
              RecordFolder.need(node, "catalogSize").asLong(),
              RecordFolder.need(node, "rootUri").asText(),
              RecordFolder.need(node, "ownUris").asBoolean()));
    }
    return new Definition(
        new DatasetName(RecordFolder.need(root, "name").asText()),
        RecordFolder.need(root, "uri").asText(),
        new OriginOptions(options),
        Instant.parse(RecordFolder.need(root, "createdAt").asText()),
        snapshots);
  }
}
