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
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
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
            "csi.dataset-keep=1s",
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
            StatusRuntimeException.class,
            () -> publishAtLast("v", target, "Bearer canary-wrong-0815"));
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

    publishAtLast("v", target, SECRET);
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
  void readersWaitAfterAnAgentsRestartUntilTheSecretComesAgain() throws Exception {
    Path target = csi.target("pod-a", "model");
    publishAtLast("v", target, SECRET);
    // The agent dies under one reader that waits for the origin, and the next one has others.
    origin.spoil("/model.bin", new Fault.Silence());
    int before = origin.requests().size();
    List<FutureTask<Boolean>> readers = new ArrayList<>();
    readers.add(reader(target));
    await("it asks the origin", () -> origin.requests().size() > before);
    csi.node.kill();
    csi.node.startAgain();
    node = csi.nodeCalls();
    for (int i = 0; i < 8; i++) {
      readers.add(reader(target));
    }
    // What others mean to read goes on: the waiting ones hold no turn of the fill engine.
    Path other = csi.target("pod-b", "data");
    NodePublishVolumeRequest data = CsiNode.inline("d", other, "dataset=data").build();
    atLast(() -> {
      var unused = node.nodePublishVolume(data);
    });
    assertArrayEquals(
        csi.files.get("large/model.bin"), Files.readAllBytes(other.resolve("large/model.bin")));
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
    while (System.nanoTime() < end) {
      for (FutureTask<Boolean> each : readers) {
        assertFalse(each.isDone(), csi::log);
      }
      LockSupport.parkNanos(50_000_000);
    }
    long start = System.nanoTime();
    publish("v", target, SECRET);
    for (FutureTask<Boolean> each : readers) {
      assertTrue(each.get(60, TimeUnit.SECONDS));
    }
    System.out.printf(
        "9 readers after the secret came again: %.2f s%n", (System.nanoTime() - start) / 1e9);
    assertNowhere("canary-");
    unpublish("v", target);
    unpublish("d", other);
  }

  /** Unpublishing does not wait for a secret that nobody brings. */
  @Test
  void aReaderThatWaitsForItsSecretHoldsNoVolume() throws Exception {
    Path target = csi.target("pod-a", "model");
    publishAtLast("v", target, SECRET);
    csi.node.kill();
    csi.node.startAgain();
    node = csi.nodeCalls();
    FutureTask<Boolean> reader = reader(target);
    await("it waits", () -> csi.log().contains("has not been given the secret"));
    long start = System.nanoTime();
    unpublish("v", target);
    double seconds = (System.nanoTime() - start) / 1e9;
    System.out.printf("unpublish under a reader that waits for a secret: %.2f s%n", seconds);
    assertTrue(seconds < 10, seconds + " s");
    assertFalse(reader.isDone(), "its own wait ends by mount.read-deadline");
    assertEquals(List.of(), csi.mounts());
  }

  /** Whether a reader got the right bytes. */
  private FutureTask<Boolean> reader(Path target) {
    FutureTask<Boolean> task =
        new FutureTask<>(
            () -> Arrays.equals(content, Files.readAllBytes(target.resolve("model.bin"))));
    Thread.ofPlatform().daemon().start(task);
    return task;
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

  @Test
  void aDatasetGoesAWhileAfterTheLastVolumeThatUsedIt() throws Exception {
    Path one = csi.target("pod-a", "model");
    Path two = csi.target("pod-b", "model");
    publishAtLast("v", one, SECRET);
    publishAtLast("w", two, SECRET);
    assertEquals(2, datasets());
    unpublish("v", one);
    // Longer than it is kept: the other volume shows it.
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(3);
    while (System.nanoTime() < end) {
      assertEquals(2, datasets());
      LockSupport.parkNanos(50_000_000);
    }
    assertArrayEquals(content, Files.readAllBytes(two.resolve("model.bin")));
    unpublish("w", two);
    await("it is gone", () -> datasets() == 1);
    publishAtLast("v", one, SECRET);
    assertArrayEquals(content, Files.readAllBytes(one.resolve("model.bin")));
    // The next agent knows which it is to look after.
    csi.node.kill();
    csi.node.startAgain();
    node = csi.nodeCalls();
    assertEquals(2, datasets());
    unpublish("v", one);
    await("it is gone after a restart too", () -> datasets() == 1);
  }

  @Test
  void anotherPodsWrongSecretSpoilsNoReads() throws Exception {
    Path one = csi.target("pod-a", "model");
    Path two = csi.target("pod-b", "model");
    publishAtLast("v", one, SECRET);
    publishAtLast("w", two, SECRET);
    assertEquals(2, datasets(), "they share one");
    // Its owner changed the secret, and kubelet publishes again with what it holds now.
    publishAgain("w", two, "Bearer canary-wrong-0815");
    assertArrayEquals(content, Files.readAllBytes(one.resolve("model.bin")));
    assertArrayEquals(content, Files.readAllBytes(two.resolve("model.bin")));
    unpublish("v", one);
    unpublish("w", two);
  }

  @Test
  void aSecretIsRenewedUnderVolumesThatShareIt() throws Exception {
    Path one = csi.target("pod-a", "model");
    Path two = csi.target("pod-b", "model");
    publishAtLast("v", one, SECRET);
    publishAtLast("w", two, SECRET);
    String renewed = "Bearer canary-renewed-4712";
    origin.requireAuthorization(renewed);
    publishAgain("v", one, renewed);
    publishAgain("w", two, renewed);
    assertArrayEquals(content, Files.readAllBytes(one.resolve("model.bin")));
    assertNowhere("canary-");
    unpublish("v", one);
    unpublish("w", two);
  }

  @Test
  void unpublishingEndsWhileAReaderWaitsForTheOrigin() throws Exception {
    Path target = csi.target("pod-a", "model");
    publishAtLast("v", target, SECRET);
    origin.spoil("/model.bin", new Fault.Silence(), new Fault.Silence(), new Fault.Silence());
    int before = origin.requests().size();
    Thread.ofPlatform()
        .daemon()
        .start(() -> {
          try {
            byte[] unused = Files.readAllBytes(target.resolve("model.bin"));
          } catch (IOException e) {
            // The volume is taken away under it.
          }
        });
    await("it asks the origin", () -> origin.requests().size() > before);
    long start = System.nanoTime();
    unpublish("v", target);
    double seconds = (System.nanoTime() - start) / 1e9;
    System.out.printf("unpublish under a reader that waits: %.2f s%n", seconds);
    assertTrue(seconds < 10, seconds + " s");
    assertEquals(List.of(), csi.mounts());
    assertFalse(Files.exists(target));
  }

  @Test
  void unpublishingEndsWhileTheKeeperDoesNotAnswer() throws Exception {
    Path target = csi.target("pod-a", "model");
    publishAtLast("v", target, SECRET);
    String keeper = Long.toString(csi.node.keeperPid());
    assertEquals(0, MountedNode.run(5, "kill", "-STOP", keeper));
    long start = System.nanoTime();
    StatusRuntimeException late;
    try {
      late = assertThrows(StatusRuntimeException.class, () -> unpublish("v", target));
    } finally {
      assertEquals(0, MountedNode.run(5, "kill", "-CONT", keeper));
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    System.out.printf("unpublish with a keeper that stands still: %.2f s, %s%n", seconds, late);
    assertTrue(seconds < 12, seconds + " s");
    // Kubelet asks again until it is done.
    await(
        "it is unpublished",
        () -> {
          try {
            unpublish("v", target);
            return true;
          } catch (StatusRuntimeException e) {
            return false;
          }
        });
    assertEquals(List.of(), csi.mounts());
    assertFalse(Files.exists(target));
  }

  private void publishAgain(String id, Path target, String secret) throws IOException {
    List<String> before = csi.mounts();
    publish(id, target, secret);
    assertEquals(before, csi.mounts());
  }

  private int datasets() throws IOException {
    try (LarderClient client = csi.node.connect()) {
      return client.control().datasets().size();
    }
  }

  private void await(String what, Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.call()) {
      assertTrue(System.nanoTime() < deadline, () -> what + "\n" + csi.log());
      LockSupport.parkNanos(20_000_000);
    }
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

  /** A text is in no log, no file and no answer of the node, nor in how it was started. */
  private void assertNowhere(String text) throws Exception {
    for (String path :
        List.of("/metrics", "/v1/status", "/v1/datasets", "/v1/jobs", "/v1/mounts", "/v1/pins")) {
      var answer = csi.node.get(path);
      assertEquals(200, answer.statusCode(), path);
      assertFalse(answer.body().contains(text), path);
    }
    for (String file : List.of("cmdline", "environ")) {
      Path of = Path.of("/proc", Long.toString(csi.node.pid()), file);
      assertFalse(Files.readString(of, StandardCharsets.ISO_8859_1).contains(text), file);
    }
    try (var all = Files.walk(csi.directory.resolve("node"))) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        if (file.startsWith(csi.node.runDirectory().resolve("mnt"))) {
          continue;
        }
        try {
          assertFalse(holds(file, text), file.toString());
        } catch (NoSuchFileException e) {
          // One that the node had for a moment only.
          assertTrue(csi.node.isAlive());
        }
      }
    }
  }

  /** Reads in pieces that overlap: a node's files may be larger than this process. */
  private static boolean holds(Path file, String wanted) throws IOException {
    byte[] piece = new byte[1 << 20];
    String before = "";
    try (InputStream in = Files.newInputStream(file)) {
      for (int count = in.readNBytes(piece, 0, piece.length);
          count > 0;
          count = in.readNBytes(piece, 0, piece.length)) {
        String text = before + new String(piece, 0, count, StandardCharsets.ISO_8859_1);
        if (text.contains(wanted)) {
          return true;
        }
        before = text.substring(Math.max(0, text.length() - wanted.length()));
      }
    }
    return false;
  }

  /** As kubelet does, again when it goes on in the background. */
  private void publishAtLast(String id, Path target, String secret) {
    atLast(() -> publish(id, target, secret));
  }

  private static void atLast(Runnable publish) {
    for (int attempt = 1; ; attempt++) {
      try {
        publish.run();
        return;
      } catch (StatusRuntimeException e) {
        if (e.getStatus().getCode() != Code.DEADLINE_EXCEEDED || attempt == 10) {
          throw e;
        }
      }
    }
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
