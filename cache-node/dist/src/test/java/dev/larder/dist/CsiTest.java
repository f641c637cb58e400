package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import csi.v1.Csi.GetPluginInfoRequest;
import csi.v1.Csi.NodeGetInfoRequest;
import csi.v1.Csi.NodeGetVolumeStatsRequest;
import csi.v1.Csi.NodeGetVolumeStatsResponse;
import csi.v1.Csi.ProbeRequest;
import csi.v1.Csi.VolumeCapability;
import csi.v1.NodeGrpc;
import dev.larder.client.LarderClient;
import dev.larder.linux.FuseDevice;
import dev.larder.linux.FuseMount;
import dev.larder.linux.MountFd;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.testkit.Needs;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Volumes of pods, by whoever calls as kubelet does, on a whole node with its keeper. */
class CsiTest {
  @TempDir Path directory;
  private CsiNode csi;
  private NodeGrpc.NodeBlockingStub node;

  @BeforeEach
  void start() throws Exception {
    Needs.root();
    csi = CsiNode.start(directory);
    node = csi.nodeCalls();
  }

  @AfterEach
  void stop() throws Exception {
    if (csi != null) {
      csi.close();
    }
  }

  @Test
  void aPodReadsADatasetThatItNamesInline() throws Exception {
    assertEquals(
        "csi.larder.dev",
        csi.identityCalls().getPluginInfo(GetPluginInfoRequest.getDefaultInstance()).getName());
    assertTrue(csi.identityCalls().probe(ProbeRequest.getDefaultInstance()).getReady().getValue());
    assertEquals("node-1", node.nodeGetInfo(NodeGetInfoRequest.getDefaultInstance()).getNodeId());
    Path target = csi.target("pod-a", "data");
    String id = CsiNode.inlineId("pod-a", "data");
    publish(CsiNode.inline(id, target, "dataset=data"));
    compare(target, "");
    assertThrows(FileSystemException.class, () -> Files.createFile(target.resolve("new")));
    List<String> mounts = csi.mounts();
    assertEquals(List.of(target.toString()), mounts);
    publish(CsiNode.inline(id, target, "dataset=data"));
    assertEquals(mounts, csi.mounts());

    NodeGetVolumeStatsResponse stats = stats(id, target);
    long bytes = csi.files.values().stream().mapToLong(file -> file.length).sum();
    assertEquals(bytes, stats.getUsage(0).getTotal());
    assertEquals(bytes, stats.getUsage(0).getUsed());
    assertEquals(0, stats.getUsage(0).getAvailable());
    assertEquals(csi.files.size(), stats.getUsage(1).getTotal());

    unpublish(id, target);
    assertEquals(List.of(), csi.mounts());
    assertFalse(Files.exists(target));
    unpublish(id, target);
    assertEquals(List.of(), MountedNode.mounts(csi.node.runDirectory().resolve("mnt/s")));
  }

  @Test
  void partsSnapshotsAndNewestAreShownAsAsked() throws Exception {
    Path part = csi.target("pod-a", "part");
    publish(CsiNode.inline("csi-part", part, "dataset=data", "subPath=many"));
    compare(part, "many/");
    assertFalse(Files.exists(part.resolve("large")));
    assertEquals(20, stats("csi-part", part).getUsage(1).getTotal());

    Path follow = csi.target("pod-a", "follow");
    publish(CsiNode.inline("csi-follow", follow, "dataset=data", "follow=true"));
    compare(follow.resolve("current"), "");
    assertThrows(FileSystemException.class, () -> Files.createFile(follow.resolve("new")));

    Path first = csi.target("pod-a", "first");
    publish(CsiNode.persistent("data@1", first));
    Path stays = csi.target("pod-a", "stays");
    publish(CsiNode.persistent("some-handle", stays, "dataset=data"));

    byte[] added = {1, 2, 3};
    Files.write(csi.source.resolve("many/added"), added);
    try (LarderClient client = csi.node.connect()) {
      client.control().refresh("data", (o, b) -> {});
    }
    await("the newest snapshot is shown", () -> Files.exists(follow.resolve("current/many/added")));
    assertArrayEquals(added, Files.readAllBytes(follow.resolve("current/many/added")));
    for (Path old : List.of(first, stays, part.getParent().resolve("mount"))) {
      assertFalse(Files.exists(old.resolve("many/added")), old.toString());
      assertFalse(Files.exists(old.resolve("added")), old.toString());
    }
    publish(CsiNode.persistent("some-handle", stays, "dataset=data"));
    assertFalse(Files.exists(stays.resolve("many/added")), "a republish changes nothing");
    Path second = csi.target("pod-b", "second");
    publish(CsiNode.inline("csi-second", second, "dataset=data", "snapshot=2"));
    assertArrayEquals(added, Files.readAllBytes(second.resolve("many/added")));
    compare(part, "many/");

    unpublish("csi-part", part);
    unpublish("csi-follow", follow);
    unpublish("data@1", first);
    unpublish("some-handle", stays);
    unpublish("csi-second", second);
    assertClean();
  }

