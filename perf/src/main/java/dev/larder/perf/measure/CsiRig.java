package dev.larder.perf.measure;

import csi.v1.Csi.NodePublishVolumeRequest;
import csi.v1.Csi.NodeUnpublishVolumeRequest;
import csi.v1.Csi.VolumeCapability;
import csi.v1.NodeGrpc;
import dev.larder.perf.Bench;
import dev.larder.perf.origin.OriginProcess;
import dev.larder.perf.process.ChildProcess;
import dev.larder.perf.process.MemoryCage;
import dev.larder.testkit.Reaper;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A node with its CSI driver: a keeper and an agent, each with a bound on its memory, and who calls
 * as kubelet does. Any thread may call, one starts and closes.
 */
final class CsiRig implements AutoCloseable {
  /** The agent's bound at full load, as {@code agent-rss} has it. */
  static final long AGENT_BYTES_MAX = 512L << 20;

  /** The keeper's container's limit in csi-driver/deploy. */
  static final long KEEPER_BYTES_MAX = 256L << 20;

  private static final long START_NANOS_MAX = TimeUnit.SECONDS.toNanos(60);

  private final Reaper reaper;
  private final MemoryCage keeperCage;
  private final MemoryCage agentCage;
  private final ChildProcess keeper;
  private final LarderProcess agent;
  private final OriginProcess origin;
  private final Reaper podReaper;
  private final Path memory;
  private final Path pods;
  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  private final ManagedChannel channel;
  private final NodeGrpc.NodeBlockingStub node;

  private CsiRig(
      Reaper reaper,
      MemoryCage keeperCage,
      MemoryCage agentCage,
      ChildProcess keeper,
      LarderProcess agent,
      OriginProcess origin,
      Reaper podReaper,
      Path memory,
      Path pods) {
    this.reaper = reaper;
    this.keeperCage = keeperCage;
    this.agentCage = agentCage;
    this.keeper = keeper;
    this.agent = agent;
    this.origin = origin;
    this.podReaper = podReaper;
    this.memory = memory;
    this.pods = pods;
    this.channel =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(memory.resolve("csi.sock").toFile()))
            .channelType(EpollDomainSocketChannel.class)
            .eventLoopGroup(loops)
            .overrideAuthority("localhost")
            .withOption(ChannelOption.SO_KEEPALIVE, null)
            .usePlaintext()
            .build();
    this.node = NodeGrpc.newBlockingStub(channel);
  }

  /** Starts all of it, with the dataset "data" of these files. */
  static CsiRig start(Bench bench, Path files) throws Exception {
    // In memory, as /run is on a node; a socket's name has room for 108 bytes.
    Path memory = Files.createTempDirectory(Path.of("/dev/shm"), "larder-perf");
    Reaper reaper = new Reaper(memory);
    Reaper podReaper = new Reaper(bench.fresh("pods"));
    Path run = Files.createDirectory(memory.resolve("run"));
    Files.setPosixFilePermissions(run, PosixFilePermissions.fromString("rwx------"));
    Path data = bench.fresh("data");
    MemoryCage keeperCage = cage(bench, "keeper", KEEPER_BYTES_MAX);
    MemoryCage agentCage = cage(bench, "agent", AGENT_BYTES_MAX);
    OriginProcess origin = OriginProcess.start(bench, files, 0);
    List<String> command = new ArrayList<>(keeperCage.prefix());
    command.addAll(
        List.of(ClusterRig.program(bench).toString(), "keeper", "keeper.run-directory=" + run));
    ChildProcess keeper = bench.children().start("keeper", command, Map.of());
    long deadline = System.nanoTime() + START_NANOS_MAX;
    while (!Files.exists(run.resolve("keeper.sock"))) {
      if (!keeper.isAlive() || System.nanoTime() > deadline) {
        throw new IOException("the keeper did not start; see " + keeper.log());
      }
      LockSupport.parkNanos(20_000_000);
    }
    reaper.watch(keeper.pid());
    LarderProcess agent =
        LarderProcess.start(
            bench,
            data,
            run,
            agentCage.prefix(),
            List.of("csi.socket=" + memory.resolve("csi.sock"), "csi.node-id=node-1"));
    try (var client = agent.client()) {
      client
          .control()
          .create(
              "data",
              "s3://data/",
              Map.of(
                  "endpoint", origin.url(),
                  "region", "us-east-1",
                  "path-style", "true",
                  "credentials", "anonymous"),
              (objects, bytes) -> {});
    }
    return new CsiRig(
        reaper,
        keeperCage,
        agentCage,
        keeper,
        agent,
        origin,
        podReaper,
        memory,
        bench.work().resolve("pods").toRealPath());
  }

  private static MemoryCage cage(Bench bench, String name, long bytesMax) throws IOException {
    return MemoryCage.make(bench, name, bytesMax)
        .orElseThrow(() -> new IOException("memory cannot be bounded here"));
  }

  /** Where kubelet shows a pod's volume; all but the last directory is made. */
  Path target(int pod) throws IOException {
    return Files.createDirectories(
            pods.resolve("pod-" + pod).resolve("volumes/kubernetes.io~csi/data"))
        .resolve("mount");
  }

  /** Publishes the dataset for a pod that names it inline; how long the call took, in ns. */
  long publish(int pod, Path target) {
    NodePublishVolumeRequest request =
        NodePublishVolumeRequest.newBuilder()
            .setVolumeId("csi-pod-" + pod)
            .setTargetPath(target.toString())
            .setVolumeCapability(
                VolumeCapability.newBuilder()
                    .setMount(VolumeCapability.MountVolume.getDefaultInstance())
                    .setAccessMode(
                        VolumeCapability.AccessMode.newBuilder()
                            .setMode(VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER)))
            .putVolumeContext("csi.storage.k8s.io/ephemeral", "true")
            .putVolumeContext("csi.storage.k8s.io/pod.name", "pod-" + pod)
            .putVolumeContext("csi.storage.k8s.io/pod.namespace", "default")
            .putVolumeContext("csi.storage.k8s.io/pod.uid", "uid-" + pod)
            .putVolumeContext("csi.storage.k8s.io/serviceAccount.name", "default")
            .putVolumeContext("dataset", "data")
            .build();
    long start = System.nanoTime();
    var unused = node.nodePublishVolume(request);
    return System.nanoTime() - start;
  }

  /** Volumes that were published since the start, as the driver counts them. */
  double published() throws IOException, InterruptedException {
    return agent.metric("larder_csi_publish_duration_seconds_count");
  }

  /** The same for those that took the driver at most 5 ms. */
  double publishedSoon() throws IOException, InterruptedException {
    return agent.metric("larder_csi_publish_duration_seconds_bucket{le=\"0.005\"}");
  }

  /** Takes a pod's volume away. */
  void unpublish(int pod, Path target) {
    var unused =
        node.nodeUnpublishVolume(
            NodeUnpublishVolumeRequest.newBuilder()
                .setVolumeId("csi-pod-" + pod)
                .setTargetPath(target.toString())
                .build());
  }

  MemoryCage keeperCage() {
    return keeperCage;
  }

  MemoryCage agentCage() {
    return agentCage;
  }

  ChildProcess keeper() {
    return keeper;
  }

  ChildProcess agent() {
    return agent.process();
  }

  @Override
  public void close() throws Exception {
    channel.shutdownNow();
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).sync();
    agent.close();
    keeper.close();
    origin.close();
    reaper.close();
    podReaper.close();
    agentCage.close();
    keeperCage.close();
    Bench.delete(memory);
  }
}
