package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import csi.v1.NodeGrpc;
import dev.larder.testkit.Needs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Agents that take over from one another under many volumes with readers. */
class CsiUpgradeTest {
  private static final int VOLUMES = 20;
  private static final double READ_SECONDS_MAX = 5;

  @TempDir Path directory;

  /** Readers of one volume each. */
  private record Readers(List<MountReaders> all) {
    static Readers start(CsiNode csi) throws Exception {
      List<MountReaders> all = new ArrayList<>();
      for (int i = 0; i < VOLUMES; i++) {
        Path shown = csi.target("pod-" + i, "v");
        Map<String, byte[]> files = csi.files;
        if (i % 3 == 1) {
          files = new TreeMap<>();
          for (var file : csi.files.entrySet()) {
            if (file.getKey().startsWith("many/")) {
              files.put(file.getKey().substring("many/".length()), file.getValue());
            }
          }
        }
        MountReaders readers =
            MountReaders.start(i % 3 == 2 ? shown.resolve("current") : shown, files, 1);
        if (i % 3 == 0) {
          readers.holdOpen("large/model.bin");
        }
        all.add(readers);
      }
      return new Readers(all);
    }

    long reads() {
      return all.stream().mapToLong(MountReaders::reads).sum();
    }

    /** Waits until every reader has read again. */
    void awaitProgress(CsiNode csi) throws Exception {
      for (MountReaders each : all) {
        long before = each.reads();
        await(csi, "a reader goes on: " + each.failures(), () -> each.reads() > before);
      }
    }

    /** Ends them; answers the longest read in seconds. */
    double stop() throws Exception {
      double longest = 0;
      for (MountReaders each : all) {
        each.stop();
        assertEquals("", each.failures());
        longest = Math.max(longest, each.longestPauseSeconds());
      }
      return longest;
    }
  }

  @Test
  void readersOfTwentyVolumesNoticeNoUpgrade() throws Exception {
    Needs.root();
    try (CsiNode csi = CsiNode.start(directory)) {
      publishAll(csi);
      List<String> shown = csi.mounts();
      Path standby = directory.resolve("standby");
      Readers readers = Readers.start(csi);
      try (NodeProcess next = csi.node.launchBeside(standby)) {
        await(csi, "it stands by", () -> Files.exists(standby));
        assertEquals(Long.toString(next.pid()), Files.readString(standby).strip());
        // The old one works on, for kubelet too.
        readers.awaitProgress(csi);
        publish(csi, "extra");
        unpublish(csi, "extra");
        assertTrue(Files.exists(standby) && next.isAlive());

        csi.node.signal("TERM");
        next.awaitReady();
        assertFalse(Files.exists(standby));
        assertFalse(csi.node.isAlive());
        readers.awaitProgress(csi);
        long reads = readers.reads();
        double longest = readers.stop();
        System.out.printf("upgrade: %d reads, the longest %.2f s%n", reads, longest);
        assertTrue(longest < READ_SECONDS_MAX, longest + " s\n" + csi.log());

        assertEquals(shown.stream().sorted().toList(), csi.mounts().stream().sorted().toList());
        publish(csi, "extra");
        unpublish(csi, "extra");
        unpublishAll(csi);
        assertEquals(List.of(), csi.mounts());
      }
    }
  }

  @Test
  void readersOfTwentyVolumesSeeNoErrorWhenAgentsAreKilled() throws Exception {
    Needs.root();
    try (CsiNode csi = CsiNode.start(directory)) {
      publishAll(csi);
      Readers readers = Readers.start(csi);
      readers.awaitProgress(csi);
      double longestStart = 0;
      for (int kill = 0; kill < 2; kill++) {
        csi.node.kill();
        long killed = System.nanoTime();
        csi.node.startAgain();
        longestStart = Math.max(longestStart, (System.nanoTime() - killed) / 1e9);
        readers.awaitProgress(csi);
      }
      double longest = readers.stop();
      System.out.printf(
          "killed twice: the longest read %.2f s, the longest start of an agent %.2f s%n",
          longest, longestStart);
      // A machine that starts a JVM slowly is not the driver's.
      assertTrue(
          longest < Math.max(READ_SECONDS_MAX, longestStart + 1), longest + " s\n" + csi.log());
      unpublishAll(csi);
      assertEquals(List.of(), csi.mounts());
    }
  }

  @Test
  void anAgentThatMayNotWaitSaysWhoIsThere() throws Exception {
    Needs.root();
    try (CsiNode csi = CsiNode.start(directory)) {
      publish(csi, "pod-0");
      Path standby = directory.resolve("standby");
      // One that stands by and is killed leaves everything as it is.
      NodeProcess next = csi.node.launchBeside(standby);
      await(csi, "it stands by", () -> Files.exists(standby));
      next.kill();
      assertEquals(List.of(csi.target("pod-0", "v").toString()), csi.mounts());
      publish(csi, "pod-0");
      unpublish(csi, "pod-0");
      NodeProcess second = csi.node.launchBeside(directory.resolve("no/such/folder"));
      assertNotEquals(0, second.awaitEnd());
      assertTrue(csi.log().contains("no/such/folder"), csi.log());
    }
  }

  private static String[] attributes(int volume) {
    return switch (volume % 3) {
      case 1 -> new String[] {"dataset=data", "subPath=many"};
      case 2 -> new String[] {"dataset=data", "follow=true"};
      default -> new String[] {"dataset=data"};
    };
  }

  private static void publishAll(CsiNode csi) throws Exception {
    NodeGrpc.NodeBlockingStub node = csi.nodeCalls();
    for (int i = 0; i < VOLUMES; i++) {
      Path target = csi.target("pod-" + i, "v");
      var unused = node.nodePublishVolume(CsiNode.inline("v" + i, target, attributes(i)).build());
    }
  }

  private static void unpublishAll(CsiNode csi) throws Exception {
    NodeGrpc.NodeBlockingStub node = csi.nodeCalls();
    for (int i = 0; i < VOLUMES; i++) {
      var unused =
          node.nodeUnpublishVolume(CsiNode.unpublish("v" + i, csi.target("pod-" + i, "v")));
    }
  }

  private static void publish(CsiNode csi, String pod) throws Exception {
    var unused =
        csi.nodeCalls()
            .nodePublishVolume(
                CsiNode.inline("v-" + pod, csi.target(pod, "v"), "dataset=data").build());
  }

  private static void unpublish(CsiNode csi, String pod) throws Exception {
    var unused =
        csi.nodeCalls().nodeUnpublishVolume(CsiNode.unpublish("v-" + pod, csi.target(pod, "v")));
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
