package dev.larder.dist.quickstart;

import csi.v1.Csi.NodeGetInfoRequest;
import csi.v1.Csi.NodePublishVolumeRequest;
import csi.v1.Csi.NodeUnpublishVolumeRequest;
import csi.v1.Csi.VolumeCapability;
import csi.v1.NodeGrpc;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import pluginregistration.Pluginregistration.InfoRequest;
import pluginregistration.Pluginregistration.PluginInfo;
import pluginregistration.Pluginregistration.RegistrationStatus;
import pluginregistration.RegistrationGrpc;

/**
 * What kubelet does with a CSI driver: it finds it by its registration's socket, and publishes and
 * unpublishes the volumes that pods name inline. One thread.
 */
public final class FakeKubelet implements AutoCloseable {
  private static final Duration REGISTRATION_LIMIT = Duration.ofSeconds(60);
  private static final Duration CALL_LIMIT = Duration.ofMinutes(2);
  private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  /** Answers after which kubelet asks again. */
  private static final Set<Status.Code> LATER =
      Set.of(
          Status.Code.UNAVAILABLE,
          Status.Code.ABORTED,
          Status.Code.DEADLINE_EXCEEDED,
          Status.Code.CANCELLED);

  private final Path pods;
  private final Path registration;
  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());

  /**
   * Does nothing yet.
   *
   * @param pods the folder of its pods' volumes
   * @param registration the socket of the driver's registration
   */
  public FakeKubelet(Path pods, Path registration) {
    this.pods = pods;
    this.registration = registration;
  }

  /** A volume that is published. */
  public record Published(String id, Path target) {}

  /**
   * Waits for the driver, asks it who it is, and tells it that it is registered.
   *
   * @return the socket of its services
   */
  public Path register() {
    long end = System.nanoTime() + REGISTRATION_LIMIT.toNanos();
    while (!Files.exists(registration)) {
      if (System.nanoTime() - end > 0) {
        throw failed("the driver did not register at " + registration);
      }
      LockSupport.parkNanos(RETRY_NANOS);
    }
    ManagedChannel channel = channel(registration);
    try {
      RegistrationGrpc.RegistrationBlockingStub driver =
          RegistrationGrpc.newBlockingStub(channel)
              .withDeadlineAfter(REGISTRATION_LIMIT)
              .withWaitForReady();
      PluginInfo info = driver.getInfo(InfoRequest.getDefaultInstance());
      if (!info.getType().equals("CSIPlugin")) {
        throw failed("a plug-in of the type " + info.getType() + " registers");
      }
      var unused =
          driver.notifyRegistrationStatus(
              RegistrationStatus.newBuilder().setPluginRegistered(true).build());
      return Path.of(info.getEndpoint());
    } finally {
      channel.shutdownNow();
    }
  }

  /** Publishes a volume with a dataset for a pod, again and again until it is there. */
  public Published publish(String pod, String volume, String dataset) throws IOException {
    Path parent = pods.resolve(pod).resolve("volumes/kubernetes.io~csi").resolve(volume);
    Path target = Files.createDirectories(parent).toRealPath().resolve("mount");
    String id =
        "csi-" + Digests.ofBytes((pod + "/" + volume).getBytes(StandardCharsets.UTF_8)).hex();
    NodePublishVolumeRequest request =
        NodePublishVolumeRequest.newBuilder()
            .setVolumeId(id)
            .setTargetPath(target.toString())
            .setReadonly(true)
            .setVolumeCapability(
                VolumeCapability.newBuilder()
                    .setMount(VolumeCapability.MountVolume.getDefaultInstance())
                    .setAccessMode(
                        VolumeCapability.AccessMode.newBuilder()
                            .setMode(VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER)))
            .putAllVolumeContext(
                Map.of(
                    "csi.storage.k8s.io/ephemeral",
                    "true",
                    "csi.storage.k8s.io/pod.name",
                    pod,
                    "csi.storage.k8s.io/pod.namespace",
                    "default",
                    "csi.storage.k8s.io/pod.uid",
                    pod,
                    "csi.storage.k8s.io/serviceAccount.name",
                    "default",
                    "dataset",
                    dataset))
            .build();
    call(node -> node.nodePublishVolume(request));
    return new Published(id, target);
  }

  /** Unpublishes a volume, again and again until it is gone. */
  public void unpublish(Published volume) {
    NodeUnpublishVolumeRequest request =
        NodeUnpublishVolumeRequest.newBuilder()
            .setVolumeId(volume.id())
            .setTargetPath(volume.target().toString())
            .build();
    call(node -> node.nodeUnpublishVolume(request));
  }

  private interface Call {
    Object on(NodeGrpc.NodeBlockingStub node);
  }

  private void call(Call call) {
    long end = System.nanoTime() + CALL_LIMIT.toNanos();
    while (true) {
      ManagedChannel channel = channel(register());
      try {
        NodeGrpc.NodeBlockingStub node =
            NodeGrpc.newBlockingStub(channel).withDeadlineAfter(CALL_LIMIT);
        Object unused = node.nodeGetInfo(NodeGetInfoRequest.getDefaultInstance());
        unused = call.on(node);
        return;
      } catch (StatusRuntimeException e) {
        if (!LATER.contains(e.getStatus().getCode()) || System.nanoTime() - end > 0) {
          throw new LarderException(
              ErrorCode.INTERNAL, "the CSI driver answers " + e.getStatus(), e);
        }
        LockSupport.parkNanos(RETRY_NANOS);
      } finally {
        channel.shutdownNow();
      }
    }
  }

  private ManagedChannel channel(Path socket) {
    return NettyChannelBuilder.forAddress(new DomainSocketAddress(socket.toFile()))
        .channelType(EpollDomainSocketChannel.class)
        .eventLoopGroup(loops)
        .overrideAuthority("localhost")
        // One of TCP's alone.
        .withOption(ChannelOption.SO_KEEPALIVE, null)
        .usePlaintext()
        .build();
  }

  private static LarderException failed(String message) {
    return new LarderException(ErrorCode.INTERNAL, message);
  }

  @Override
  public void close() {
    var unused = loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }
}
