package dev.larder.coordinator;

import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.NodeNames;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.raft.RaftNode;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.net.BindException;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Three coordinators of one group in this process, each of which can be ended and started. */
public final class TestGroup implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final int PORT_MIN = 12_000;
  private static final int PORT_MAX = 32_000;

  private final Path data;
  private final DevCa ca;
  private final Limits limits;
  private final SortedMap<String, String> raft = new TreeMap<>();
  private final SortedMap<String, String> first = new TreeMap<>();
  private final Map<String, String> doors = new TreeMap<>();
  private final Map<String, String> advertised = new TreeMap<>();
  private final Map<String, Long> room = new ConcurrentHashMap<>();
  private final Map<String, CoordinatorServer> running = new TreeMap<>();

  private final @Nullable Links links;
  private final RaftNode.Reads freshness;

  private TestGroup(Path data, Limits limits, @Nullable Links links, RaftNode.Reads freshness) {
    this.data = data;
    this.links = links;
    this.freshness = freshness;
    this.limits = limits;
    this.ca = DevCa.create(data.resolve("tls"), Clock.systemUTC());
  }

  /** Starts all and waits until one leads. */
  public static TestGroup start(Path data, Limits limits) throws Exception {
    return start(data, limits, null, null, RaftNode.Reads.LINEAR);
  }

  /** Starts all with links between them that can be cut, and waits until one leads. */
  static TestGroup start(Path data, Limits limits, @Nullable Links links, RaftNode.Reads freshness)
      throws Exception {
    return start(data, limits, links, null, freshness);
  }

  /** And with addresses in front of their doors that can go black. */
  static TestGroup start(
      Path data,
      Limits limits,
      @Nullable Links links,
      @Nullable Fronts fronts,
      RaftNode.Reads freshness)
      throws Exception {
    TestGroup group = new TestGroup(data, limits, links, freshness);
    for (String id : List.of("c1", "c2", "c3")) {
      group.raft.put(id, "127.0.0.1:" + freePort());
      String door = "127.0.0.1:" + freePort();
      group.doors.put(id, door);
      if (fronts != null) {
        group.advertised.put(id, fronts.before(id, door));
      }
    }
    group.first.putAll(group.raft);
    if (links != null) {
      links.between(group.raft);
    }
    List<CompletableFuture<Void>> starts = new ArrayList<>();
    for (String id : group.raft.keySet()) {
      starts.add(CompletableFuture.runAsync(() -> group.start(id)));
    }
    for (CompletableFuture<Void> start : starts) {
      start.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }
    await("each knows the doors of all", () -> group.all().stream().allMatch(TestGroup::knowsAll));
    return group;
  }

  private static boolean knowsAll(CoordinatorServer server) {
    return server.node().readLocal(q -> q.coordinators().size() >= 3);
  }

  /** Starts one, again or for the first time. */
  public CoordinatorServer start(String id) {
    return first.containsKey(id) ? start(id, first, false) : start(id, new TreeMap<>(), true);
  }

  /** Starts one that waits to be taken in. */
  public CoordinatorServer startJoining(String id) throws IOException {
    raft.put(id, "127.0.0.1:" + freePort());
    doors.put(id, "127.0.0.1:" + freePort());
    return start(id);
  }

  private CoordinatorServer start(String id, SortedMap<String, String> peers, boolean join) {
    CoordinatorServer server =
        CoordinatorServer.start(
            new CoordinatorConfig(
                data.resolve(id),
                id,
                doors.get(id),
                raft.get(id),
                advertised.getOrDefault(id, ""),
                links == null ? peers : links.seenBy(id, peers),
                join,
                ca.material(Role.COORDINATOR).believingShared(true),
                limits),
            Clock.systemUTC(),
            System::nanoTime,
            () -> room.getOrDefault(id, Long.MAX_VALUE),
            freshness);
    synchronized (running) {
      running.put(id, server);
    }
    return server;
  }

  /** How much room is on the disk of one from now on. */
  public void room(String id, long bytes) {
    room.put(id, bytes);
  }

  /** Ends one. */
  public void stop(String id) {
    CoordinatorServer server;
    synchronized (running) {
      server = running.remove(id);
    }
    if (server != null) {
      server.close();
    }
  }

  public List<CoordinatorServer> all() {
    synchronized (running) {
      return List.copyOf(running.values());
    }
  }

  public CoordinatorServer one(String id) {
    synchronized (running) {
      return running.get(id);
    }
  }

  /** Id of the one that leads and is ready; waits for it. */
  public String leader() {
    String[] id = new String[1];
    await(
        "a leader",
        () -> {
          for (CoordinatorServer server : all()) {
            if (server.node().isLeader()) {
              id[0] = server.node().id();
              return true;
            }
          }
          return false;
        });
    return id[0];
  }

  /** Ids of those running that do not lead. */
  public List<String> followers() {
    String leader = leader();
    synchronized (running) {
      return running.keySet().stream().filter(id -> !id.equals(leader)).toList();
    }
  }

  /** Ids of all that ever were. */
  List<String> ids() {
    return List.copyOf(raft.keySet());
  }

  public String raftAddress(String id) {
    return String.valueOf(raft.get(id));
  }

  public String door(String id) {
    return String.valueOf(doors.get(id));
  }

  public DevCa ca() {
    return ca;
  }

  /** A client of all. */
  public GrpcCoordinatorClient client(Role role) {
    return client(role, List.copyOf(doors.values()));
  }

  /** A client that is told of these; as an agent it speaks for every node. */
  public GrpcCoordinatorClient client(Role role, List<String> addresses) {
    return GrpcCoordinatorClient.connect(
        CoordinatorClientConfig.of(addresses),
        role == Role.AGENT ? ca.agent(NodeNames.ANY) : ca.material(role));
  }

  public static void await(String what, BooleanSupplier condition) {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!holds(condition)) {
      if (System.nanoTime() > end) {
        throw new AssertionError("not within " + PATIENCE + ": " + what);
      }
      LockSupport.parkNanos(5_000_000);
    }
  }

  /** Whether it holds; a coordinator that cannot answer yet is asked again. */
  private static boolean holds(BooleanSupplier condition) {
    try {
      return condition.getAsBoolean();
    } catch (LarderException e) {
      if (e.code() != ErrorCode.COORDINATOR_UNAVAILABLE) {
        throw e;
      }
      return false;
    }
  }

  /** Below those that the kernel gives away: nobody who connects meanwhile takes it. */
  private static int freePort() throws IOException {
    while (true) {
      int port = ThreadLocalRandom.current().nextInt(PORT_MIN, PORT_MAX);
      try (ServerSocket socket = new ServerSocket(port)) {
        return socket.getLocalPort();
      } catch (BindException e) {
        continue;
      }
    }
  }

  @Override
  public void close() {
    List<CoordinatorServer> all = all();
    List<CompletableFuture<Void>> ends = new ArrayList<>();
    all.forEach(server -> ends.add(CompletableFuture.runAsync(server::close)));
    ends.forEach(CompletableFuture::join);
  }
}
