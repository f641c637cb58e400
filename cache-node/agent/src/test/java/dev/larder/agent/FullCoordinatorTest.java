package dev.larder.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.config.ConfigTree;
import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.agent.read.BlobRead;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.agent.read.ReadRig;
import dev.larder.coordinator.CoordinatorConfig;
import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.CoordinatorServer;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberList;
import dev.larder.coordinator.api.MemberState;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import dev.larder.testkit.Records;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Nodes that read and seal while their coordinator's disk takes nothing. */
@Timeout(120)
class FullCoordinatorTest {
  private static final DatasetName NAME = new DatasetName("data");
  private static final SnapshotRef DATA = SnapshotRef.parse("data");
  private static final int LARGE_BYTES = (64 << 20) + 17;
  private static final String LARGE = "f" + LARGE_BYTES;
  private static final Duration DEADLINE = Duration.ofSeconds(3);

  @TempDir Path root;

  private final AtomicLong usable = new AtomicLong(Long.MAX_VALUE);

  @Test
  void nobodyIsRemovedAndEveryByteIsReadWhileTheDiskIsFull() throws Exception {
    Map<String, byte[]> files = new TreeMap<>();
    Random random = new Random(7);
    Path source = Files.createDirectories(root.resolve("source"));
    for (int size : new int[] {100_000, 3 << 20, LARGE_BYTES}) {
      byte[] content = new byte[size];
      random.nextBytes(content);
      Files.write(source.resolve("f" + size), content);
      files.put("f" + size, content);
    }
    DevCa authority = DevCa.create(root.resolve("tls"), Clock.systemUTC());
    List<AutoCloseable> open = new ArrayList<>();
    try (CoordinatorServer server = coordinator(authority)) {
      CoordinatorClientConfig where =
          CoordinatorClientConfig.of("127.0.0.1", server.address().getPort());
      List<NodeServices> nodes = new ArrayList<>();
      try {
        for (String id : List.of("drained", "other")) {
          GrpcCoordinatorClient client = GrpcCoordinatorClient.connect(where, authority.agent(id));
          open.addFirst(client);
          NodeServices node = node(id, client);
          open.addFirst(node);
          node.start();
          nodes.add(node);
        }
        nodes
            .getFirst()
            .datasetsOfNode()
            .create(NAME, source.toString(), new OriginOptions(Map.of()), progress -> {});
        ReadRig.await("both track", () -> states(server).equals(List.of("ACTIVE", "ACTIVE")));
        server.client().drain("drained", false);
        ReadRig.await("drained", () -> states(server).equals(List.of("DRAINING", "ACTIVE")));
        ReadRig.await(
            "all told", () -> nodes.stream().allMatch(node -> node.coordinatorProblem().isEmpty()));
        MemberList before = server.client().members();

        usable.set(0);
        ReadRig.await("refused", () -> isRefused(server));
        for (NodeServices node : nodes) {
          files.forEach((path, content) -> read(node, path, content));
          ReadRig.await(
              "the cause is shown", () -> node.coordinatorProblem().contains("free-space-min"));
          assertTrue(node.gauges().get("roots_waiting") > 0);
        }
        holdsFor(DEADLINE.multipliedBy(3), () -> isAsBefore(server, before));
        for (NodeServices node : nodes) {
          assertTrue(node.coordinator().available(), "it is there, its disk is full");
          files.forEach((path, content) -> read(node, path, content));
          assertFalse(node.coordinatorProblem().isEmpty());
        }

        usable.set(Long.MAX_VALUE);
        List<BlobKey> keys =
            files.keySet().stream()
                .map(path -> nodes.getFirst().datasetsOfNode().stat(DATA, path))
                .flatMap(entry -> entry.key().stream())
                .toList();
        ReadRig.await("recorded", () -> server.client().roots(keys).size() == keys.size());
        BlobKey large = nodes.getFirst().datasetsOfNode().stat(DATA, LARGE).key().orElseThrow();
        ReadRig.await(
            "held", () -> server.client().holders(large).equals(List.of("drained", "other")));
        ReadRig.await(
            "no problem", () -> nodes.stream().allMatch(n -> n.coordinatorProblem().isEmpty()));
        holdsFor(DEADLINE.multipliedBy(2), () -> isAsBefore(server, before));
      } finally {
        for (AutoCloseable each : open) {
          each.close();
        }
      }
    }
  }

  private static boolean isRefused(CoordinatorServer server) {
    try {
      server.client().drain("other", true);
      return false;
    } catch (LarderException e) {
      return e.code() == ErrorCode.STORE_FULL;
    }
  }

  private static boolean isAsBefore(CoordinatorServer server, MemberList before) {
    MemberList now = server.client().members();
    return now.epoch() == before.epoch() && ids(now).equals(ids(before));
  }

  private static List<String> ids(MemberList list) {
    return list.members().stream().map(each -> each.id() + each.state()).toList();
  }

  private static List<String> states(CoordinatorServer server) {
    return server.client().members().members().stream()
        .map(MemberInfo::state)
        .map(MemberState::name)
        .toList();
  }

  private static void holdsFor(Duration time, BooleanSupplier holds) {
    long end = System.nanoTime() + time.toNanos();
    ReadRig.await(
        "time goes by",
        () -> {
          assertTrue(holds.getAsBoolean(), "the list of members changed");
          return System.nanoTime() - end > 0;
        });
  }

  private CoordinatorServer coordinator(DevCa authority) {
    Limits limits =
        Records.with(
            Limits.defaults(),
            "freeSpaceMinBytes",
            1L << 20,
            "fleet",
            new CoordinatorConfig.Fleet(DEADLINE, Duration.ofSeconds(1), Duration.ofMillis(200)));
    return CoordinatorServer.start(
        CoordinatorConfig.alone(
            root.resolve("coordinator"), authority.material(Role.COORDINATOR), limits),
        Clock.systemUTC(),
        System::nanoTime,
        usable::get);
  }

  private NodeServices node(String id, GrpcCoordinatorClient client) {
    Map<String, String> keys =
        new HashMap<>(
            Map.of("node.id", id, "store.disk-min-free", "0", "node.heartbeat-interval", "500ms"));
    return new NodeServices(
        AgentConfig.of(root.resolve(id), new ConfigTree(keys)),
        client,
        new AgentMetrics("test"),
        "test");
  }

  private static void read(NodeServices node, String path, byte[] content) {
    Entry entry = node.datasetsOfNode().stat(DATA, path);
    try (BlobRead read =
        node.plane().open(node.datasetsOfNode().source(DATA, entry), ReadIntent.WHOLE)) {
      assertEquals(
          content.length, Arrays.stream(ReadRig.compare(read, content, 0, content.length)).sum());
    }
  }
}
