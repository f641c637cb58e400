package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import csi.v1.Csi.NodePublishVolumeRequest;
import csi.v1.NodeGrpc;
import dev.larder.testkit.FaultyHttpServer;
import dev.larder.testkit.Needs;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a pod is told of its volumes: events at an API server, from a whole node. */
class CsiEventsTest {
  private static final String SECRET = "Bearer canary-csi-secret-4711";

  @TempDir Path directory;
  private final byte[] content = new byte[(1 << 20) + 77];
  private EventServer server;
  private FaultyHttpServer origin;
  private CsiNode csi;
  private NodeGrpc.NodeBlockingStub node;
  private String uri;

  @BeforeEach
  void start() throws Exception {
    Needs.root();
    new Random(5).nextBytes(content);
    server = EventServer.start(directory);
    origin = FaultyHttpServer.start();
    for (String name : List.of("a", "b", "c", "d")) {
      origin.put("/" + name, content, "v1");
    }
    origin.requireAuthorization(SECRET);
    uri = origin.endpoint().toString();
    List<String> settings = new ArrayList<>(server.settings());
    settings.addAll(
        List.of(
            "csi.inline-origins=" + origin.endpoint().resolve("/"),
            "csi.events-interval=500ms",
            "origin.attempts-max=2",
            "origin.retry-delay-max=100ms"));
    csi = CsiNode.start(directory, settings.toArray(String[]::new));
    node = csi.nodeCalls();
  }

  @AfterEach
  void stop() throws Exception {
    if (csi != null) {
      csi.close();
      server.close();
      origin.close();
    }
  }

  @Test
  void aPodIsToldWhyItsVolumeIsNotThere() throws Exception {
    fails(inline("p-unknown", "dataset=none"));
    fails(inline("p-attribute", "dataset=data", "colour=red"));
    fails(inline("p-path", "dataset=data", "subPath=absent"));
    fails(inline("p-secret", "origin=" + uri + "/a").putSecrets("credentials", "Bearer wrong"));
    fails(inline("p-foreign", "origin=http://127.0.0.1:1/x"));
    Path away = csi.target("p-away", "v");
    fails(of("p-away", CsiNode.persistent("pv-away", away, "origin=http://127.0.0.1:1/x")));
    NodePublishVolumeRequest.Builder own = inline("p-users", "dataset=data");
    Files.writeString(csi.pods.resolve("p-users/userns"), "{}");
    fails(own);
    for (String[] each :
        new String[][] {
          {"p-unknown", "UnknownDataset", "there is no dataset none"},
          {"p-attribute", "InvalidVolume", "unknown attribute \"colour\""},
          {"p-path", "NoSuchPath", "absent"},
          {"p-secret", "OriginDenied", "credentials"},
          {"p-foreign", "InvalidVolume", "csi.inline-origins"},
          {"p-away", "OriginUnreachable", "127.0.0.1:1"},
          {"p-users", "VolumeRefused", "hostUsers"}
        }) {
      JsonNode event = await(each[0], told -> told.path("reason").asText().equals(each[1]));
      assertTrue(event.path("message").asText().contains(each[2]), event.toString());
      assertEquals("csi.larder.dev", event.path("source").path("component").asText());
      assertEquals("node-1", event.path("source").path("host").asText());
      assertEquals("uid-" + each[0], event.path("involvedObject").path("uid").asText());
    }
    // Again and again: one event that counts.
    for (int i = 0; i < 5; i++) {
      fails(inline("p-unknown", "dataset=none"));
    }
    JsonNode counted = await("p-unknown", told -> told.path("count").asInt() == 6);
    assertEquals(1, events("p-unknown").size(), counted.toString());
    assertRight();
  }

  @Test
  void podsAreToldOfAnOriginThatChangesGoesOrRefusesLater() throws Exception {
    Path one = publish("p-one", SECRET, "/a");
    Path two = publish("p-two", SECRET, "/a");
    Path other = publish("p-other", SECRET, "/b");
    assertEquals(List.of(), server.events());
    origin.put("/a", new byte[content.length], "v2");
    assertThrows(IOException.class, () -> Files.readAllBytes(one.resolve("a")));
    for (String pod : List.of("p-one", "p-two")) {
      JsonNode event = await(pod, told -> told.path("reason").asText().equals("ObjectChanged"));
      String message = event.path("message").asText();
      assertTrue(message.contains("file a") && message.contains("refresh"), message);
    }
    assertArrayEquals(content, Files.readAllBytes(other.resolve("b")));
    assertEquals(List.of(), events("p-other"), "its dataset is another one");

    Path wrong = publish("p-wrong", SECRET, "/c");
    republish("p-wrong", "Bearer canary-wrong-0815", "/c");
    assertThrows(IOException.class, () -> Files.readAllBytes(wrong.resolve("c")));
    var unused = await("p-wrong", told -> told.path("reason").asText().equals("OriginDenied"));
    republish("p-wrong", SECRET, "/c");
    assertArrayEquals(content, Files.readAllBytes(wrong.resolve("c")));

    Path away = publish("p-away", SECRET, "/d");
    origin.close();
    assertThrows(IOException.class, () -> Files.readAllBytes(away.resolve("d")));
    unused = await("p-away", told -> told.path("reason").asText().equals("OriginUnreachable"));
    assertTrue(Files.isReadable(two), "the volumes stay");
    assertRight();
  }

