package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import csi.v1.Csi.ProbeRequest;
import csi.v1.NodeGrpc;
import dev.larder.keeper.KeeperConfig;
import dev.larder.keeper.KeeperProcess;
import dev.larder.testkit.Needs;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A keeper of its own, as the DaemonSet has it: in another mount name space, not the agent's. */
class CsiKeeperTest {
  @TempDir Path directory;
  private Path shared;

  @BeforeEach
  void share() throws Exception {
    Needs.root();
    // As a node's directories are, so that what a container mounts is seen on the node.
    shared = Files.createDirectory(directory.toRealPath().resolve("shared"));
    assertEquals(0, MountedNode.run(5, "mount", "--bind", shared.toString(), shared.toString()));
    assertEquals(0, MountedNode.run(5, "mount", "--make-shared", shared.toString()));
  }

  @AfterEach
  void unshare() throws Exception {
    for (String left : MountedNode.mounts(shared).reversed()) {
      assertEquals(0, MountedNode.run(5, "umount", "-l", left));
    }
  }

  @Test
  void theNodeIsReadyWhileAKeeperRunsAndItsMountsOutliveIt() throws Exception {
    try (CsiNode csi = CsiNode.start(shared, "keeper.start=false", "keeper.start-deadline=500ms")) {
      NodeGrpc.NodeBlockingStub node = csi.nodeCalls();
      Path target = csi.target("pod-a", "v");
      StatusRuntimeException none =
          assertThrows(
              StatusRuntimeException.class,
              () -> {
                var unused =
                    node.nodePublishVolume(CsiNode.inline("v", target, "dataset=data").build());
              });
      assertEquals(Code.FAILED_PRECONDITION, none.getStatus().getCode(), none.toString());
      assertTrue(String.valueOf(none.getMessage()).contains("keeper.start is false"));
      assertEquals(-1, csi.node.keeperPid(), "it starts none");
      assertNotReady(csi);

      Process keeper = startKeeper(csi);
      awaitReady(csi);
      var unused = node.nodePublishVolume(CsiNode.inline("v", target, "dataset=data").build());
      compare(csi, target);
      // Mounted in the keeper's name space, and seen in this one: at the pod, and for its
      // successor.
      assertTrue(csi.mounts().contains(target.toString()), csi.log());
      Path mounts = csi.node.runDirectory().resolve("mnt");
      assertTrue(MountedNode.mounts(mounts).contains(mounts.toString()), "keeper.share-mounts");

      // Its container goes, and its name space with it.
      keeper.destroyForcibly().waitFor();
      await(csi, "it is missed", () -> csi.node.get("/readyz").statusCode() == 503);
      compare(csi, target);
      // One user's fault is none of the node's.
      Process second = startKeeper(csi);
      awaitReady(csi);
      StatusRuntimeException wrong =
          assertThrows(
              StatusRuntimeException.class,
              () -> {
                var unusedToo =
                    node.nodePublishVolume(
                        CsiNode.inline("w", csi.target("pod-b", "v"), "dataset=none").build());
              });
      assertEquals(Code.NOT_FOUND, wrong.getStatus().getCode());
      assertEquals(200, csi.node.get("/readyz").statusCode());

      Path other = csi.target("pod-c", "v");
      unused = node.nodePublishVolume(CsiNode.inline("x", other, "dataset=data").build());
      compare(csi, other);
      compare(csi, target);
      for (Path each : List.of(target, other)) {
        String id = each.equals(target) ? "v" : "x";
        var unusedFour = node.nodeUnpublishVolume(CsiNode.unpublish(id, each));
        assertFalse(Files.exists(each));
      }
      assertEquals(List.of(), csi.mounts());
      second.destroyForcibly().waitFor();
    }
  }

  private static void assertNotReady(CsiNode csi) throws Exception {
    HttpResponse<String> answer = csi.node.get("/readyz");
    assertEquals(503, answer.statusCode());
    assertTrue(answer.body().contains("keeper: "), answer.body());
    StatusRuntimeException probe =
        assertThrows(
            StatusRuntimeException.class,
            () -> {
              var unused = csi.identityCalls().probe(ProbeRequest.getDefaultInstance());
            });
    assertEquals(Code.FAILED_PRECONDITION, probe.getStatus().getCode());
    assertTrue(String.valueOf(probe.getMessage()).contains("keeper: "), probe.toString());
  }

  private static void awaitReady(CsiNode csi) throws Exception {
    await(csi, "ready", () -> csi.node.get("/readyz").statusCode() == 200);
    assertEquals("{\"ready\":true,\"reasons\":[]}", csi.node.get("/readyz").body());
  }

  private Process startKeeper(CsiNode csi) throws Exception {
    KeeperConfig config =
        KeeperConfig.parse(
            List.of("keeper.run-directory=" + csi.node.runDirectory(), "keeper.share-mounts=true"));
    List<String> command = new ArrayList<>(List.of("unshare", "-m", "--propagation", "unchanged"));
    command.addAll(KeeperProcess.ofThis(directory.resolve("none.jsa")).command(config));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(
            ProcessBuilder.Redirect.appendTo(
                csi.node.runDirectory().resolve("keeper.log").toFile()))
        .start();
  }

  private static void compare(CsiNode csi, Path target) throws Exception {
    for (var file : csi.files.entrySet()) {
      assertArrayEquals(file.getValue(), Files.readAllBytes(target.resolve(file.getKey())));
    }
  }

  private static void await(CsiNode csi, String what, Callable<Boolean> condition)
      throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.call()) {
      assertTrue(System.nanoTime() < deadline, () -> what + "\n" + csi.log());
      LockSupport.parkNanos(10_000_000);
    }
  }
}