  @Test
  void whatPackingExchangesStaysAPart() throws Exception {
    Path part = csi.target("pod-a", "part");
    publish(
        CsiNode.inline(
            "csi-part", part, "dataset=data", "subPath=many", "warm=all", "waitForWarm=true"));
    try (LarderClient client = csi.node.connect()) {
      await("it is packed", () -> client.control().mounts().getFirst().packed());
    }
    compare(part, "many/");
    assertFalse(Files.exists(part.resolve("large")));
    csi.node.killKeeper();
    csi.node.kill();
    csi.node.startAgain();
    await("it is shown", () -> csi.mounts().contains(part.toString()));
    compare(part, "many/");
    unpublish("csi-part", part);
    assertClean();
  }

  @Test
  void badRequestsSayWhatIsWrongAndTouchNothing() throws Exception {
    Path target = csi.target("pod-a", "data");
    for (String id :
        List.of("", "../data", "a/b", "data\u0000", "x".repeat(4096), "d\u00e4t\u00e4", "a b")) {
      assertCode(Code.INVALID_ARGUMENT, CsiNode.inline(id, target, "dataset=data"), "volume_id");
      StatusRuntimeException e =
          assertThrows(StatusRuntimeException.class, () -> unpublish(id, target));
      assertEquals(Code.INVALID_ARGUMENT, e.getStatus().getCode());
    }
    assertCode(Code.INVALID_ARGUMENT, CsiNode.inline("v", target), "dataset is missing");
    assertCode(
        Code.INVALID_ARGUMENT, CsiNode.inline("v", target, "dataset=data", "colour=red"), "colour");
    assertCode(Code.INVALID_ARGUMENT, CsiNode.inline("v", target, "dataset=../data"), "dataset");
    assertCode(Code.NOT_FOUND, CsiNode.inline("v", target, "dataset=none"), "none");
    assertCode(
        Code.NOT_FOUND, CsiNode.inline("v", target, "dataset=data", "snapshot=7"), "snapshot 7");
    assertCode(
        Code.INVALID_ARGUMENT,
        CsiNode.inline("v", target, "dataset=data", "snapshot=x"),
        "snapshot");
    assertCode(
        Code.INVALID_ARGUMENT,
        CsiNode.inline("v", target, "dataset=data", "subPath=../other"),
        "subPath");
    assertCode(
        Code.NOT_FOUND, CsiNode.inline("v", target, "dataset=data", "subPath=absent"), "absent");
    assertCode(
        Code.INVALID_ARGUMENT,
        CsiNode.inline("v", target, "dataset=data", "subPath=many/000"),
        "no directory");
    assertCode(
        Code.INVALID_ARGUMENT,
        CsiNode.inline("v", target, "dataset=data", "waitForWarm=perhaps"),
        "waitForWarm");
    assertCode(
        Code.INVALID_ARGUMENT,
        CsiNode.inline("v", target, "origin=" + csi.source),
        "administrator");
    assertCode(
        Code.INVALID_ARGUMENT,
        CsiNode.inline("v", target, "dataset=data", "origin.endpoint=http://x"),
        "administrator");
    assertCode(
        Code.INVALID_ARGUMENT,
        CsiNode.inline("v", Path.of("/a/../etc"), "dataset=data"),
        "target_path");
    assertCode(
        Code.INVALID_ARGUMENT,
        CsiNode.inline("v", target, "dataset=data")
            .setVolumeCapability(
                VolumeCapability.newBuilder()
                    .setBlock(VolumeCapability.BlockVolume.getDefaultInstance())),
        "block");
    assertFalse(Files.exists(target, LinkOption.NOFOLLOW_LINKS));
    Files.writeString(target, "kept");
    assertCode(Code.INVALID_ARGUMENT, CsiNode.inline("v", target, "dataset=data"), "no directory");
    assertEquals("kept", Files.readString(target));
    unpublish("v", target);
    assertEquals("kept", Files.readString(target));
    Files.delete(target);
    Path elsewhere = Files.createDirectory(csi.directory.resolve("elsewhere"));
    Files.createSymbolicLink(target, elsewhere);
    assertCode(Code.INVALID_ARGUMENT, CsiNode.inline("v", target, "dataset=data"), "symbolic link");
    unpublish("v", target);
    assertTrue(Files.isDirectory(elsewhere));
    Files.delete(target);
    assertCode(
        Code.FAILED_PRECONDITION,
        CsiNode.inline("v", csi.pods.resolve("no/such/parent"), "dataset=data"),
        "does not exist");
    Files.writeString(csi.pods.resolve("pod-a/userns"), "{}");
    assertCode(Code.FAILED_PRECONDITION, CsiNode.inline("v", target, "dataset=data"), "hostUsers");
    assertEquals(List.of(), csi.mounts());
  }

