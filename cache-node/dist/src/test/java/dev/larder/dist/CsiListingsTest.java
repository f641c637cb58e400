package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.util.concurrent.ListenableFuture;
import csi.v1.Csi.NodePublishVolumeRequest;
import csi.v1.Csi.NodePublishVolumeResponse;
import csi.v1.NodeGrpc;
import dev.larder.testkit.Needs;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Listings of a pod's origins, of which a node has two at once, beside those of other pods. */
class CsiListingsTest {
  @TempDir Path directory;
  private SilentOrigins origins;

  @BeforeEach
  void start() throws Exception {
    Needs.root();
    origins = SilentOrigins.start(directory);
  }

  @AfterEach
  void stop() throws Exception {
    if (origins != null) {
      origins.close();
    }
  }

  @Test
  void aPodWhoseOriginsAreSilentLeavesListingsToOthers() throws Exception {
    NodeGrpc.NodeBlockingStub node = origins.csi.nodeCalls();
    ListenableFuture<NodePublishVolumeResponse> first = origins.publish(0, "uid-greedy");
    origins.await("the first origin is asked", () -> isAsked(0));
    ListenableFuture<NodePublishVolumeResponse> second = origins.publish(1, "uid-greedy");

    origins.origin.put("/good.bin", new byte[1000], "v1");
    NodePublishVolumeRequest good = origins.request("good", 2, "/good.bin", "uid-good");
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(1);
    while (System.nanoTime() < until) {
      assertFalse(isAsked(1), "one pod has two of the two listings");
      LockSupport.parkNanos(10_000_000);
    }
    long start = System.nanoTime();
    var unused = node.withDeadlineAfter(20, TimeUnit.SECONDS).nodePublishVolume(good);
    System.out.printf(
        "publish beside a pod of silent origins: %.0f ms%n", (System.nanoTime() - start) / 1e6);
    assertFalse(first.isDone() || second.isDone(), origins.csi::log);

    assertTrue(first.cancel(true) && second.cancel(true));
    for (int i = 0; i < 2; i++) {
      var unusedToo = node.nodeUnpublishVolume(CsiNode.unpublish("v" + i, origins.target(i)));
    }
    var unusedThree = node.nodeUnpublishVolume(CsiNode.unpublish("good", origins.target(2)));
    assertEquals(List.of(), origins.csi.mounts());
  }

  private boolean isAsked(int number) {
    return origins.origin.requests().stream()
        .anyMatch(each -> each.toString().contains("/" + number + ".bin"));
  }
}
