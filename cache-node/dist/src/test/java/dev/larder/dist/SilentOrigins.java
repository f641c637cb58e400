package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.util.concurrent.ListenableFuture;
import csi.v1.Csi.NodePublishVolumeRequest;
import csi.v1.Csi.NodePublishVolumeResponse;
import csi.v1.NodeGrpc;
import dev.larder.testkit.Fault;
import dev.larder.testkit.FaultyHttpServer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/** A CSI node and an origin of which some files are never answered; the caller closes it. */
final class SilentOrigins implements AutoCloseable {
  final FaultyHttpServer origin;
  final CsiNode csi;

  private SilentOrigins(FaultyHttpServer origin, CsiNode csi) {
    this.origin = origin;
    this.csi = csi;
  }

  static SilentOrigins start(Path directory, String... settings) throws Exception {
    FaultyHttpServer origin = FaultyHttpServer.start();
    Stream<String> own =
        Stream.of(
            "csi.inline-origins=" + origin.endpoint().resolve("/"), "origin.progress-deadline=10m");
    return new SilentOrigins(
        origin,
        CsiNode.start(directory, Stream.concat(own, Stream.of(settings)).toArray(String[]::new)));
  }

  /** Begins to publish a file of its own whose origin is silent; returns at once. */
  ListenableFuture<NodePublishVolumeResponse> publish(int number, String uid) throws Exception {
    String path = "/" + number + ".bin";
    origin.put(path, new byte[1000], "v1");
    Fault[] silent = new Fault[8];
    Arrays.fill(silent, new Fault.Silence());
    origin.spoil(path, silent);
    return NodeGrpc.newFutureStub(csi.channel(csi.socket))
        .nodePublishVolume(request("v" + number, number, path, uid));
  }

  /** Of an inline volume of a file of the origin. */
  NodePublishVolumeRequest request(String volume, int number, String path, String uid)
      throws Exception {
    return CsiNode.inline(volume, target(number), "origin=" + origin.endpoint().resolve(path))
        .putVolumeContext("csi.storage.k8s.io/pod.namespace", "default")
        .putVolumeContext("csi.storage.k8s.io/pod.name", "p" + number)
        .putVolumeContext("csi.storage.k8s.io/pod.uid", uid)
        .build();
  }

  Path target(int number) throws Exception {
    return csi.target("pod-" + number, "v");
  }

  void await(String what, Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.call()) {
      assertTrue(System.nanoTime() < deadline, () -> what + "\n" + csi.log());
      LockSupport.parkNanos(10_000_000);
    }
  }

  @Override
  public void close() throws Exception {
    csi.close();
    origin.close();
  }
}
