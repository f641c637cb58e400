package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import csi.v1.Csi.NodePublishVolumeRequest;
import csi.v1.NodeGrpc;
import dev.larder.testkit.Needs;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Readers of many published volumes, of whom none may notice what happens to the agent: threads
 * that compare bytes, and a program a volume whose every system call is looked at.
 */
class CsiReadersTest {
  private static final int VOLUMES = 20;

  /** No read takes longer, whatever happens to the agent. */
  private static final double READ_SECONDS_MAX = 5;

  @TempDir Path directory;

  @Test
  void readersOfTwentyVolumesNoticeNoKilledAndNoUpgradedAgent() throws Exception {
    Needs.root();
    Needs.program("strace", "./verify installs it where it may");
    Needs.program("gcc", "./verify installs it where it may");
    Path program = TracedReader.compile(directory);
    String own = System.getProperty("java.class.path");
    String other = OtherBuild.in(directory.resolve("other-build"));
    // The largest file has no room, so that reads of it need the agent all the time.
    try (CsiNode csi = CsiNode.start(directory, "store.disk-max=8MiB")) {
      NodeGrpc.NodeBlockingStub node = csi.nodeCalls();
      List<Path> targets = new ArrayList<>();
      List<MountReaders> readers = new ArrayList<>();
      for (int i = 0; i < VOLUMES; i++) {
        Path target = csi.target("pod-" + i, "data");
        NodePublishVolumeRequest request =
            i % 2 == 0
                ? CsiNode.inline(CsiNode.inlineId("pod-" + i, "data"), target, "dataset=data")
                    .build()
                : CsiNode.persistent("data@1", target).build();
        var unused = node.nodePublishVolume(request);
        targets.add(target);
        readers.add(MountReaders.start(target, new TreeMap<>(csi.files), i % 2));
        if (i % 2 == 0) {
          readers.getLast().holdOpen("large/model.bin");
        }
      }
      List<TracedReader> traced = new ArrayList<>();
      List<TracedReader.Calls> calls = new ArrayList<>();
      double slowestStart = 0;
      try {
        for (int i = 0; i < VOLUMES; i++) {
          traced.add(
              TracedReader.start(program, directory, i, targets.get(i), csi.source, paths(csi)));
        }
        for (String build : List.of(own, other, own)) {
          long first = reads(readers);
          await(csi, "they read", () -> reads(readers) > first + 100);
          if (build.equals(own)) {
            csi.node.kill();
          } else {
            csi.node.signal("TERM");
            int unused = csi.node.awaitEnd();
          }
          long before = waited(readers);
          long start = System.nanoTime();
          csi.node.build(build);
          csi.node.startAgain();
          slowestStart = Math.max(slowestStart, (System.nanoTime() - start) / 1e9);
          await(csi, "what waited is answered", () -> waited(readers) > before);
        }
        for (TracedReader each : traced) {
          calls.add(each.stop());
        }
      } finally {
        for (MountReaders each : readers) {
          each.stop();
        }
        for (TracedReader each : traced) {
          each.close();
        }
      }
      double longest =
          readers.stream().mapToDouble(MountReaders::longestPauseSeconds).max().orElseThrow();
      System.out.printf(
          "%d volumes, agent killed twice and upgraded once: %d reads, longest %.2f s, longest start"
              + " of an agent %.2f s%n",
          VOLUMES, reads(readers), longest, slowestStart);
      for (MountReaders each : readers) {
        assertEquals("", each.failures(), csi::log);
        assertTrue(each.reads() > 0);
      }
      assertTrue(longest <= READ_SECONDS_MAX, "a read took " + longest + " s");
      assertNoErrno(calls);
      for (int i = 0; i < VOLUMES; i++) {
        String id = i % 2 == 0 ? CsiNode.inlineId("pod-" + i, "data") : "data@1";
        var unused = csi.nodeCalls().nodeUnpublishVolume(CsiNode.unpublish(id, targets.get(i)));
      }
      assertEquals(List.of(), csi.mounts());
    }
  }

  /** As an agent that is killed is seen: by nothing but time. */
  private static void assertNoErrno(List<TracedReader.Calls> calls) {
    double longest =
        calls.stream().mapToDouble(TracedReader.Calls::longestSeconds).max().orElseThrow();
    System.out.printf(
        "%d programs under strace: %d opens, %d reads, no error, longest call %.2f s%n",
        calls.size(),
        calls.stream().mapToLong(TracedReader.Calls::opens).sum(),
        calls.stream().mapToLong(TracedReader.Calls::reads).sum(),
        longest);
    assertEquals(VOLUMES, calls.size());
    for (TracedReader.Calls each : calls) {
      assertEquals(List.of(), each.errors());
      assertTrue(each.opens() > 10 && each.reads() > 50, each.toString());
    }
    assertTrue(longest <= READ_SECONDS_MAX, "a call took " + longest + " s");
  }

  /** The largest first, as that is held open. */
  private static List<String> paths(CsiNode csi) {
    List<String> paths = new ArrayList<>(csi.files.keySet());
    paths.remove("large/model.bin");
    paths.addFirst("large/model.bin");
    return paths;
  }

  private static long reads(List<MountReaders> readers) {
    return readers.stream().mapToLong(MountReaders::reads).sum();
  }

  private static long waited(List<MountReaders> readers) {
    return readers.stream().mapToLong(MountReaders::waited).sum();
  }

  private static void await(CsiNode csi, String what, BooleanSupplier condition) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() - end < 0, () -> what + "\n" + csi.log());
      LockSupport.parkNanos(5_000_000);
    }
  }
}