  @Test
  void aHundredCallsAtOncePublishOnce() throws Exception {
    Path target = csi.target("pod-a", "data");
    Path other = csi.target("pod-a", "other");
    try (ExecutorService callers = Executors.newFixedThreadPool(100)) {
      for (int round = 1; round <= 3; round++) {
        List<Future<?>> calls = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
          calls.add(callers.submit(() -> publish(CsiNode.inline("v", target, "dataset=data"))));
        }
        publish(CsiNode.inline("v", other, "dataset=data"));
        for (Future<?> call : calls) {
          call.get(60, TimeUnit.SECONDS);
        }
        assertEquals(
            List.of(target.toString(), other.toString()), csi.mounts().stream().sorted().toList());
        assertEquals(
            2.0 * round,
            csi.node.metric("larder_csi_publish_duration_seconds_count"),
            "a volume counts once, whoever asked for it");
        assertCode(
            Code.ALREADY_EXISTS, CsiNode.inline("v", target, "dataset=data", "subPath=many"), "");
        assertCode(Code.ALREADY_EXISTS, CsiNode.inline("w", target, "dataset=data"), "");
        calls.clear();
        for (int i = 0; i < 100; i++) {
          calls.add(callers.submit(() -> unpublish("v", target)));
        }
        for (Future<?> call : calls) {
          call.get(60, TimeUnit.SECONDS);
        }
        compare(other, "");
        unpublish("v", other);
        assertEquals(List.of(), csi.mounts());
      }
    }
    assertClean();
  }

  /** Whoever asks; kubelet itself does so for two pods, and not for two volumes of one pod. */
  @Test
  void oneVolumeAtTwoTargetsIsTwoThatAreApart() throws Exception {
    Path first = csi.target("pod-a", "first");
    Path second = csi.target("pod-a", "second");
    publish(CsiNode.persistent("handle", first, "dataset=data"));
    publish(CsiNode.persistent("handle", second, "dataset=data", "subPath=many"));
    compare(first, "");
    compare(second, "many/");
    assertEquals(
        csi.files.size(),
        stats("handle", first).getUsage(1).getTotal(),
        "each has its own figures");
    assertEquals(20, stats("handle", second).getUsage(1).getTotal());
    unpublish("handle", first);
    assertEquals(List.of(second.toString()), csi.mounts());
    compare(second, "many/");
    unpublish("handle", second);
    assertClean();
  }

  @Test
  void aDatasetCannotBeDeletedUnderAVolume() throws Exception {
    Path target = csi.target("pod-a", "data");
    publish(CsiNode.inline("v", target, "dataset=data"));
    try (LarderClient client = csi.node.connect()) {
      LarderException e =
          assertThrows(LarderException.class, () -> client.control().delete("data"));
      assertEquals(ErrorCode.MOUNT_BUSY, e.code());
      compare(target, "");
      unpublish("v", target);
      client.control().delete("data");
    }
    assertCode(Code.NOT_FOUND, CsiNode.inline("v", target, "dataset=data"), "data");
    assertClean();
  }

  @Test
  void aDeadMountIsTakenAwayAndALiveOneOfOthersIsNot() throws Exception {
    Path target = csi.target("pod-a", "data");
    Files.createDirectory(target);
    mountDead(target);
    assertThrows(FileSystemException.class, () -> Files.list(target).close());
    publish(CsiNode.inline("v", target, "dataset=data"));
    compare(target, "");
    // Somebody takes the mount away under the volume.
    assertEquals(0, MountedNode.run(10, "umount", "-l", target.toString()));
    await(
        "a republish mounts it again",
        () -> {
          publish(CsiNode.inline("v", target, "dataset=data"));
          return csi.mounts().contains(target.toString());
        });
    compare(target, "");
    assertEquals(
        1.0,
        csi.node.metric("larder_csi_publish_duration_seconds_count"),
        "mounting again is no publish");
    unpublish("v", target);
    Files.createDirectory(target);
    assertEquals(0, MountedNode.run(10, "mount", "-t", "tmpfs", "others", target.toString()));
    assertCode(Code.FAILED_PRECONDITION, CsiNode.inline("v", target, "dataset=data"), "others");
    assertEquals(0, MountedNode.run(10, "umount", target.toString()));
    unpublish("v", target);
    assertClean();
  }

  @Test
  void aMountThatNeitherAnswersNorFailsHoldsNothingUp() throws Exception {
    Path target = csi.target("pod-a", "data");
    Files.createDirectory(target);
    NodeGrpc.NodeBlockingStub soon = node.withDeadlineAfter(60, TimeUnit.SECONDS);
    try (FuseDevice device = FuseDevice.open()) {
      mount(device, target);
      StatusRuntimeException e =
          assertThrows(
              StatusRuntimeException.class,
              () -> {
                var unused = soon.nodeUnpublishVolume(CsiNode.unpublish("v", target));
              });
      String said = String.valueOf(e.getStatus().getDescription());
      assertTrue(said.contains("does not answer"), e.toString());
      Path other = csi.target("pod-b", "data");
      publish(CsiNode.inline("w", other, "dataset=data"));
      compare(other, "");
      unpublish("w", other);
    }
    // Now it fails, and so is dead.
    unpublish("v", target);
    assertClean();
  }

  /** A FUSE file system whose server is gone. */
  private static void mountDead(Path target) throws IOException {
    try (FuseDevice device = FuseDevice.open()) {
      mount(device, target);
    }
  }

  /** A FUSE file system whose server answers nothing, and is gone when the device is closed. */
  private static void mount(FuseDevice device, Path target) throws IOException {
    try (MountFd mount = new FuseMount("dead", "test", 0555, true, false, 4096).of(device)) {
      mount.attach(target);
    }
  }

  private void assertCode(
      Code code, csi.v1.Csi.NodePublishVolumeRequest.Builder request, String part) {
    StatusRuntimeException e = assertThrows(StatusRuntimeException.class, () -> publish(request));
    String said = String.valueOf(e.getStatus().getDescription());
    assertEquals(code, e.getStatus().getCode(), said);
    assertTrue(said.contains(part), said);
  }

  private void assertClean() throws Exception {
    assertEquals(List.of(), csi.mounts());
    assertEquals(List.of(), MountedNode.mounts(csi.node.runDirectory().resolve("mnt/s")));
    assertEquals(List.of(), MountedNode.mounts(csi.node.runDirectory().resolve("mnt/c")));
    try (var files = Files.list(csi.node.runDirectory().resolve("csi"))) {
      assertEquals(List.of(), files.toList());
    }
    try (var left = Files.walk(csi.pods)) {
      assertEquals(List.of(), left.filter(path -> path.endsWith("mount")).toList());
    }
  }

  private void await(String what, Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.call()) {
      assertTrue(System.nanoTime() < deadline, () -> what + "\n" + csi.log());
      LockSupport.parkNanos(10_000_000);
    }
  }

  private void publish(csi.v1.Csi.NodePublishVolumeRequest.Builder request) {
    var unused = node.nodePublishVolume(request.build());
  }

  private void unpublish(String id, Path target) {
    var unused = node.nodeUnpublishVolume(CsiNode.unpublish(id, target));
  }

  private NodeGetVolumeStatsResponse stats(String id, Path target) {
    return node.nodeGetVolumeStats(
        NodeGetVolumeStatsRequest.newBuilder()
            .setVolumeId(id)
            .setVolumePath(target.toString())
            .build());
  }

  /** Compares every file below a directory of the dataset. */
  private void compare(Path target, String below) throws IOException {
    int compared = 0;
    for (Map.Entry<String, byte[]> file : csi.files.entrySet()) {
      if (file.getKey().startsWith(below)) {
        Path seen = target.resolve(file.getKey().substring(below.length()));
        assertArrayEquals(file.getValue(), Files.readAllBytes(seen), file.getKey());
        compared++;
      }
    }
    assertTrue(compared > 0);
  }
}
