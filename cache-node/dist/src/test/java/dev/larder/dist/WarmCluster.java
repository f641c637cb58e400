package dev.larder.dist;

import dev.larder.agent.AgentConfig;
import dev.larder.agent.NodeServices;
import dev.larder.agent.config.ConfigTree;
import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.coordinator.CoordinatorConfig;
import dev.larder.coordinator.CoordinatorConfig.Fleet;
import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.CoordinatorServer;
import dev.larder.coordinator.SteadyClock;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.NodeNames;
import dev.larder.coordinator.api.ReloadedTls;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.api.WarmUpOverview;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import dev.larder.store.BlobStore;
import dev.larder.testkit.AccessLogEntry;
import dev.larder.testkit.Records;
import dev.larder.testkit.S3Server;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/**
 * A cluster in this process: coordinators over Raft and gRPC, nodes with peer doors, a real S3
 * server. The coordinators' wall clock can be set. One thread.
 */
final class WarmCluster implements AutoCloseable {
  static final SnapshotRef DATA = SnapshotRef.parse("data");
  static final DatasetName NAME = new DatasetName("data");

  /** As the development authority makes them. */
  private static final Duration CERTIFICATE_LASTS = Duration.ofDays(365);

  private static final Duration PATIENCE = Duration.ofSeconds(120);

  private final Path root;
  private final long snapshotEvery;
  private final DevCa authority;
  private final Random random = new Random(7);
  private final AtomicLong stepSeconds = new AtomicLong();
  private final AtomicLong laterSeconds = new AtomicLong();
  private final AtomicLong issuing = new AtomicLong();
  private final Map<String, AtomicLong> nodeSteps = new HashMap<>();
  private final Map<String, ReloadedTls> reloaded = new HashMap<>();
  private final SortedMap<String, String> raft = new TreeMap<>();
  private final SortedMap<String, String> doors = new TreeMap<>();
  private final Map<String, CoordinatorServer> coordinators = new TreeMap<>();
  private final Map<String, NodeServices> nodes = new TreeMap<>();
  private final Map<String, GrpcCoordinatorClient> clients = new HashMap<>();
  private final S3Server server;
  private final Path bucket;
  private long bytes;

  private WarmCluster(Path root, long snapshotEvery) throws Exception {
    this.root = root;
    this.snapshotEvery = snapshotEvery;
    this.authority = DevCa.create(root.resolve("tls"), stepped(issuing));
    this.server = S3Server.start(root.resolve("s3"));
    this.bucket = server.createBucket("bucket");
  }

  /** So many coordinators, no node yet. */
  static WarmCluster start(Path root, int count) throws Exception {
    return start(root, count, Limits.defaults().snapshotEvery());
  }

  /** The same with a snapshot after so many entries. */
  static WarmCluster start(Path root, int count, long snapshotEvery) throws Exception {
    WarmCluster cluster = new WarmCluster(root, snapshotEvery);
    for (int i = 1; i <= count; i++) {
      cluster.raft.put("c" + i, "127.0.0.1:" + freePort());
      cluster.doors.put("c" + i, "127.0.0.1:" + freePort());
    }
    List<CompletableFuture<Void>> starts = new ArrayList<>();
    for (String id : cluster.raft.keySet()) {
      starts.add(CompletableFuture.runAsync(() -> cluster.startCoordinator(id)));
    }
    starts.forEach(CompletableFuture::join);
    return cluster;
  }

  private void startCoordinator(String id) {
    Limits limits =
        Records.with(
            Limits.defaults(),
            "snapshotEvery",
            snapshotEvery,
            "freeSpaceMinBytes",
            1L << 20,
            "expiryInterval",
            Duration.ofMillis(200),
            "fleet",
            new Fleet(Duration.ofSeconds(20), Duration.ZERO, Duration.ofMillis(100)));
    CoordinatorServer started =
        CoordinatorServer.start(
            new CoordinatorConfig(
                root.resolve(id),
                id,
                doors.get(id),
                raft.get(id),
                "",
                raft,
                false,
                authority.material(Role.COORDINATOR).believingShared(true),
                limits),
            new SteadyClock(
                stepped(stepSeconds),
                () -> System.nanoTime() + TimeUnit.SECONDS.toNanos(laterSeconds.get())));
    synchronized (coordinators) {
      coordinators.put(id, started);
    }
  }

  /** Wall clock plus a step. */
  private static Clock stepped(AtomicLong seconds) {
    InstantSource source = () -> Instant.now().plusSeconds(seconds.get());
    return source.withZone(ZoneOffset.UTC);
  }

  /** Sets the coordinators' wall clock ahead of the time it is for them. */
  void ahead(Duration time) {
    stepSeconds.set(laterSeconds.get() + time.toSeconds());
  }

  /** Has time go by for what coordinators date and end; whoever is silent is so in real time. */
  void later(Duration time) {
    stepSeconds.addAndGet(time.toSeconds());
    laterSeconds.addAndGet(time.toSeconds());
  }

  /** Seconds by which a coordinator's wall clock is ahead of the time that it goes by. */
  double clockOff(String id) {
    return coordinators.get(id).clockOffSeconds();
  }

