package dev.larder.dist;

import csi.v1.ControllerGrpc;
import csi.v1.Csi.NodePublishVolumeRequest;
import csi.v1.Csi.NodeUnpublishVolumeRequest;
import csi.v1.Csi.VolumeCapability;
import csi.v1.IdentityGrpc;
import csi.v1.NodeGrpc;
import dev.larder.client.LarderClient;
import dev.larder.protocol.Digests;
import io.grpc.ManagedChannel;
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
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * A node whose CSI driver is on, in a process of its own, with a dataset "data" of files in a
 * folder; and whoever calls it. {@link #close} takes everything away. One thread, but for the
 * stubs.
 */
final class CsiNode implements AutoCloseable {
  static final String EPHEMERAL = "csi.storage.k8s.io/ephemeral";

  final Map<String, byte[]> files = new TreeMap<>();
  final Path directory;
  final Path source;
  final Path pods;
  final Path socket;
  final NodeProcess node;
  private final Caller caller = new Caller();

  private CsiNode(Path directory, String... settings) throws Exception {
    // As mountinfo says it.
    this.directory = directory.toRealPath();
    source = Files.createDirectory(directory.resolve("source"));
    pods = Files.createDirectory(directory.resolve("pods"));
    // A socket's name has room for 108 bytes.
    socket = caller.directory().resolve("csi.sock");
    Random random = new Random(17);
    add(random, "large/model.bin", (9 << 20) + 4321);
    add(random, "large/other.bin", 3 << 20);
    for (int i = 0; i < 20; i++) {
      add(random, "many/%03d".formatted(i), 500 + i);
    }
    List<String> all =
        new ArrayList<>(
            List.of(
                "csi.socket=" + socket,
                "csi.node-id=node-1",
                "mount.remount-interval=200ms",
                "store.disk-min-free=64MiB"));
    all.addAll(List.of(settings));
    node = NodeProcess.start(directory.resolve("node"), all.toArray(String[]::new));
  }

  /** A node with the dataset. */
  static CsiNode start(Path directory, String... settings) throws Exception {
    CsiNode csi = new CsiNode(directory, settings);
    try (LarderClient client = csi.node.connect()) {
      client.control().create("data", csi.source.toUri().toString(), Map.of(), (o, b) -> {});
    }
    return csi;
  }

  void add(Random random, String path, int size) throws IOException {
    byte[] content = new byte[size];
    random.nextBytes(content);
    files.put(path, content);
    Path file = source.resolve(path);
    Files.createDirectories(file.getParent());
    Files.write(file, content);
  }

  /** A folder beside the socket, with short names too. */
  Path shortDirectory() {
    return caller.directory();
  }

  ManagedChannel channel(Path unixSocket) {
    return caller.channel(unixSocket);
  }

  /** Whoever calls a driver: channels, and a folder with a name short enough for sockets. */
  static final class Caller implements AutoCloseable {
    private final Path directory;
    private final EventLoopGroup loops =
        new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
    private final List<ManagedChannel> channels = new ArrayList<>();

    Caller() throws IOException {
      directory = Files.createTempDirectory(Path.of("/tmp"), "larder-csi");
    }

    Path directory() {
      return directory;
    }

    ManagedChannel channel(Path unixSocket) {
      ManagedChannel channel =
          NettyChannelBuilder.forAddress(new DomainSocketAddress(unixSocket.toFile()))
              .channelType(EpollDomainSocketChannel.class)
              .eventLoopGroup(loops)
              .overrideAuthority("localhost")
              .withOption(ChannelOption.SO_KEEPALIVE, null)
              .usePlaintext()
              .build();
      channels.add(channel);
      return channel;
    }

    /** Closes all channels. */
    void hangUp() {
      channels.forEach(ManagedChannel::shutdownNow);
      channels.clear();
    }

    @Override
    public void close() throws Exception {
      hangUp();
      loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).sync();
      try (var rest = Files.walk(directory)) {
        for (Path path : rest.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }

  NodeGrpc.NodeBlockingStub nodeCalls() {
    return NodeGrpc.newBlockingStub(channel(socket));
  }

  IdentityGrpc.IdentityBlockingStub identityCalls() {
    return IdentityGrpc.newBlockingStub(channel(socket));
  }

  ControllerGrpc.ControllerBlockingStub controllerCalls() {
    return ControllerGrpc.newBlockingStub(channel(socket));
  }

  /** Where kubelet shows a pod's volume; all but the last directory is made. */
  Path target(String pod, String volume) throws IOException {
    Path parent = pods.resolve(pod).resolve("volumes/kubernetes.io~csi").resolve(volume);
    return Files.createDirectories(parent).toRealPath().resolve("mount");
  }

  static String inlineId(String pod, String volume) {
    byte[] text = (pod + "/" + volume).getBytes(StandardCharsets.UTF_8);
    return "csi-" + Digests.ofBytes(text).hex();
  }

  /** A publish request as kubelet sends it for a volume in a pod's own definition. */
  static NodePublishVolumeRequest.Builder inline(String id, Path target, String... attributes) {
    NodePublishVolumeRequest.Builder request =
        request(id, target).putVolumeContext(EPHEMERAL, "true");
    put(request, attributes);
    return request;
  }

  /** A publish request as kubelet sends it for a PersistentVolume. */
  static NodePublishVolumeRequest.Builder persistent(String id, Path target, String... attributes) {
    NodePublishVolumeRequest.Builder request =
        request(id, target).putVolumeContext(EPHEMERAL, "false");
    put(request, attributes);
    return request;
  }

  private static void put(NodePublishVolumeRequest.Builder request, String... attributes) {
    for (String attribute : attributes) {
      int at = attribute.indexOf('=');
      request.putVolumeContext(attribute.substring(0, at), attribute.substring(at + 1));
    }
  }

  private static NodePublishVolumeRequest.Builder request(String id, Path target) {
    return NodePublishVolumeRequest.newBuilder()
        .setVolumeId(id)
        .setTargetPath(target.toString())
        .setVolumeCapability(capability())
        .putVolumeContext("csi.storage.k8s.io/pod.name", "pod-1")
        .putVolumeContext("csi.storage.k8s.io/pod.namespace", "default")
        .putVolumeContext("csi.storage.k8s.io/pod.uid", "uid-1")
        .putVolumeContext("csi.storage.k8s.io/serviceAccount.name", "default");
  }

  static VolumeCapability capability() {
    return VolumeCapability.newBuilder()
        .setMount(VolumeCapability.MountVolume.getDefaultInstance())
        .setAccessMode(
            VolumeCapability.AccessMode.newBuilder()
                .setMode(VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER))
        .build();
  }

  static NodeUnpublishVolumeRequest unpublish(String id, Path target) {
    return NodeUnpublishVolumeRequest.newBuilder()
        .setVolumeId(id)
        .setTargetPath(target.toString())
        .build();
  }

  /** What the node said, for messages. */
  String log() {
    try {
      return node.log();
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** Mount points below the pods' folder. */
  List<String> mounts() throws IOException {
    return MountedNode.mounts(directory.resolve("pods"));
  }

  @Override
  public void close() throws Exception {
    node.close();
    caller.close();
  }
}
