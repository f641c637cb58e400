package dev.larder.agent.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import dev.larder.agent.FakeOrigin;
import dev.larder.agent.cluster.Cluster;
import dev.larder.agent.cluster.ClusterView;
import dev.larder.agent.cluster.Peer;
import dev.larder.agent.fill.FillConfig;
import dev.larder.agent.read.BlobRead;
import dev.larder.agent.read.BlobRead.FileSpan;
import dev.larder.agent.read.BlobRead.MemorySpan;
import dev.larder.agent.read.ReadPlane.BlobSource;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.testkit.Records;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * Nodes with real stores and real peer doors over loopback, one origin, and a coordinator's part.
 */
final class Fleet implements AutoCloseable {
  static final int MIB = 1 << 20;

  final FakeOrigin origin = new FakeOrigin();
  final Map<String, FleetNode> nodes = Collections.synchronizedMap(new LinkedHashMap<>());
  private final Path directory;
  private final Map<String, Peer> peers = new LinkedHashMap<>();
  private final Map<BlobKey, Digest> roots = new ConcurrentHashMap<>();
  private final Map<BlobKey, List<String>> holders = new ConcurrentHashMap<>();
  private final ExecutorService readers = Executors.newCachedThreadPool();
  private volatile ClusterView view = ClusterView.empty();
  private final Map<String, TlsMaterial> materials = new ConcurrentHashMap<>();
  private final Map<String, ClusterView> oldViews = new ConcurrentHashMap<>();
  private final List<java.util.function.Consumer<ClusterView>> listeners =
      new java.util.concurrent.CopyOnWriteArrayList<>();
  final Map<String, Integer> hints = new ConcurrentHashMap<>();
  private volatile Map<String, TlsMaterial> issued = new ConcurrentHashMap<>();
  private volatile DevCa ca;
  private volatile boolean isRecording = true;

  Fleet(Path directory) {
    this.directory = directory;
    this.ca = authority("tls");
  }

  DevCa authority(String name) {
    return DevCa.create(directory.resolve(name), Clock.systemUTC());
  }

  /** By whose certificates agents show who they are from now on. */
  void identify(DevCa next) {
    Map<String, TlsMaterial> all = new ConcurrentHashMap<>();
    nodes.keySet().forEach(id -> all.put(id, next.agent(id)));
    ca = next;
    issued = all;
  }

  /** What one node shows from now on. */
  void material(String id, TlsMaterial next) {
    materials.put(id, next);
  }

  TlsMaterial materialOf(String id) {
    return materials.getOrDefault(id, issued.computeIfAbsent(id, any -> ca.agent(any)));
  }

  /** A new certificate that speaks for these nodes. */
  TlsMaterial certify(String... nodes) {
    return ca.agent(nodes);
  }

  /** Where a node's door is. */
  MemberDoor door(String id) {
    return MemberDoor.parse(id, node(id).address());
  }

  /** One node hears of no later view than this. */
  void holdView(String id, ClusterView old) {
    oldViews.put(id, old);
  }

  /** Whether sealed blobs' roots and holders are known to all. */
  void recording(boolean on) {
    isRecording = on;
  }

  static PeerConfig peerConfig() {
    return peerConfig(Duration.ofSeconds(8), Duration.ofSeconds(30), false);
  }

  static PeerConfig peerConfig(Duration progress, Duration demoteFor, boolean isPlain) {
    return Records.with(
        PeerConfig.defaults(),
        "listen",
        "127.0.0.1:0",
        "isPlain",
        isPlain,
        "eventLoops",
        2,
        "connectTimeout",
        Duration.ofSeconds(5),
        "progressDeadline",
        progress,
        "demoteFor",
        demoteFor);
  }

  static PeerConfig idleAfter(Duration idle) {
    return Records.with(peerConfig(), "idleTimeout", idle);
  }

  static PeerConfig capped(long upload, long download) {
    return Records.with(peerConfig(), "uploadMax", upload, "downloadMax", download);
  }

  static FillConfig fillConfig(Duration lease) {
    return Records.with(
        FillConfig.defaults(),
        "inflightMaxBytes",
        64L * MIB,
        "parallelMax",
        8,
        "blobParallelMax",
        4,
        "runMaxBytes",
        8L * MIB,
        "readAheadMaxBytes",
        32L * MIB,
        "buffersMaxBytes",
        16L * MIB,
        "hashThreads",
        2,
        "lingerFor",
        Duration.ofMillis(500),
        "leaseDeadline",
        lease,
        "storeRetryAfter",
        Duration.ofMillis(200));
  }

  FleetNode add(String id) {
    return add(id, "", peerConfig(), fillConfig(Duration.ofSeconds(5)));
  }

  FleetNode add(String id, String zone, PeerConfig peer, FillConfig fill) {
    FleetNode node = new FleetNode(this, id, zone, directory.resolve(id), peer, fill);
    nodes.put(id, node);
    peers.put(id, new Peer(id, node.address(), zone, 1));
    return node;
  }

  /** A member that is not one of the nodes here. */
  void addForeign(String id, String address, long weight) {
    peers.put(id, new Peer(id, address, "", weight));
  }

  /** Others reach a node at another address from the next epoch on. */
  void moveDoor(String id, String address) {
    peers.computeIfPresent(id, (any, peer) -> new Peer(id, address, peer.zone(), peer.weight()));
  }