  /** What a node tells of a coordinator's causes, each as {@code cause: detail}. */
  List<String> causes(String node, String coordinator) {
    return nodes.get(node).coordinatorCauses().stream()
        .filter(each -> each.coordinator().equals(coordinator))
        .map(each -> each.cause() + ": " + each.detail())
        .toList();
  }

  /** What a scrape of a coordinator answers now. */
  String metrics(String coordinator) {
    InetSocketAddress any = new InetSocketAddress("127.0.0.1", 0);
    try (CoordinatorWatch watch = CoordinatorWatch.open(any, coordinators.get(coordinator));
        var body =
            URI.create("http://127.0.0.1:" + watch.address().getPort() + "/metrics")
                .toURL()
                .openStream()) {
      return new String(body.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Sets one node's clock ahead of this host's; it must have been started. */
  void ahead(String node, Duration time) {
    nodeSteps.get(node).set(time.toSeconds());
  }

  /** Ends the coordinator that leads; answers which it was. */
  String stopLeader() {
    String leader = client().status().leaderId();
    stopCoordinator(leader);
    return leader;
  }

  void stopCoordinator(String id) {
    coordinators.remove(id).close();
  }

  /** Ids of the coordinators that run. */
  List<String> running() {
    return List.copyOf(coordinators.keySet());
  }

  /** Where a coordinator keeps its log and state. */
  Path coordinatorDirectory(String id) {
    return root.resolve(id);
  }

  /** Starts one that was ended, in its directory. */
  void startCoordinatorAgain(String id) {
    startCoordinator(id);
  }

  /** A client with a certificate of a role; the caller closes it. */
  GrpcCoordinatorClient client(Role role) {
    return GrpcCoordinatorClient.connect(
        CoordinatorClientConfig.of(List.copyOf(doors.values())), authority.material(role));
  }

  /** A client with an agent's certificate for some nodes; the caller closes it. */
  GrpcCoordinatorClient agent(String... nodes) {
    return GrpcCoordinatorClient.connect(
        CoordinatorClientConfig.of(List.copyOf(doors.values())), authority.agent(nodes));
  }

  /** Starts a node or, after {@link #stop}, the same again. */
  NodeServices startNode(String id, String... keys) {
    return startNodeShowing(id, id, keys);
  }

  /** Starts a node whose certificate, in files that are read again, ends after this time. */
  NodeServices startNodeExpiring(String id, Duration after, String... keys) {
    issuing.set(after.minus(CERTIFICATE_LASTS).toSeconds());
    TlsMaterial unused = authority.agent(id);
    issuing.set(0);
    Path tls = root.resolve("tls");
    ReloadedTls files =
        ReloadedTls.open(
            tls.resolve("node-" + id + ".key"),
            tls.resolve("node-" + id + ".pem"),
            tls.resolve("ca.pem"),
            Duration.ofMillis(100));
    files.requireNode(id, false);
    reloaded.put(id, files);
    return startNode(id, keys);
  }

  /** Puts a new certificate in the place of a node's. */
  void renew(String id) {
    TlsMaterial unused = authority.agent(id);
  }

  private TlsMaterial shownBy(String id) {
    ReloadedTls files = reloaded.get(id);
    return files == null ? authority.agent(id) : files.material();
  }

  /** Starts a node that shows another one's certificate. */
  NodeServices startNodeShowing(String id, String shownId, String... keys) {
    NodeServices node = prepared(id, shownId, keys);
    node.start();
    nodes.put(id, node);
    return node;
  }

  /** A node that is not started, nor closed with the cluster; its client has not connected. */
  NodeServices prepared(String id, String... keys) {
    return prepared(id, id, keys);
  }

  private NodeServices prepared(String id, String shownId, String... keys) {
    Map<String, String> config = new HashMap<>();
    config.put("node.id", id);
    config.put("node.zone", "z-" + id.charAt(0));
    config.put("peer.listen", "127.0.0.1:0");
    config.put("store.disk-min-free", "0");
    config.put("node.report-interval", "100ms");
    config.put("dataset.sync-interval", "200ms");
    config.put("jobs.recheck-delay", "200ms");
    config.put("jobs.retry-min", "200ms");
    config.put("jobs.retry-max", "1s");
    for (String each : keys) {
      config.put(each.substring(0, each.indexOf('=')), each.substring(each.indexOf('=') + 1));
    }
    NodeServices node =
        new NodeServices(
            AgentConfig.of(root.resolve(id), new ConfigTree(config)),
            client(shownId),
            new AgentMetrics("test"),
            "test",
            stepped(nodeSteps.computeIfAbsent(id, unused -> new AtomicLong())));
    TlsMaterial shown = shownBy(shownId);
    node.peersBy(() -> shown);
    return node;
  }

  void stop(String id) {
    nodes.remove(id).close();
  }

  NodeServices node(String id) {
    return nodes.get(id);
  }

  /** A client that may speak for every node. */
  GrpcCoordinatorClient client() {
    return client(NodeNames.ANY);
  }

  private GrpcCoordinatorClient client(String user) {
    return clients.computeIfAbsent(
        user,
        one ->
            GrpcCoordinatorClient.connect(
                CoordinatorClientConfig.of(List.copyOf(doors.values())), shownBy(one)));
  }

  /** Writes random objects into the bucket. */
  void objects(String prefix, int count, int size) throws IOException {
    for (int i = 0; i < count; i++) {
      byte[] content = new byte[size];
      random.nextBytes(content);
      Path file = bucket.resolve(prefix + "/%04d.bin".formatted(i));
      Files.createDirectories(file.getParent());
      Files.write(file, content);
      bytes += size;
    }
  }

  /** All objects by their path in the dataset. */
  Map<String, byte[]> content() throws IOException {
    Map<String, byte[]> files = new TreeMap<>();
    try (Stream<Path> all = Files.walk(bucket)) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        files.put(bucket.relativize(file).toString(), Files.readAllBytes(file));
      }
    }
    return files;
  }

  /** Takes all objects away: who asks the origin for one gets none from now on. */
  void loseObjects() throws IOException {
    for (String path : content().keySet()) {
      Files.delete(bucket.resolve(path));
    }
  }

  /** The key of a file, as a node's catalog says. */
  BlobKey key(String node, String path) {
    return nodes.get(node).datasetsOfNode().stat(DATA, path).key().orElseThrow();
  }

  /** Whether a node has the dataset's catalog. */
  boolean knows(String node) {
    return nodes.get(node).datasetsOfNode().list().stream()
        .anyMatch(info -> info.name().equals(NAME) && !info.snapshots().isEmpty());
  }

  /** Bytes written so far. */
  long bytes() {
    return bytes;
  }

  /** Makes the bucket a dataset at a node. */
  void dataset(String node) throws IOException {
    Path keys = root.resolve("keys");
    Files.writeString(keys, S3Server.ACCESS_KEY + ":" + S3Server.SECRET_KEY);
    Map<String, String> options =
        Map.of(
            "endpoint",
            server.endpoint().toString(),
            "region",
            "us-east-1",
            "path-style",
            "true",
            "credentials",
            "file:" + keys);
    nodes
        .get(node)
        .datasetsOfNode()
        .create(NAME, "s3://bucket", new OriginOptions(options), progress -> {});
  }

  /** Bytes of objects that left the server. */
  long originBytes() throws Exception {
    return server.accessLog().stream()
        .filter(AccessLogEntry::isObjectRead)
        .mapToLong(AccessLogEntry::bodyBytes)
        .sum();
  }

  WarmUpOverview warmUp(String id) {
    return client().warmUps().stream()
        .filter(each -> each.job().id().equals(id))
        .findFirst()
        .orElseThrow();
  }

  /** Bytes of the dataset's files that are sealed in a node's store. */
  long local(String node, String glob) {
    long[] sum = new long[1];
    NodeServices at = nodes.get(node);
    at.datasetsOfNode()
        .walk(
            DATA,
            glob,
            entry -> {
              if (entry.key().flatMap(at.store()::find).filter(this::isSealed).isPresent()) {
                sum[0] += entry.sizeBytes();
              }
            });
    return sum[0];
  }

  /** How many of the files are pinned at a node. */
  long pinned(String node, String glob) {
    long[] sum = new long[1];
    NodeServices at = nodes.get(node);
    at.datasetsOfNode()
        .walk(
            DATA,
            glob,
            entry -> {
              if (entry
                  .key()
                  .flatMap(at.store()::find)
                  .filter(BlobStore.BlobInfo::pinned)
                  .isPresent()) {
                sum[0]++;
              }
            });
    return sum[0];
  }

  private boolean isSealed(BlobStore.BlobInfo info) {
    return info.state() == BlobStore.State.SEALED;
  }

  /** Drops a file from a node's store, as an eviction would. */
  void evict(String node, String path) {
    NodeServices at = nodes.get(node);
    Entry entry = at.datasetsOfNode().stat(DATA, path);
    at.store().delete(entry.key().orElseThrow());
  }

  /** Waits until so many nodes are members, and each of those here knows them. */
  void awaitMembers(int count) {
    await(
        count + " members",
        () ->
            client().members().members().size() == count
                && nodes.values().stream()
                    .allMatch(node -> node.gauges().get("cluster_members") == count));
  }

  static void await(String what, BooleanSupplier condition) {
    long end = System.nanoTime() + PATIENCE.toNanos();
    LarderException last = null;
    while (true) {
      try {
        if (condition.getAsBoolean()) {
          return;
        }
      } catch (LarderException e) {
        // An election may be going on.
        last = e;
      }
      if (System.nanoTime() > end) {
        throw new AssertionError("not within " + PATIENCE + ": " + what, last);
      }
      LockSupport.parkNanos(10_000_000);
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  @Override
  public void close() {
    nodes.values().forEach(NodeServices::close);
    clients.values().forEach(GrpcCoordinatorClient::close);
    coordinators.values().forEach(CoordinatorServer::close);
    reloaded.values().forEach(ReloadedTls::close);
    server.close();
  }
}
