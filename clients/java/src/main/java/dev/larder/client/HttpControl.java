package dev.larder.client;

import dev.larder.client.Control.ControlApi;
import dev.larder.client.Control.Dataset;
import dev.larder.client.Control.Job;
import dev.larder.client.Control.ListingListener;
import dev.larder.client.Control.Mount;
import dev.larder.client.Control.MountRequest;
import dev.larder.client.Control.Pin;
import dev.larder.client.Control.Snapshot;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.OriginKeys;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The control part of the client, over the agent's {@code /v1}. Any thread. */
final class HttpControl implements ControlApi {
  private final Http http;

  HttpControl(Http http) {
    this.http = http;
  }

  @Override
  public Dataset create(
      String name, String uri, Map<String, String> options, ListingListener listener) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("name", name);
    body.put("uri", uri);
    body.put("options", options);
    return listing("/v1/datasets", Json.write(body), listener);
  }

  @Override
  public Dataset refresh(String name, ListingListener listener) {
    return listing(datasetUrl(name) + "/refresh", "", listener);
  }

  @Override
  public void delete(String name) {
    http.text("DELETE", datasetUrl(name), "");
  }

  @Override
  public void deleteSnapshot(String name, long number) {
    http.text("DELETE", datasetUrl(name) + "/snapshots/" + number, "");
  }

  @Override
  public List<Long> keepLast(String name, int count) {
    String target = datasetUrl(name) + "/snapshots?keep-last=" + count;
    return Json.object(http.text("DELETE", target, "")).numbers("deleted");
  }

  @Override
  public List<Dataset> datasets() {
    return Json.object(http.text("GET", "/v1/datasets", "")).list("datasets").stream()
        .map(HttpControl::dataset)
        .toList();
  }

  @Override
  public Dataset dataset(String name) {
    return dataset(Json.object(http.text("GET", datasetUrl(name), "")));
  }

  @Override
  public Job warm(String snapshot, String glob) {
    return job(Json.object(http.text("POST", "/v1/warm", selection(snapshot, glob))));
  }

  @Override
  public Optional<Job> job(String id) {
    try {
      return Optional.of(job(Json.object(http.text("GET", jobUrl(id), ""))));
    } catch (LarderException e) {
      if (e.code() == ErrorCode.NO_SUCH_PATH) {
        return Optional.empty();
      }
      throw e;
    }
  }

  @Override
  public List<Job> jobs() {
    return Json.object(http.text("GET", "/v1/jobs", "")).list("jobs").stream()
        .map(HttpControl::job)
        .toList();
  }

  @Override
  public Job cancel(String id) {
    return job(Json.object(http.text("DELETE", jobUrl(id), "")));
  }

  @Override
  public Pin pin(String snapshot, String glob, Duration ttl) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("snapshot", snapshot);
    body.put("glob", glob);
    if (!ttl.isZero()) {
      body.put("ttlMillis", ttl.toMillis());
    }
    return pin(Json.object(http.text("POST", "/v1/pins", Json.write(body))));
  }

  @Override
  public String startWarmUp(String snapshot, String glob, String nodes, Duration ttl) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("snapshot", snapshot);
    body.put("glob", glob);
    body.put("nodes", nodes);
    body.put("ttlMillis", ttl.toMillis());
    return http.text("POST", "/v1/warmups", Json.write(body));
  }

  @Override
  public String warmUpsJson() {
    return http.text("GET", "/v1/warmups", "");
  }

  @Override
  public String warmUpJson(String id) {
    return http.text("GET", warmUpUrl(id), "");
  }

  @Override
  public void cancelWarmUp(String id) {
    http.text("DELETE", warmUpUrl(id), "");
  }

  @Override
  public int unpin(String snapshot, String glob) {
    String target = "/v1/pins?snapshot=" + Http.query(snapshot) + "&glob=" + Http.query(glob);
    return (int) Json.object(http.text("DELETE", target, "")).number("removed");
  }

  @Override
  public int unpinOf(String owner, String snapshot, String glob) {
    String target =
        "/v1/pins?owner="
            + Http.query(owner)
            + (snapshot.isEmpty() ? "" : "&snapshot=" + Http.query(snapshot))
            + "&glob="
            + Http.query(glob);
    return (int) Json.object(http.text("DELETE", target, "")).number("removed");
  }

  @Override
  public List<Pin> pins() {
    return Json.object(http.text("GET", "/v1/pins", "")).list("pins").stream()
        .map(HttpControl::pin)
        .toList();
  }

  @Override
  public Mount mount(MountRequest request) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("snapshot", request.snapshot());
    body.put("target", request.target());
    body.put("follow", request.follow());
    body.put("allowOther", request.allowOther());
    body.put("noExec", request.noExec());
    body.put("kind", request.kind());
    return mount(Json.object(http.text("POST", "/v1/mounts", Json.write(body))));
  }

  @Override
  public void unmount(String target, String mode) {
    http.text(
        "DELETE", "/v1/mounts?target=" + Http.query(target) + "&mode=" + Http.query(mode), "");
  }

  @Override
  public List<Mount> mounts() {
    return Json.object(http.text("GET", "/v1/mounts", "")).list("mounts").stream()
        .map(HttpControl::mount)
        .toList();
  }

  @Override
  public long pack(String snapshot) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("snapshot", snapshot);
    return Json.object(http.text("POST", "/v1/mounts/pack", Json.write(body))).number("files");
  }

  @Override
  public String nodesJson() {
    return http.text("GET", "/v1/nodes", "");
  }

  @Override
  public void drainNode(String id, boolean undo) {
    http.text("POST", nodeUrl(id) + "/drain", Json.write(Map.of("undo", undo)));
  }

  @Override
  public void removeNode(String id) {
    http.text("DELETE", nodeUrl(id), "");
  }

  @Override
  public String coordinatorsJson() {
    return http.text("GET", "/v1/coordinators", "");
  }

  @Override
  public String replaceCoordinator(String remove, String add, String address) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("remove", remove);
    body.put("add", add);
    body.put("address", address);
    return http.text("POST", "/v1/coordinators/replace", Json.write(body));
  }

  @Override
  public String statusJson() {
    return http.text("GET", "/v1/status", "");
  }

  @Override
  public String statJson(String dataset, String path) {
    return http.text("GET", Http.datasetPath(dataset, path) + "?stat=true", "");
  }

  private Dataset listing(String target, String body, ListingListener listener) {
    Map<String, String> headers =
        body.isEmpty() ? Map.of() : Map.of("Content-Type", "application/json");
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                http.send("POST", target, headers, BodyPublishers.ofString(body)).body(),
                StandardCharsets.UTF_8))) {
      String line = lines.readLine();
      while (line != null) {
        Json.Fields fields = Json.object(line);
        if (fields.has("problem")) {
          throw Http.problem(fields.fields("problem"), 500);
        }
        if (fields.has("dataset")) {
          return dataset(fields.fields("dataset"));
        }
        Json.Fields progress = fields.fields("progress");
        listener.onProgress(progress.number("objects"), progress.number("bytes"));
        line = lines.readLine();
      }
    } catch (IOException e) {
      throw new LarderException(ErrorCode.AGENT_UNAVAILABLE, "the listing was cut", e);
    }
    throw new LarderException(ErrorCode.AGENT_UNAVAILABLE, "the listing was cut");
  }

  private static String nodeUrl(String id) {
    return "/v1/nodes/" + OriginKeys.encode(id).replace("/", "%2F");
  }

  private static String datasetUrl(String name) {
    return "/v1/datasets/" + OriginKeys.encode(name).replace("/", "%2F");
  }

  private static String warmUpUrl(String id) {
    return "/v1/warmups/" + OriginKeys.encode(id).replace("/", "%2F");
  }

  private static String jobUrl(String id) {
    return "/v1/jobs/" + OriginKeys.encode(id).replace("/", "%2F");
  }

  private static String selection(String snapshot, String glob) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("snapshot", snapshot);
    body.put("glob", glob);
    return Json.write(body);
  }

  private static Dataset dataset(Json.Fields fields) {
    List<Snapshot> snapshots =
        fields.list("snapshots").stream()
            .map(s ->
                new Snapshot(
                    s.number("number"),
                    s.text("catalog"),
                    s.number("files"),
                    s.number("bytes"),
                    s.number("skipped"),
                    s.time("listedFrom"),
                    s.time("listedTo")))
            .toList();
    return new Dataset(
        fields.text("name"),
        fields.text("uri"),
        fields.strings("options"),
        fields.time("createdAt"),
        snapshots);
  }

  private static Job job(Json.Fields fields) {
    return new Job(
        fields.text("id"),
        fields.text("kind"),
        fields.text("snapshot"),
        fields.text("glob"),
        fields.text("state"),
        fields.number("files"),
        fields.number("doneFiles"),
        fields.number("bytes"),
        fields.number("doneBytes"),
        fields.number("failed"),
        fields.optionalText("firstError"),
        fields.time("startedAt"),
        fields.optionalText("endedAt").map(java.time.Instant::parse));
  }

  private static Mount mount(Json.Fields fields) {
    return new Mount(
        fields.text("snapshot"),
        fields.text("target"),
        fields.text("kind"),
        fields.flag("follow"),
        fields.flag("packed"),
        fields.flag("complete"),
        fields.text("state"),
        fields.time("mountedAt"));
  }

  private static Pin pin(Json.Fields fields) {
    return new Pin(
        fields.text("snapshot"),
        fields.text("glob"),
        fields.number("files"),
        fields.number("bytes"),
        fields.time("createdAt"),
        fields.optionalText("expiresAt").map(java.time.Instant::parse),
        fields.optionalText("owner").orElse(""));
  }
}
