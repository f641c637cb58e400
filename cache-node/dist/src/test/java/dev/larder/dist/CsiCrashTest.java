package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import csi.v1.Csi.NodePublishVolumeRequest;
import csi.v1.NodeGrpc;
import dev.larder.agent.AgentConfig;
import dev.larder.agent.NodeServices;
import dev.larder.agent.config.ConfigTree;
import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.csi.CsiConfig;
import dev.larder.csi.CsiDriver;
import dev.larder.mount.MountSettings;
import dev.larder.mount.NodeMounts;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.DatasetName;
import dev.larder.testkit.Needs;
import dev.larder.testkit.Seeds;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Crashes at every step of publishing and unpublishing, and at any moment. */
class CsiCrashTest {
  private static final List<String[]> KINDS =
      List.of(
          new String[] {"dataset=data"},
          new String[] {"dataset=data", "subPath=many"},
          new String[] {"dataset=data", "follow=true"});

  @TempDir Path directory;

  /** What breaks a change off; no product code catches it. */
  private static final class Crash extends Error {
    private static final long serialVersionUID = 1L;

    Crash(String step) {
      super("crash after " + step);
    }
  }

  @Test
  void aCrashAtAnyStepLeavesAWholeVolumeOrNothing() throws Exception {
    Needs.root();
    try (Steps steps = new Steps(directory)) {
      Seeds.run(random -> {
        Map<String, Integer> crashes = new TreeMap<>();
        for (int round = 0; round < 60; round++) {
          steps.round(random, crashes);
        }
        System.out.println("crashes by step: " + crashes);
        assertEquals(9, crashes.size(), "every step was met: " + crashes);
      });
    }
  }

  @Test
  void anAgentKilledAtAnyMomentLeavesNothingThatUnpublishingDoesNotTakeAway() throws Exception {
    Needs.root();
    try (CsiNode csi = CsiNode.start(directory)) {
      Seeds.run(random -> {
        for (int round = 0; round < 4; round++) {
          killAmong(csi, random);
        }
      });
    }
  }

