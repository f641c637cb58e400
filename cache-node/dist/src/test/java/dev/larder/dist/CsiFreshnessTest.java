package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import csi.v1.Csi.CreateVolumeRequest;
import csi.v1.Csi.DeleteVolumeRequest;
import dev.larder.testkit.FaultyHttpServer;
import dev.larder.testkit.Needs;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How new the listing of a pod's own origin is, and whom what is cached of it is shown to. */
class CsiFreshnessTest {
  private static final String SECRET = "Bearer canary-csi-secret-4711";
  private static final String RENEWED = "Bearer canary-csi-secret-4712";

  @TempDir Path directory;
  private final byte[] first = bytes(1);
  private final byte[] second = bytes(2);
  private EventServer server;
  private FaultyHttpServer origin;
  private CsiNode csi;

  private static byte[] bytes(int seed) {
    byte[] content = new byte[(1 << 20) + 77];
    new Random(seed).nextBytes(content);
    return content;
  }

  private void start(String... more) throws Exception {
    Needs.root();
    server = EventServer.start(directory);
    origin = FaultyHttpServer.start();
    for (String name : List.of("a", "b", "c")) {
      origin.put("/" + name, first, "v1");
    }
    origin.requireAuthorization(SECRET);
    List<String> settings = new ArrayList<>(server.settings());
    settings.addAll(
        List.of(
            "csi.inline-origins=" + origin.endpoint().resolve("/"),
            "csi.events-interval=500ms",
            "origin.attempts-max=2",
            "origin.retry-delay-max=100ms"));
    settings.addAll(List.of(more));
    csi = CsiNode.start(directory, settings.toArray(String[]::new));
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
  void aPodMadeAfterAnObjectWasReplacedSeesTheNewOne() throws Exception {
    start("csi.origin-refresh=1h");
    Path one = publish("p-one", SECRET, "a");
    origin.put("/a", second, "v2");
    Path same = publish("p-same", SECRET, "a");
    assertThrows(IOException.class, () -> Files.readAllBytes(same.resolve("a")));
    // A read met the change, so the listing is due however young it is.
    Path two = publish("p-two", SECRET, "a");
    assertArrayEquals(second, Files.readAllBytes(two.resolve("a")));
    assertThrows(IOException.class, () -> Files.readAllBytes(one.resolve("a")));
  }

  @Test
  void aPodSeesAListingNoOlderThanTheConfigurationAllows() throws Exception {
    start("csi.origin-refresh=0s");
    Path one = publish("p-one", SECRET, "a");
    Path follows = publish("p-follows", SECRET, "a", "follow=true").resolve("current");
    assertArrayEquals(first, Files.readAllBytes(one.resolve("a")));
    origin.put("/a", second, "v2");
    Path two = publish("p-two", SECRET, "a");
    assertArrayEquals(second, Files.readAllBytes(two.resolve("a")));
    assertArrayEquals(first, Files.readAllBytes(one.resolve("a")), "it stays on its snapshot");
    awaitBytes(second, follows.resolve("a"));
    // Kubelet publishes again and again: who follows sees what is new, with no other pod's help.
    origin.put("/a", first, "v3");
    Path again = publish("p-follows", SECRET, "a", "follow=true").resolve("current");
    assertEquals(follows, again);
    awaitBytes(first, follows.resolve("a"));
  }

  @Test
  void aRevokedSecretOpensNothingAndAnAcceptedOneDoesWhileTheOriginIsAway() throws Exception {
    start("csi.origin-refresh=0s");
    Path one = publish("p-one", SECRET, "a");
    assertArrayEquals(first, Files.readAllBytes(one.resolve("a")));
    origin.requireAuthorization(RENEWED);
    refused(Code.PERMISSION_DENIED, "p-revoked", SECRET);
    assertArrayEquals(first, Files.readAllBytes(one.resolve("a")), "who has it keeps it");
    Path two = publish("p-two", RENEWED, "a");
    assertArrayEquals(first, Files.readAllBytes(two.resolve("a")));
    origin.close();
    refused(Code.UNAVAILABLE, "p-revoked-too", SECRET);
    Path three = publish("p-three", RENEWED, "a");
    assertArrayEquals(first, Files.readAllBytes(three.resolve("a")));
    JsonNode told = await("p-three", "OldListing");
    assertTrue(told.path("message").asText().contains("listed last"), told.toString());
    csi.node.kill();
    csi.node.startAgain();
    StatusRuntimeException unknown = refused(Code.UNAVAILABLE, "p-restarted", RENEWED);
    assertTrue(String.valueOf(unknown.getMessage()).contains("stays closed"), unknown.toString());
  }

  @Test
  void podsShareABoundOfDatasetsAndFailedTriesLeaveNothing() throws Exception {
    start("csi.datasets-max=2");
    for (int i = 0; i < 5; i++) {
      refused(Code.PERMISSION_DENIED, "p-wrong-" + i, "Bearer wrong-" + i);
    }
    // What fails after the listing leaves neither a secret nor a dataset in use.
    for (String object : List.of("a", "b", "c")) {
      StatusRuntimeException absent =
          assertThrows(
              StatusRuntimeException.class,
              () -> publish("p-part-" + object, SECRET, object, "subPath=absent"));
      assertEquals(Code.NOT_FOUND, absent.getStatus().getCode(), absent.toString());
    }
    var unused = publish("p-a", SECRET, "a");
    var unusedToo = publish("p-b", SECRET, "b");
    assertEquals(2, notes());
    StatusRuntimeException full =
        assertThrows(StatusRuntimeException.class, () -> publish("p-c", SECRET, "c"));
    assertEquals(Code.RESOURCE_EXHAUSTED, full.getStatus().getCode(), full.toString());
    assertTrue(String.valueOf(full.getMessage()).contains("csi.datasets-max"), full.toString());
    var unusedThree =
        csi.nodeCalls()
            .nodeUnpublishVolume(
                CsiNode.unpublish(CsiNode.inlineId("p-a", "v"), csi.target("p-a", "v")));
    Path c = publish("p-c", SECRET, "c");
    assertArrayEquals(first, Files.readAllBytes(c.resolve("c")));
    assertEquals(2, notes());
  }

  @Test
  void secretsOfCreatedVolumesGoWithTheListing() throws Exception {
    // Six secrets fit into memory.
    start("dataset.max=3");
    for (int i = 0; i < 8; i++) {
      CreateVolumeRequest wrong = create("pvc-wrong-" + i, "Bearer wrong");
      StatusRuntimeException denied =
          assertThrows(
              StatusRuntimeException.class,
              () -> {
                var unused = csi.controllerCalls().createVolume(wrong);
              });
      assertEquals(Code.PERMISSION_DENIED, denied.getStatus().getCode(), denied.toString());
    }
    for (int i = 0; i < 8; i++) {
      var made = csi.controllerCalls().createVolume(create("pvc-" + i, SECRET));
      var unused =
          csi.controllerCalls()
              .deleteVolume(
                  DeleteVolumeRequest.newBuilder()
                      .setVolumeId(made.getVolume().getVolumeId())
                      .build());
    }
    Path volume = publish("p-a", SECRET, "a");
    assertArrayEquals(first, Files.readAllBytes(volume.resolve("a")));
  }

  private CreateVolumeRequest create(String name, String secret) {
    return CreateVolumeRequest.newBuilder()
        .setName(name)
        .addVolumeCapabilities(CsiNode.capability())
        .putParameters("origin", origin.endpoint().resolve("/a").toString())
        .putSecrets("credentials", secret)
        .build();
  }

  private Path publish(String pod, String secret, String object, String... attributes)
      throws IOException {
    Path target = csi.target(pod, "v");
    List<String> all = new ArrayList<>(List.of(attributes));
    all.add("origin=" + origin.endpoint().resolve("/" + object));
    var unused =
        csi.nodeCalls()
            .nodePublishVolume(
                CsiNode.inline(CsiNode.inlineId(pod, "v"), target, all.toArray(String[]::new))
                    .putSecrets("credentials", secret)
                    .putVolumeContext("csi.storage.k8s.io/pod.name", pod)
                    .putVolumeContext("csi.storage.k8s.io/pod.uid", "uid-" + pod)
                    .build());
    return target;
  }

  private StatusRuntimeException refused(Code code, String pod, String secret) {
    StatusRuntimeException refusal =
        assertThrows(StatusRuntimeException.class, () -> publish(pod, secret, "a"));
    assertEquals(code, refusal.getStatus().getCode(), refusal + "\n" + csi.log());
    return refusal;
  }

  private int notes() throws IOException {
    try (var all = Files.walk(csi.directory.resolve("node"))) {
      return (int)
          all.filter(file -> file.getParent().endsWith("agent/csi-datasets"))
              .filter(file -> file.getFileName().toString().startsWith("csi-"))
              .count();
    }
  }

  private void awaitBytes(byte[] wanted, Path file) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!Arrays.equals(wanted, Files.readAllBytes(file))) {
      assertTrue(System.nanoTime() < deadline, () -> file + "\n" + csi.log());
      LockSupport.parkNanos(20_000_000);
    }
  }

  private JsonNode await(String pod, String reason) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (true) {
      for (JsonNode event : server.events()) {
        if (event.path("involvedObject").path("name").asText().equals(pod)
            && event.path("reason").asText().equals(reason)) {
          return event;
        }
      }
      assertTrue(System.nanoTime() < deadline, () -> server.events() + "\n" + csi.log());
      LockSupport.parkNanos(20_000_000);
    }
  }
}