  /** Takes a node's share of tracking away, or gives it. */
  void weigh(String id, long weight) {
    peers.computeIfPresent(id, (any, peer) -> new Peer(id, peer.address(), peer.zone(), weight));
  }

  /** Makes those added so far the members of a new epoch. */
  void publish() {
    view = new ClusterView(view.epoch() + 1, List.copyOf(peers.values()));
  }

  ClusterView view() {
    return view;
  }

  FleetNode node(String id) {
    FleetNode node = nodes.get(id);
    if (node == null) {
      throw new IllegalArgumentException(id);
    }
    return node;
  }

  /** A node that was killed comes back where it was, with its disk and nothing else. */
  FleetNode restart(String id, PeerConfig peer, FillConfig fill) {
    Peer before = peers.get(id);
    if (before == null) {
      throw new IllegalArgumentException(id);
    }
    FleetNode node =
        new FleetNode(
            this, id, before.zone(), directory.resolve(id), at(before.address(), peer), fill);
    nodes.put(id, node);
    return node;
  }

  private static PeerConfig at(String listen, PeerConfig base) {
    return Records.with(base, "listen", listen);
  }

  /** Stops a node at once; it stays a member. */
  void kill(String id) {
    FleetNode node = nodes.remove(id);
    if (node != null) {
      node.peers.cut();
      node.close();
    }
  }

  Cluster cluster(String self) {
    return new Cluster() {
      @Override
      public String self() {
        return self;
      }

      @Override
      public ClusterView view() {
        return oldViews.getOrDefault(self, view);
      }

      @Override
      public void onView(java.util.function.Consumer<ClusterView> listener) {
        listeners.add(listener);
      }

      /** Whoever was kept from hearing of a view hears of it once it asks. */
      @Override
      public void newerHeard(long epoch) {
        hints.merge(self, 1, Integer::sum);
        if (oldViews.remove(self) != null) {
          listeners.forEach(listener -> listener.accept(view));
        }
      }

      @Override
      public List<String> holders(BlobKey key) {
        return List.copyOf(holders.getOrDefault(key, List.of()));
      }
    };
  }

  Optional<Digest> root(BlobKey key) {
    return Optional.ofNullable(roots.get(key));
  }

  void record(BlobKey key, Digest root) {
    roots.put(key, root);
  }

  /** A node sealed a blob; the first root stands. */
  void sealed(String member, SealedInfo info) {
    if (isRecording) {
      roots.putIfAbsent(info.key(), info.root());
      holders
          .computeIfAbsent(info.key(), any -> new java.util.concurrent.CopyOnWriteArrayList<>())
          .add(member);
    }
  }

  /** Reads the whole object on a thread of its own, every byte compared. */
  Future<Map<BlobRead.Source, Long>> reading(String id, OriginObject object, ReadIntent intent) {
    FleetNode node = node(id);
    return readers.submit(() -> read(node, object, intent));
  }

  <T> Future<T> run(Callable<T> task) {
    return readers.submit(task);
  }

  /** Bytes by source. */
  Map<BlobRead.Source, Long> read(FleetNode node, OriginObject object, ReadIntent intent) {
    return read(node, object, intent, 0, object.sizeBytes());
  }

  Map<BlobRead.Source, Long> read(
      FleetNode node, OriginObject object, ReadIntent intent, long from, long to) {
    byte[] expected = origin.content(object);
    Map<BlobRead.Source, Long> bySource = new EnumMap<>(BlobRead.Source.class);
    try (BlobRead read = node.plane.open(new BlobSource("data", object), intent)) {
      ByteBuffer buffer = ByteBuffer.allocate(MIB);
      for (long at = from; at < to; ) {
        BlobRead.Span span = read.next(at, Math.min(MIB, to - at));
        ByteBuffer bytes = bytes(span, buffer.clear());
        assertEquals(span.length(), bytes.remaining(), "short span");
        int wrong = bytes.mismatch(ByteBuffer.wrap(expected, (int) at, bytes.remaining()));
        if (wrong >= 0) {
          fail(node.id + ": wrong byte at " + (at + wrong) + " from " + span);
        }
        bySource.merge(span.source(), span.length(), Long::sum);
        at += span.length();
      }
    }
    return bySource;
  }

  static <T> T get(Future<T> future) throws Exception {
    return future.get(60, TimeUnit.SECONDS);
  }

  static void await(String what, BooleanSupplier holds) {
    long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
    while (!holds.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        fail("did not happen in time: " + what);
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
    }
  }

  private static ByteBuffer bytes(BlobRead.Span span, ByteBuffer buffer) {
    return switch (span) {
      case MemorySpan memory -> memory.bytes();
      case FileSpan file -> {
        buffer.limit((int) file.length());
        try {
          while (buffer.hasRemaining()
              && file.channel().read(buffer, file.position() + buffer.position()) > 0) {
            // Until it is full.
          }
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
        yield buffer.flip();
      }
    };
  }

  @Override
  public void close() {
    readers.shutdownNow();
    new ArrayList<>(nodes.keySet()).forEach(this::kill);
  }

  /** Digests of a content's blocks. */
  static List<Digest> blocks(byte[] content) {
    List<Digest> blocks = new ArrayList<>();
    for (int block = 0; block < Blocks.blockCount(content.length); block++) {
      int from = block * Blocks.BLOCK_BYTES;
      blocks.add(
          Digests.ofBytes(
              Arrays.copyOfRange(
                  content, from, Math.min(content.length, from + Blocks.BLOCK_BYTES))));
    }
    return blocks;
  }
}
