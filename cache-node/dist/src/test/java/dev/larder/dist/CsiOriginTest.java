package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import csi.v1.Csi.CreateVolumeRequest;
import csi.v1.Csi.CreateVolumeResponse;
import csi.v1.Csi.DeleteVolumeRequest;
import csi.v1.Csi.NodePublishVolumeRequest;
import csi.v1.NodeGrpc;
import dev.larder.client.LarderClient;
import dev.larder.testkit.Fault;
import dev.larder.testkit.FaultyHttpServer;
import dev.larder.testkit.Needs;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Volumes of an origin and a secret, and origins that do not answer. */
class CsiOriginTest {
  private static final String SECRET = "Bearer canary-csi-secret-4711";

  @TempDir Path directory;
  private final byte[] content = new byte[(5 << 20) + 77];
  private FaultyHttpServer origin;
  private CsiNode csi;
  private NodeGrpc.NodeBlockingStub node;
  private String uri;

  @BeforeEach
  void start() throws Exception {
    Needs.root();
    new Random(3).nextBytes(content);
    origin = FaultyHttpServer.start();
    origin.put("/model.bin", content, "v1");
    origin.requireAuthorization(SECRET);
    uri = origin.endpoint().resolve("/model.bin").toString();
    csi =
        CsiNode.start(
            directory,
            "csi.inline-origins=" + origin.endpoint().resolve("/"),
            "origin.progress-deadline=60s",
            "csi.publish-timeout=2s");
    node = csi.nodeCalls();
  }

  @AfterEach
  void stop() throws Exception {
    if (csi != null) {
      csi.close();
      origin.close();
    }
  }

  @Test
  void aSecretOpensAnOriginAndIsNowhereButInMemory() throws Exception {
    Path target = csi.target("pod-a", "model");
    StatusRuntimeException wrong =
        assertThrows(
            StatusRuntimeException.class, () -> publish("v", target, "Bearer canary-wrong-0815"));
    assertEquals(Code.PERMISSION_DENIED, wrong.getStatus().getCode(), wrong.toString());
    assertFalse(Files.exists(target));
    StatusRuntimeException none =
        assertThrows(
            StatusRuntimeException.class,
            () -> {
              var unused =
                  node.nodePublishVolume(CsiNode.persistent("v", target, "origin=" + uri).build());
            });
    assertEquals(Code.PERMISSION_DENIED, none.getStatus().getCode(), none.toString());
    assertEquals(List.of(), csi.mounts());

    publish("v", target, SECRET);
    // Nothing of it was read yet; the next agent knows no secret until the volume is published
    // again.
    csi.node.kill();
    csi.node.startAgain();
    node = csi.nodeCalls();
    assertThrows(IOException.class, () -> Files.readAllBytes(target.resolve("model.bin")));
    publish("v", target, SECRET);
    assertArrayEquals(content, Files.readAllBytes(target.resolve("model.bin")));
    assertNowhere("canary-");

    StatusRuntimeException named =
        assertThrows(
            StatusRuntimeException.class,
            () -> {
              var unused =
                  node.nodePublishVolume(
                      CsiNode.inline("x", csi.target("pod-b", "m"), "dataset=" + datasetOfVolume())
                          .build());
            });
    assertEquals(Code.INVALID_ARGUMENT, named.getStatus().getCode(), "a name opens nothing");

    Path inline = csi.target("pod-c", "model");
    var unused =
        node.nodePublishVolume(
            CsiNode.inline("w", inline, "origin=" + uri).putSecrets("credentials", SECRET).build());
    assertArrayEquals(content, Files.readAllBytes(inline.resolve("model.bin")));
    unpublish("v", target);
    unpublish("w", inline);
    assertEquals(List.of(), csi.mounts());
  }