  private static void killAmong(CsiNode csi, Random random) throws Exception {
    NodeGrpc.NodeBlockingStub calls = csi.nodeCalls();
    Thread caller =
        Thread.ofPlatform()
            .start(() -> {
              try {
                for (int i = 0; i < 10_000; i++) {
                  Path target = csi.target("pod-" + i % 5, "v");
                  var unused =
                      calls.nodePublishVolume(
                          CsiNode.inline("v", target, KINDS.get(i % 3)).build());
                  if (i >= 3) {
                    Path old = csi.target("pod-" + (i - 3) % 5, "v");
                    var unusedToo = calls.nodeUnpublishVolume(CsiNode.unpublish("v", old));
                  }
                }
              } catch (StatusRuntimeException | IOException e) {
                // The kill.
              }
            });
    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(300 + random.nextInt(1500)));
    csi.node.kill();
    caller.join();
    csi.node.startAgain();
    NodeGrpc.NodeBlockingStub again = csi.nodeCalls();
    for (int pod = 0; pod < 5; pod++) {
      Path target = csi.target("pod-" + pod, "v");
      var unused = again.nodeUnpublishVolume(CsiNode.unpublish("v", target));
    }
    assertNothing(csi.directory, csi.node.runDirectory(), csi.pods);
  }

  private static void assertNothing(Path directory, Path run, Path pods) throws Exception {
    assertEquals(List.of(), MountedNode.mounts(pods));
    assertEquals(List.of(), MountedNode.mounts(run.resolve("mnt/s")));
    assertEquals(List.of(), MountedNode.mounts(run.resolve("mnt/c")));
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!MountedNode.loops(directory).isEmpty()) {
      assertTrue(System.nanoTime() < deadline, () -> "a loop device stays");
      LockSupport.parkNanos(10_000_000);
    }
    try (var files = Files.list(run.resolve("csi"))) {
      assertEquals(List.of(), files.toList());
    }
    try (var left = Files.walk(pods)) {
      assertEquals(List.of(), left.filter(path -> path.endsWith("mount")).toList());
    }
  }

  /** A node in this process whose driver is broken off and started again. */
  private static final class Steps implements AutoCloseable {
    private final ArrayDeque<AutoCloseable> parts = new ArrayDeque<>();
    private final CsiNode.Caller caller = new CsiNode.Caller();
    private final Path directory;
    private final Path run;
    private final Path pods;
    private final NodeServices services;
    private final NodeMounts mounts;
    private final CsiConfig config;
    private volatile int crashAfter = -1;
    private volatile String crashedAfter = "";

    Steps(Path given) throws Exception {
      directory = given.toRealPath();
      pods = Files.createDirectory(directory.resolve("pods"));
      run = Files.createDirectory(directory.resolve("run"));
      Path source = Files.createDirectories(directory.resolve("source/many")).getParent();
      Files.writeString(source.resolve("many/one"), "one");
      Files.writeString(source.resolve("two"), "two");
      ConfigTree tree =
          new ConfigTree(Map.of("http.port", "0", "csi.socket", caller.directory() + "/csi.sock"));
      MountSettings mounting = MountSettings.of(tree);
      config = CsiConfig.of(tree);
      Limits limits = CoordinatorKeys.of(tree);
      Path data = directory.resolve("data");
      AgentMetrics metrics = new AgentMetrics("test");
      Coordination coordination = own(Coordination.inside(data, limits));
      services =
          own(new NodeServices(AgentConfig.of(data, tree), coordination.client(), metrics, "test"));
      services.start();
      mounts = own(NodeMounts.start(mounting, services, run, KeeperLaunch.starter(mounting)));
      services.mountsBy(mounts);
      coordination.start(metrics);
      var unused =
          services
              .datasetsOfNode()
              .create(
                  new DatasetName("data"),
                  source.toUri().toString(),
                  new OriginOptions(Map.of()),
                  progress -> {});
    }

    private <T extends AutoCloseable> T own(T part) {
      parts.push(part);
      return part;
    }

    void round(Random random, Map<String, Integer> crashes) throws Exception {
      Path target = Files.createDirectories(pods.resolve("pod/volumes/csi/v")).resolve("mount");
      NodePublishVolumeRequest publish =
          CsiNode.inline("v", target, KINDS.get(random.nextInt(KINDS.size()))).build();
      boolean isPublished = tryIt(random, crashes, true, publish, target);
      assertWholeOrNothing(target);
      if (isPublished) {
        assertTrue(Files.exists(target));
      }
      if (random.nextBoolean()) {
        // Kubelet tries again, and nothing happens.
        with(calls -> {
          var unused = calls.nodePublishVolume(publish);
        });
        assertEquals(
            1, MountedNode.mounts(target).stream().filter(target.toString()::equals).count());
      }
      var unused = tryIt(random, crashes, false, publish, target);
      assertWholeOrNothing(target);
      with(calls -> {
        var unusedToo = calls.nodeUnpublishVolume(CsiNode.unpublish("v", target));
      });
      assertNothing(directory, run, pods);
    }

    private boolean tryIt(
        Random random,
        Map<String, Integer> crashes,
        boolean isPublish,
        NodePublishVolumeRequest publish,
        Path target)
        throws Exception {
      crashAfter = random.nextInt(7) - 1;
      crashedAfter = "";
      boolean[] isDone = new boolean[1];
      with(calls -> {
        try {
          if (isPublish) {
            var unused = calls.nodePublishVolume(publish);
          } else {
            var unused = calls.nodeUnpublishVolume(CsiNode.unpublish("v", target));
          }
          isDone[0] = true;
        } catch (StatusRuntimeException e) {
          assertTrue(!crashedAfter.isEmpty(), () -> "no crash: " + e);
        }
      });
      crashAfter = -1;
      if (!crashedAfter.isEmpty()) {
        crashes.merge(crashedAfter, 1, Integer::sum);
      }
      // The next agent puts it right.
      with(calls -> {});
      return isDone[0];
    }

    private interface Use {
      void of(NodeGrpc.NodeBlockingStub calls);
    }

    private void with(Use use) {
      int[] count = new int[1];
      try (CsiDriver driver =
          CsiDriver.start(
              config,
              services,
              mounts,
              run,
              step -> {
                if (count[0]++ == crashAfter) {
                  crashedAfter = step;
                  throw new Crash(step);
                }
              })) {
        use.of(NodeGrpc.newBlockingStub(caller.channel(Path.of(config.socket()))));
        assertTrue(driver.figures().containsKey("volumes"));
      }
      caller.hangUp();
    }

    private void assertWholeOrNothing(Path target) throws IOException {
      List<String> shown = MountedNode.mounts(pods);
      try (var files = Files.list(run.resolve("csi"))) {
        assertEquals(shown.isEmpty() ? 0 : 1, files.count(), shown.toString());
      }
      if (shown.isEmpty()) {
        assertTrue(!Files.exists(target));
        return;
      }
      Path root = Files.exists(target.resolve("current")) ? target.resolve("current") : target;
      Path one = Files.exists(root.resolve("one")) ? root.resolve("one") : root.resolve("many/one");
      assertEquals("one", Files.readString(one));
    }

    @Override
    public void close() throws Exception {
      caller.close();
      for (AutoCloseable part : parts) {
        part.close();
      }
      for (String left : MountedNode.mounts(directory).reversed()) {
        new ProcessBuilder("umount", "-l", left).start().waitFor();
      }
      ProcessHandle.allProcesses()
          .filter(each ->
              each.info()
                  .commandLine()
                  .filter(line -> line.contains("KeeperMain") && line.contains(run.toString()))
                  .isPresent())
          .forEach(ProcessHandle::destroyForcibly);
    }
  }
}
