package dev.larder.agent.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.agent.dataset.Datasets.DatasetInfo;
import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.agent.dataset.Datasets.ListingProgress;
import dev.larder.agent.dataset.Datasets.SnapshotInfo;
import dev.larder.agent.job.Jobs.JobInfo;
import dev.larder.agent.job.Jobs.PinInfo;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.PathPin;
import dev.larder.coordinator.api.WarmUpJob;
import dev.larder.coordinator.api.WarmUpOverview;
import java.time.Instant;
import java.util.Locale;

/** The agent's values as the JSON of docs/HTTP.md. */
final class Views {
  private Views() {}

  /** An entry under {@code name} or {@code path}. */
  static ObjectNode entry(Entry entry, String field, String name) {
    ObjectNode json = Json.object().put(field, name);
    json.put("type", entry.type().name().toLowerCase(Locale.ROOT));
    json.put("size", entry.sizeBytes()).put("mtime", entry.mtime().toString());
    entry.key().ifPresent(key -> json.put("key", key.toString()));
    entry.linkTarget().ifPresent(target -> json.put("target", target));
    return json;
  }

  static ObjectNode dataset(DatasetInfo info) {
    ObjectNode json = Json.object().put("name", info.name().text()).put("uri", info.uri());
    ObjectNode options = json.putObject("options");
    info.options().values().forEach(options::put);
    json.put("createdAt", info.createdAt().toString());
    ArrayNode snapshots = json.putArray("snapshots");
    for (SnapshotInfo snapshot : info.snapshots()) {
      snapshots
          .addObject()
          .put("number", snapshot.number())
          .put("catalog", snapshot.catalog().toString())
          .put("files", snapshot.files())
          .put("bytes", snapshot.bytes())
          .put("skipped", snapshot.skipped())
          .put("listedFrom", snapshot.listedFrom().toString())
          .put("listedTo", snapshot.listedTo().toString());
    }
    return json;
  }

  static ObjectNode progress(ListingProgress progress) {
    ObjectNode json = Json.object();
    json.putObject("progress").put("objects", progress.objects()).put("bytes", progress.bytes());
    return json;
  }

  static ObjectNode job(JobInfo job) {
    return Json.object()
        .put("id", job.id())
        .put("kind", job.kind())
        .put("snapshot", job.snapshot())
        .put("glob", job.glob())
        .put("state", job.state().name().toLowerCase(Locale.ROOT))
        .put("files", job.files())
        .put("doneFiles", job.doneFiles())
        .put("bytes", job.bytes())
        .put("doneBytes", job.doneBytes())
        .put("failed", job.failed())
        .put("firstError", job.firstError().orElse(null))
        .put("startedAt", job.startedAt().toString())
        .put("endedAt", job.endedAt().map(Instant::toString).orElse(null));
  }

  static ObjectNode pin(PinInfo pin) {
    return Json.object()
        .put("snapshot", pin.snapshot())
        .put("glob", pin.glob())
        .put("files", pin.files())
        .put("bytes", pin.bytes())
        .put("createdAt", pin.createdAt().toString())
        .put("expiresAt", pin.expiresAt().map(Instant::toString).orElse(null))
        .put("owner", pin.owner());
  }

  /** A pin as the coordinator knows it. */
  static ObjectNode pin(PathPin pin) {
    NewPin is = pin.pin();
    return pin(
        new PinInfo(
            is.dataset() + (is.snapshot() == 0 ? "" : "@" + is.snapshot()),
            is.glob(),
            is.files(),
            is.bytes(),
            pin.createdAt(),
            is.expiresAt(),
            is.owner()));
  }

  static ObjectNode warmUp(WarmUpOverview overview) {
    WarmUpJob job = overview.job();
    ObjectNode json =
        Json.object()
            .put("id", job.id())
            .put("snapshot", job.dataset() + "@" + job.snapshot())
            .put("glob", job.glob())
            .put("selector", job.nodes())
            .put("state", overview.state())
            .put("pinned", job.pinned())
            .put("createdAt", job.createdAt().toString())
            .put("expiresAt", job.expiresAt().map(Instant::toString).orElse(null))
            .put("endedAt", job.endedAt().map(Instant::toString).orElse(null));
    ArrayNode nodes = json.putArray("nodes");
    overview
        .nodes()
        .forEach((id, node) ->
            nodes
                .addObject()
                .put("node", id)
                .put("state", node.state().name().toLowerCase(Locale.ROOT))
                .put("files", node.files())
                .put("filesWanted", node.filesWanted())
                .put("bytes", node.bytes())
                .put("bytesWanted", node.bytesWanted())
                .put("error", node.error().isEmpty() ? null : node.error()));
    return json;
  }
}
