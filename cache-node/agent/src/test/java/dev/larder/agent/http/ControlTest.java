package dev.larder.agent.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.agent.http.RawClient.Response;
import dev.larder.coordinator.api.Dispute;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberList;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Listings, control endpoints, status, digests: shapes as docs/HTTP.md has them. */
class ControlTest {
  private final DoorFixture fixture = new DoorFixture();

  @AfterEach
  void close() {
    fixture.close();
  }

  private static JsonNode json(Response response) throws Exception {
    return Json.mapper().readTree(response.body());
  }

  private static List<String> names(JsonNode node) {
    List<String> names = new ArrayList<>();
    node.fieldNames().forEachRemaining(names::add);
    return names;
  }

  @Test
  void directoriesArePaged() throws Exception {
    for (int i = 0; i < 2500; i++) {
      fixture.node.file(String.format("d/f%05d", i), i);
    }
    fixture.node.link("d/g", "f00000");
    List<String> seen = new ArrayList<>();
    String after = "";
    int pages = 0;
    do {
      JsonNode page = json(fixture.get("/datasets/data/d/" + after));
      assertEquals("d", page.get("path").textValue());
      assertEquals("data@3", page.get("snapshot").textValue());
      page.get("entries").forEach(e -> seen.add(e.get("name").textValue()));
      after = page.has("next") ? "?after=" + page.get("next").textValue() : "";
      pages++;
    } while (!after.isEmpty());
    assertEquals(3, pages);
    assertEquals(2501, seen.size());
    JsonNode first = json(fixture.get("/datasets/data/d?limit=1")).get("entries").get(0);
    assertEquals(List.of("name", "type", "size", "mtime", "key"), names(first));
    JsonNode root = json(fixture.get("/datasets/data")).get("entries").get(0);
    assertEquals("directory", root.get("type").textValue());
    assertEquals(2501, json(fixture.get("/datasets/data/d?limit=10000")).get("entries").size());
  }

  @Test
  void recursiveListingsStream() throws Exception {
    for (int i = 0; i < 3000; i++) {
      fixture.node.file("a[1]/b/f" + i, 10);
    }
    fixture.node.file("a[1]/c/x", 7);
    fixture.node.file("a1/c/x", 7);
    fixture.node.link("a[1]/c/y", "x");
    Response got = fixture.get("/datasets/data/a%5B1%5D?recursive=true");
    assertEquals("application/x-ndjson", got.header("Content-Type").orElseThrow());
    String[] lines = got.text().split("\n");
    assertEquals(3003, lines.length);
    assertEquals("{\"end\":true,\"files\":3002,\"bytes\":30007}", lines[3002]);
    assertEquals(
        List.of("path", "type", "size", "mtime", "key"), names(Json.mapper().readTree(lines[0])));
    Response some = fixture.get("/datasets/data/a%5B1%5D?recursive=true&glob=c/*");
    assertEquals(3, some.text().split("\n").length);
    assertEquals(400, fixture.get("/datasets/data?recursive=true&glob=%5B").status());
  }

  @Test
  void statTellsWhereAFileIs() throws Exception {
    BlobKey key = fixture.node.file("a/f", 10);
    JsonNode stat = json(fixture.get("/datasets/data/a/f?stat=true"));
    assertEquals("a/f", stat.get("path").textValue());
    assertEquals("data@3", stat.get("snapshot").textValue());
    assertEquals(key.toString(), stat.get("key").textValue());
    assertEquals("s3://bucket/x/a/f", stat.get("origin").textValue());
    assertEquals("v1", stat.get("version").textValue());
    assertEquals("sealed", stat.get("local").get("state").textValue());
    assertEquals(10, stat.get("local").get("presentBytes").longValue());
    assertFalse(stat.get("local").get("pinned").booleanValue());
    assertEquals(
        "directory", json(fixture.get("/datasets/data/a?stat=true")).get("type").textValue());
  }