  @Test
  void aPodThatWaitsForAWarmUpIsToldWhyThatFailed() throws Exception {
    Path one = publish("p-one", SECRET, "/a");
    Path two = publish("p-two", SECRET, "/b");
    byte[] newer = new byte[content.length];
    origin.put("/a", newer, "v2");
    assertEquals(Code.FAILED_PRECONDITION, refusal(warm("p-changed", "/a")));
    JsonNode event =
        await("p-changed", told -> told.path("reason").asText().equals("ObjectChanged"));
    assertTrue(event.path("message").asText().contains("could not be filled"), event.toString());
    // What the warm-up met has its origin listed anew.
    var unused = node.nodePublishVolume(warm("p-changed", "/a").build());
    assertArrayEquals(
        newer, Files.readAllBytes(csi.target("p-changed", "v").resolve("a")), "it is warm");

    // The origin took the secret a moment ago, and does so no longer.
    origin.requireAuthorization("Bearer canary-renewed-1234");
    assertEquals(Code.PERMISSION_DENIED, refusal(warm("p-denied", "/b")));
    event = await("p-denied", told -> told.path("reason").asText().equals("OriginDenied"));
    assertTrue(event.path("message").asText().contains("could not be filled"), event.toString());
    for (String pod : List.of("p-changed", "p-denied")) {
      assertEquals(1, events(pod).size(), () -> events(pod).toString());
    }
    assertTrue(Files.isReadable(one) && Files.isReadable(two), "the other volumes stay");
    assertRight();
  }

  @Test
  void anApiServerThatIsAwayHoldsNothingUp() throws Exception {
    server.refuse(503);
    fails(inline("p-unknown", "dataset=none"));
    Path target = publish("p-good", SECRET, "/a");
    assertArrayEquals(content, Files.readAllBytes(target.resolve("a")));
    await(() -> server.refused() > 0);
    assertEquals(1.0, csi.node.metric("larder_csi_events_waiting"));
    // It forgot the old token meanwhile.
    server.renewToken("canary-token-second");
    server.refuse(0);
    var unused = await("p-unknown", told -> told.path("reason").asText().equals("UnknownDataset"));
    assertEquals(0.0, csi.node.metric("larder_csi_events_dropped_total"));
    server.expire();
    fails(inline("p-unknown", "dataset=none"));
    unused = await("p-unknown", told -> told.path("count").asInt() == 1);
    assertRight();
  }

  /** Nothing that a real server would refuse was sent, and no secret went anywhere. */
  private void assertRight() throws IOException {
    assertEquals(List.of(), server.faults());
    String all = server.events() + csi.log();
    assertFalse(all.contains("canary-"), all);
  }

  private NodePublishVolumeRequest.Builder inline(String pod, String... attributes)
      throws IOException {
    return of(pod, CsiNode.inline(id(pod), csi.target(pod, "v"), attributes));
  }

  private static NodePublishVolumeRequest.Builder of(
      String pod, NodePublishVolumeRequest.Builder request) {
    return request
        .putVolumeContext("csi.storage.k8s.io/pod.name", pod)
        .putVolumeContext("csi.storage.k8s.io/pod.uid", "uid-" + pod);
  }

  private static String id(String pod) {
    return CsiNode.inlineId(pod, "v");
  }

  private Path publish(String pod, String secret, String path) throws IOException {
    republish(pod, secret, path);
    return csi.target(pod, "v");
  }

  private void republish(String pod, String secret, String path) throws IOException {
    var unused =
        node.nodePublishVolume(
            inline(pod, "origin=" + uri + path).putSecrets("credentials", secret).build());
  }

  private NodePublishVolumeRequest.Builder warm(String pod, String path) throws IOException {
    return inline(pod, "origin=" + uri + path, "warm=all", "waitForWarm=true")
        .putSecrets("credentials", SECRET);
  }

  private void fails(NodePublishVolumeRequest.Builder request) {
    Code unused = refusal(request);
  }

  /** The code that publishing fails with. */
  private Code refusal(NodePublishVolumeRequest.Builder request) {
    StatusRuntimeException e =
        assertThrows(
            StatusRuntimeException.class,
            () -> {
              var unused = node.nodePublishVolume(request.build());
            });
    return e.getStatus().getCode();
  }

  private List<JsonNode> events(String pod) {
    return server.events().stream()
        .filter(each -> each.path("involvedObject").path("name").asText().equals(pod))
        .toList();
  }

  private JsonNode await(String pod, Predicate<JsonNode> wanted) {
    await(() -> events(pod).stream().anyMatch(wanted));
    return events(pod).stream().filter(wanted).findFirst().orElseThrow();
  }

  private void await(java.util.function.BooleanSupplier condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.getAsBoolean()) {
      assertTrue(
          System.nanoTime() < deadline,
          () -> "events: " + server.events() + " faults: " + server.faults() + "\n" + csi.log());
      LockSupport.parkNanos(10_000_000);
    }
  }
}
