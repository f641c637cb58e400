package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.util.concurrent.ListenableFuture;
import csi.v1.Csi.NodeGetVolumeStatsRequest;
import csi.v1.Csi.NodePublishVolumeResponse;
import csi.v1.Csi.ProbeRequest;
import csi.v1.NodeGrpc;
import dev.larder.testkit.Needs;
import io.grpc.Status;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Publishes that wait for an origin, and the node's other calls beside them. */
class CsiCallsTest {
  private static final int CALLS = 4;

  @TempDir Path directory;
  private SilentOrigins origins;
  private CsiNode csi;
  private NodeGrpc.NodeBlockingStub node;

  @BeforeEach
  void start() throws Exception {
    Needs.root();
    origins = SilentOrigins.start(directory, "csi.calls-max=" + CALLS, "dataset.listings-max=16");
    csi = origins.csi;
    node = csi.nodeCalls();
  }

  @AfterEach
  void stop() throws Exception {
    if (origins != null) {
      origins.close();
    }
  }

  @Test
  void publishesThatWaitHoldUpNothingElseAndEndWhenTheCallerHangsUp() throws Exception {
    Path there = csi.target("pod-t", "data");
    var unused = node.nodePublishVolume(CsiNode.inline("t", there, "dataset=data").build());

    List<ListenableFuture<NodePublishVolumeResponse>> waiting = new ArrayList<>();
    waiting.add(publishSilent(0, "uid-greedy"));
    // With four calls at once one pod has one of them.
    Status greedy = statusOf(publishSilent(1, "uid-greedy"));
    assertEquals(Code.RESOURCE_EXHAUSTED, greedy.getCode());
    assertTrue(String.valueOf(greedy.getDescription()).contains("this pod"), greedy::toString);
    for (int i = 2; i <= CALLS; i++) {
      waiting.add(publishSilent(i, "uid-" + i));
    }
    ListenableFuture<NodePublishVolumeResponse> more = publishSilent(CALLS + 1, "uid-more");
    Status full = statusOf(more);
    assertEquals(Code.RESOURCE_EXHAUSTED, full.getCode());
    assertTrue(String.valueOf(full.getDescription()).contains("PUBLISH"), full::toString);
    waiting.forEach(each -> assertFalse(each.isDone(), csi::log));

    long start = System.nanoTime();
    assertTrue(
        csi.identityCalls()
            .withDeadlineAfter(5, TimeUnit.SECONDS)
            .probe(ProbeRequest.getDefaultInstance())
            .getReady()
            .getValue());
    NodeGrpc.NodeBlockingStub soon = node.withDeadlineAfter(15, TimeUnit.SECONDS);
    var unusedToo =
        soon.nodeGetVolumeStats(
            NodeGetVolumeStatsRequest.newBuilder()
                .setVolumeId("t")
                .setVolumePath(there.toString())
                .build());
    var unusedThree = soon.nodeUnpublishVolume(CsiNode.unpublish("t", there));
    System.out.printf(
        "probe, stats and unpublish beside publishes that wait: %.0f ms%n",
        (System.nanoTime() - start) / 1e6);

    waiting.forEach(each -> assertTrue(each.cancel(true)));
    Path next = csi.target("pod-n", "data");
    origins.await(
        "a publish gets a turn once the callers hung up",
        () -> {
          try {
            var unusedFour =
                node.nodePublishVolume(CsiNode.inline("n", next, "dataset=data").build());
            return true;
          } catch (StatusRuntimeException e) {
            assertEquals(Code.RESOURCE_EXHAUSTED, e.getStatus().getCode(), e.toString());
            return false;
          }
        });
    var unusedFive = node.nodeUnpublishVolume(CsiNode.unpublish("n", next));
    for (int i = 0; i <= CALLS; i++) {
      var unusedSix = node.nodeUnpublishVolume(CsiNode.unpublish("v" + i, origins.target(i)));
    }
    assertEquals(List.of(), csi.mounts());
  }

  /** Begins to publish a file whose origin is silent; waits until that is asked. */
  private ListenableFuture<NodePublishVolumeResponse> publishSilent(int number, String uid)
      throws Exception {
    int before = origins.origin.requests().size();
    ListenableFuture<NodePublishVolumeResponse> call = origins.publish(number, uid);
    origins.await(
        "it asks or is refused", () -> call.isDone() || origins.origin.requests().size() > before);
    return call;
  }

  private static Status statusOf(ListenableFuture<NodePublishVolumeResponse> call) {
    ExecutionException e =
        assertThrows(ExecutionException.class, () -> call.get(10, TimeUnit.SECONDS));
    return Status.fromThrowable(e.getCause());
  }
}