  @Test
  void nodesAndCoordinatorsAreShownAndChanged() throws Exception {
    fixture.coordinator.join(
        MemberInfo.joining("node-1", "host:7451", "z1", Map.of("pool", "gpu"), 1L << 40));
    JsonNode nodes = json(fixture.get("/v1/nodes"));
    assertEquals(List.of("epoch", "stale", "nodes"), names(nodes));
    assertEquals(400, fixture.exchange("DELETE", "/v1/nodes/foo", "").status());
    MemberList last = fixture.coordinator.members();
    assertEquals(1, last.members().size());
    JsonNode node = nodes.get("nodes").get(0);
    assertEquals(
        List.of(
            "id",
            "state",
            "address",
            "zone",
            "weight",
            "capacityBytes",
            "joinedAt",
            "lastSeen",
            "labels",
            "usedBytes"),
        names(node));
    assertTrue(node.get("usedBytes").isNull(), "it said nothing yet");
    assertEquals("joining", node.get("state").textValue());
    assertTrue(node.get("lastSeen").isNull());
    assertEquals("gpu", node.get("labels").get("pool").textValue());
    assertEquals(200, fixture.exchange("POST", "/v1/nodes/node-1/drain", "").status());
    assertEquals(
        200, fixture.exchange("POST", "/v1/nodes/node-1/drain", "{\"undo\":true}").status());
    assertEquals(400, fixture.exchange("POST", "/v1/nodes/node-1/drain", "{\"x\":1}").status());
    assertEquals(200, fixture.exchange("DELETE", "/v1/nodes/node-1", "").status());
    assertEquals(0, json(fixture.get("/v1/nodes")).get("nodes").size());
    assertFalse(json(fixture.get("/v1/nodes")).get("stale").asBoolean());
    fixture.node.last = last;
    JsonNode peer = json(fixture.get("/v1/coordinators")).get("coordinators").get(0);
    assertEquals(
        List.of("id", "raftAddress", "address", "leader", "silentMillis", "lastIndex"),
        names(peer));
    assertEquals(
        501,
        fixture
            .exchange(
                "POST",
                "/v1/coordinators/replace",
                "{\"remove\":\"a\",\"add\":\"b\",\"address\":\"h:1\"}")
            .status());
    fixture.coordinator.away(true);
    assertEquals(503, fixture.get("/v1/coordinators").status());
    JsonNode stale = json(fixture.get("/v1/nodes"));
    assertTrue(stale.get("stale").asBoolean());
    assertEquals(last.members().size(), stale.get("nodes").size());
  }

  @Test
  void createStreamsProgressAndTheDataset() throws Exception {
    fixture.node.listingGate = new CountDownLatch(1);
    try (RawClient client = fixture.connect()) {
      client.send(
          RawClient.request(
              "POST",
              "/v1/datasets",
              "{\"name\":\"new\",\"uri\":\"s3://b/p\",\"options\":{\"region\":\"eu\"}}"));
      assertEquals(200, client.receiveHead().status());
      assertTrue(Integer.parseInt(client.line(), 16) > 0);
      assertTrue(client.line().startsWith("{\"progress\":{\"objects\":"));
      fixture.node.listingFault = new LarderException(ErrorCode.ORIGIN_DENIED, "no");
      fixture.node.listingGate.countDown();
      String text = client.line() + client.line() + client.line();
      while (!text.contains("problem")) {
        text += client.line();
      }
      assertTrue(text.contains("\"code\":\"ORIGIN_DENIED\""), text);
    }
    fixture.node.listingFault = null;
    fixture.node.listingGate = new CountDownLatch(0);
    Response done =
        fixture.exchange("POST", "/v1/datasets", "{\"name\":\"new\",\"uri\":\"s3://b/p\"}");
    JsonNode dataset = json(done).get("dataset");
    assertEquals(List.of("name", "uri", "options", "createdAt", "snapshots"), names(dataset));
    assertEquals(
        409,
        fixture.exchange("POST", "/v1/datasets", "{\"name\":\"data\",\"uri\":\"x\"}").status());
    assertNotNull(json(fixture.exchange("POST", "/v1/datasets/data/refresh", "")).get("dataset"));
  }