  @Test
  void aCreatedVolumeIsADatasetUntilItIsDeleted() throws Exception {
    CreateVolumeRequest create =
        CreateVolumeRequest.newBuilder()
            .setName("pvc-0123")
            .addVolumeCapabilities(CsiNode.capability())
            .putParameters("origin", uri)
            .putParameters("csi.storage.k8s.io/pvc/name", "claim")
            .putSecrets("credentials", SECRET)
            .build();
    CreateVolumeResponse made = csi.controllerCalls().createVolume(create);
    assertEquals(made, csi.controllerCalls().createVolume(create), "asked twice");
    String id = made.getVolume().getVolumeId();
    assertEquals("vol-pvc-0123", id);
    assertEquals(content.length, made.getVolume().getCapacityBytes());
    Path target = csi.target("pod-a", "claim");
    NodePublishVolumeRequest publish =
        CsiNode.persistent(id, target)
            .putAllVolumeContext(made.getVolume().getVolumeContextMap())
            .putSecrets("credentials", SECRET)
            .build();
    var unused = node.nodePublishVolume(publish);
    assertArrayEquals(content, Files.readAllBytes(target.resolve("model.bin")));
    DeleteVolumeRequest delete = DeleteVolumeRequest.newBuilder().setVolumeId(id).build();
    StatusRuntimeException used =
        assertThrows(
            StatusRuntimeException.class,
            () -> {
              var unusedToo = csi.controllerCalls().deleteVolume(delete);
            });
    assertEquals(Code.FAILED_PRECONDITION, used.getStatus().getCode());
    unpublish(id, target);
    var unusedThree = csi.controllerCalls().deleteVolume(delete);
    var unusedFour = csi.controllerCalls().deleteVolume(delete);
    try (LarderClient client = csi.node.connect()) {
      assertEquals(1, client.control().datasets().size());
    }
    // What others defined is never deleted for a volume.
    var unusedFive =
        csi.controllerCalls()
            .deleteVolume(DeleteVolumeRequest.newBuilder().setVolumeId("data").build());
    try (LarderClient client = csi.node.connect()) {
      assertEquals(1, client.control().datasets().size());
    }
    assertNowhere("canary-");
  }

  @Test
  void publishingGoesOnInTheBackgroundAndUnpublishingEndsIt() throws Exception {
    Path target = csi.target("pod-a", "model");
    origin.spoil("/model.bin", new Fault.Silence(), new Fault.Silence());
    StatusRuntimeException late =
        assertThrows(StatusRuntimeException.class, () -> publish("v", target, SECRET));
    assertEquals(Code.DEADLINE_EXCEEDED, late.getStatus().getCode(), late.toString());
    StatusRuntimeException other =
        assertThrows(StatusRuntimeException.class, () -> publish("w", target, SECRET));
    assertEquals(Code.ABORTED, other.getStatus().getCode(), other.toString());
    FutureTask<Throwable> again =
        new FutureTask<>(
            () -> assertThrows(StatusRuntimeException.class, () -> publish("v", target, SECRET)));
    Thread.ofPlatform().start(again);
    long start = System.nanoTime();
    unpublish("v", target);
    double seconds = (System.nanoTime() - start) / 1e9;
    System.out.printf("unpublish of a volume that waits for its origin: %.2f s%n", seconds);
    assertTrue(seconds < 10, seconds + " s");
    again.get(10, TimeUnit.SECONDS);
    assertEquals(List.of(), csi.mounts());
    assertFalse(Files.exists(target));
  }

  private String datasetOfVolume() throws IOException {
    try (LarderClient client = csi.node.connect()) {
      return client.control().datasets().stream()
          .map(dataset -> dataset.name())
          .filter(name -> name.startsWith("csi-"))
          .findFirst()
          .orElseThrow();
    }
  }

  /** A text is in no log and in no file of the node. */
  private void assertNowhere(String text) throws IOException {
    byte[] wanted = text.getBytes(StandardCharsets.UTF_8);
    try (var all = Files.walk(csi.directory.resolve("node"))) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        if (file.startsWith(csi.node.runDirectory().resolve("mnt"))) {
          continue;
        }
        assertFalse(holds(Files.readAllBytes(file), wanted), file.toString());
      }
    }
  }

  private static boolean holds(byte[] all, byte[] wanted) {
    String text = new String(all, StandardCharsets.ISO_8859_1);
    return text.contains(new String(wanted, StandardCharsets.ISO_8859_1));
  }

  private void publish(String id, Path target, String secret) {
    var unused =
        node.nodePublishVolume(
            CsiNode.persistent(id, target, "origin=" + uri)
                .putSecrets("credentials", secret)
                .build());
  }

  private void unpublish(String id, Path target) {
    var unused = node.nodeUnpublishVolume(CsiNode.unpublish(id, target));
  }
}