  @Test
  void aClientThatLeavesEndsItsListing() throws Exception {
    fixture.node.listingGate = new CountDownLatch(1);
    for (int i = 0; i < 2; i++) {
      RawClient client = fixture.connect();
      client.send(
          RawClient.request("POST", "/v1/datasets", "{\"name\":\"n\",\"uri\":\"s3://b/p\"}"));
      assertEquals(200, client.receiveHead().status());
      client.close();
    }
    DoorFixture.await(
        () -> {
          try {
            return fixture.get("/datasets/data?recursive=true").status() == 200;
          } catch (java.io.IOException e) {
            return false;
          }
        },
        "both streams to be free");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "/v1/warm | {} | snapshot",
        "/v1/warm | {\"snapshot\":1} | snapshot",
        "/v1/warm | {\"snapshot\":\"data\",\"blob\":1} | blob",
        "/v1/warm | {\"snapshot\":\"a\",\"snapshot\":\"b\"} | snapshot",
        "/v1/warm | [] | object",
        "/v1/warm | x | JSON",
        "/v1/warm | {\"snapshot\":\"data\"}{} | JSON",
        "/v1/warm | [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]] | JSON",
        "/v1/pins | {\"glob\":\"x\"} | snapshot",
        "/v1/datasets | {\"name\":\"n\"} | uri",
        "/v1/datasets | {\"name\":\"N\",\"uri\":\"x\"} | N",
        "/v1/datasets | {\"name\":\"n\",\"uri\":\"x\",\"options\":{\"region\":1}} | options.region",
        "/v1/datasets | {\"name\":\"n\",\"uri\":\"x\",\"options\":[]} | options",
        "/v1/datasets/data/refresh | {\"x\":1} | x",
      })
  void badBodiesNameTheField(String target, String body, String named) throws Exception {
    Response got = fixture.exchange("POST", target, body);
    assertEquals(400, got.status(), got.text());
    assertTrue(json(got).get("detail").textValue().contains(named), got.text());
  }

  @Test
  void jobsAndPins() throws Exception {
    Response warm =
        fixture.exchange("POST", "/v1/warm", "{\"snapshot\":\"data@3\",\"glob\":\"a/*\"}");
    assertEquals(202, warm.status());
    JsonNode job = json(warm);
    assertEquals(
        List.of(
            "id",
            "kind",
            "snapshot",
            "glob",
            "state",
            "files",
            "doneFiles",
            "bytes",
            "doneBytes",
            "failed",
            "firstError",
            "startedAt",
            "endedAt"),
        names(job));
    String path = "/v1/jobs/" + job.get("id").textValue();
    assertEquals("running", json(fixture.get(path)).get("state").textValue());
    assertEquals(1, json(fixture.get("/v1/jobs")).get("jobs").size());
    assertEquals("cancelled", json(fixture.exchange("DELETE", path, "")).get("state").textValue());
    assertEquals(404, fixture.get("/v1/jobs/none").status());
    assertEquals(404, fixture.exchange("DELETE", "/v1/jobs/none", "").status());
    JsonNode pin = json(fixture.exchange("POST", "/v1/pins", "{\"snapshot\":\"data\"}"));
    assertEquals(
        List.of("snapshot", "glob", "files", "bytes", "createdAt", "expiresAt", "owner"),
        names(pin));
    assertEquals(1, json(fixture.get("/v1/pins")).get("pins").size());
    assertEquals(400, fixture.exchange("DELETE", "/v1/pins", "").status());
    fixture.coordinator.createDataset(new DatasetName("data"), "s3://data", Map.of());
    for (String glob : List.of("a", "b")) {
      fixture.coordinator.pin(
          new NewPin(new DatasetName("data"), 0, glob, Optional.empty(), "gone", 1, 2));
    }
    assertEquals(3, json(fixture.get("/v1/pins")).get("pins").size());
    assertEquals(0, unpinned("/v1/pins?owner=nobody"));
    assertEquals(0, unpinned("/v1/pins?owner=gone&snapshot=data&glob=c"));
    assertEquals(1, unpinned("/v1/pins?owner=gone&snapshot=data&glob=a"));
    assertEquals(1, unpinned("/v1/pins?owner=gone"));
    assertEquals(1, json(fixture.get("/v1/pins")).get("pins").size());
    Response removed = fixture.exchange("DELETE", "/v1/pins?snapshot=data&glob=", "");
    assertEquals(1, json(removed).get("removed").intValue());
    assertEquals(204, fixture.exchange("DELETE", "/v1/datasets/data", "").status());
    Response old = fixture.exchange("DELETE", "/v1/datasets/data/snapshots?keep-last=1", "");
    assertEquals("{\"deleted\":[1,2]}", old.text());
    Response one = fixture.exchange("DELETE", "/v1/datasets/data/snapshots/3", "");
    assertEquals("{\"deleted\":[3]}", one.text());
    assertEquals(java.util.List.of(3L), fixture.node.deletedSnapshots);
    for (String bad : new String[] {"", "?keep-last=", "?keep-last=x", "?keep=1", "/x", "/0"}) {
      Response refused = fixture.exchange("DELETE", "/v1/datasets/data/snapshots" + bad, "");
      assertEquals(400, refused.status(), bad + refused.text());
    }
    assertEquals(404, fixture.exchange("DELETE", "/v1/datasets/x/snapshots/1", "").status());
    assertEquals(404, fixture.exchange("DELETE", "/v1/datasets/none", "").status());
    assertEquals(1, json(fixture.get("/v1/datasets")).get("datasets").size());
    assertEquals("data", json(fixture.get("/v1/datasets/data")).get("name").textValue());
  }

  @Test
  void digestsOfStripes() throws Exception {
    BlobKey large = fixture.node.file("l", 130L << 20);
    BlobKey small = fixture.node.file("s", 10);
    JsonNode all = json(fixture.get("/blobs/" + large + "/digests"));
    assertEquals(List.of("key", "size", "sealed", "root", "trust", "stripes"), names(all));
    assertEquals(3, all.get("stripes").size());
    assertEquals(64, all.get("stripes").get(0).get("blocks").size());
    assertTrue(all.get("stripes").get(0).get("blocks").get(1).isNull());
    JsonNode last = json(fixture.get("/blobs/" + large + "/digests?stripes=2-2"));
    assertEquals(2, last.get("stripes").get(0).get("blocks").size());
    for (String bad : new String[] {"3-3", "1-0", "x", "-1", "0-99", ""}) {
      int status = fixture.get("/blobs/" + large + "/digests?stripes=" + bad).status();
      assertEquals(bad.isEmpty() ? 200 : 400, status, bad);
    }
    JsonNode one = json(fixture.get("/blobs/" + small + "/digests"));
    assertEquals(64, one.get("stripes").get(0).get("blocks").get(0).textValue().length());
  }

  @Test
  void statusAndReadiness() throws Exception {
    fixture.node.file("f", 500_000);
    assertEquals(200, fixture.get("/datasets/data/f").status());
    JsonNode status = json(fixture.get("/v1/status"));
    assertEquals(
        List.of(
            "version",
            "pid",
            "startedAt",
            "uptimeSeconds",
            "ready",
            "reasons",
            "address",
            "dataDirectory",
            "reads",
            "origin",
            "peers",
            "cache",
            "coordinator",
            "cluster",
            "disputes",
            "datasets",
            "jobs",
            "memory"),
        names(status));
    assertEquals(
        "{\"bytes\":7,\"farBytes\":3,\"keptBytes\":5,\"wrongBlocks\":2,\"left\":1,"
            + "\"leftMembers\":[{\"member\":\"m-2\",\"reason\":\"slow\"}],"
            + "\"silentTrackers\":[{\"member\":\"m-3\",\"reason\":\"DEADLINE\"}]}",
        status.get("peers").toString());
    assertEquals(500_000, status.get("reads").get("origin").get("bytes").longValue());
    assertEquals(1, status.get("reads").get("origin").get("requests").longValue());
    assertEquals("127.0.0.1:" + fixture.port(), status.get("address").textValue());
    assertEquals(4096, status.get("memory").get("rocksdbBytes").longValue());
    assertEquals(
        "{\"state\":\"ok\",\"term\":2,\"appliedIndex\":7,\"leader\":\"c1\",\"coordinators\":3,"
            + "\"majority\":true,\"problem\":\"\",\"silent\":[\"c2\"],\"causes\":["
            + "{\"coordinator\":\"c3\",\"cause\":\"clock\",\"detail\":\"its clock is wrong\"}]}",
        status.get("coordinator").toString());
    BlobKey key = BlobKey.origin(new Digest(1, 2, 3, 4));
    RecordedRoot claim = new RecordedRoot(key, 5, new Digest(5, 6, 7, 8), Trust.ATTESTED, "n1");
    fixture.node.disputes =
        new NodeState.Disputes(
            List.of(
                new Dispute(
                    9, List.of(claim), "n3", Instant.EPOCH, Optional.empty(), Optional.empty())),
            4,
            3,
            2);
    assertEquals(
        "{\"open\":1,\"settled\":4,\"conflictsHere\":3,\"lostHere\":2,\"blobs\":[{\"key\":\""
            + key
            + "\",\"since\":\"1970-01-01T00:00:00Z\",\"reader\":\"n3\",\"claims\":[{\"member\":\"n1\","
            + "\"root\":\""
            + claim.root().hex()
            + "\",\"readAgain\":false}]}]}",
        json(fixture.get("/v1/status")).get("disputes").toString());
    fixture.node.notReady = List.of("store: opening");
    Response notReady = fixture.get("/readyz");
    assertEquals(503, notReady.status());
    assertEquals("{\"ready\":false,\"reasons\":[\"store: opening\"]}", notReady.text());
    assertEquals(200, fixture.get("/healthz").status());
  }

  private int unpinned(String target) throws Exception {
    Response answer = fixture.exchange("DELETE", target, "");
    assertEquals(200, answer.status());
    return json(answer).get("removed").intValue();
  }
}
