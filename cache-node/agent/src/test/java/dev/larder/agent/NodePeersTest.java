package dev.larder.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.cluster.Cluster;
import dev.larder.agent.cluster.ClusterView;
import dev.larder.agent.cluster.Peer;
import dev.larder.agent.config.ConfigTree;
import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.agent.read.BlobRead;
import dev.larder.agent.read.BlobRead.Source;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.agent.read.ReadRig;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole nodes with peer doors. */
class NodePeersTest {
  private static final int SIZE = 5 << 20;
  private static final DatasetName NAME = new DatasetName("data");

  @TempDir Path root;

  private volatile ClusterView view = ClusterView.empty();

  @Test
  void aNodeTellsWhereItsDoorIsAndReadsFromTheOther() throws Exception {
    Path source = Files.createDirectories(root.resolve("source"));
    byte[] content = new byte[SIZE];
    new Random(1).nextBytes(content);
    Files.write(source.resolve("file"), content);
    DevCa authority = DevCa.create(root.resolve("tls"), Clock.systemUTC());
    List<FakeCoordinator> coordinators = List.of(new FakeCoordinator(), new FakeCoordinator());
    List<NodeServices> nodes = new ArrayList<>();
    try {
      for (FakeCoordinator coordinator : coordinators) {
        String id = "node" + nodes.size();
        NodeServices node =
            node(coordinator, nodes.size(), Map.of("peer.listen", "127.0.0.1:0", "node.id", id));
        TlsMaterial shown = authority.agent(id);
        node.peersBy(this::cluster, () -> shown);
        node.start();
        nodes.add(node);
      }
      List<Peer> peers = new ArrayList<>();
      for (FakeCoordinator coordinator : coordinators) {
        ReadRig.await("joined", () -> !coordinator.members().members().isEmpty());
        MemberInfo member = coordinator.members().members().getFirst();
        assertTrue(member.address().matches("127\\.0\\.0\\.1:\\d+"), member.address());
        peers.add(new Peer(member.id(), member.address(), "", peers.isEmpty() ? 1 : 0));
      }
      view = new ClusterView(1, peers);
      for (NodeServices node : nodes) {
        node.datasetsOfNode()
            .create(NAME, source.toString(), new OriginOptions(Map.of()), progress -> {});
      }
      assertEquals(SIZE, read(nodes.getFirst(), content)[Source.ORIGIN.ordinal()]);
      assertEquals(SIZE, read(nodes.getLast(), content)[Source.PEER.ordinal()]);
      assertEquals(SIZE, nodes.getLast().counters().get("peer_bytes_total"));
      assertEquals(0, nodes.getLast().counters().get("origin_bytes_total"));
      assertEquals(SIZE, nodes.getFirst().counters().get("peer_served_bytes_total"));
      assertEquals(1, nodes.getFirst().gauges().get("tracked_stripes"));
      // A total and a present figure of one name would take all of them away.
      String shown = shown(nodes.getFirst());
      assertTrue(shown.contains("larder_node_peer_requests_open 0"), shown);
      assertTrue(shown.contains("larder_node_peer_requests_total"), shown);
    } finally {
      nodes.forEach(NodeServices::close);
    }
  }

  @Test
  void aStreamThatIsOldIsOpenedAnewAndNothingIsWrongMeanwhile() {
    FakeCoordinator coordinator = new FakeCoordinator();
    try (NodeServices node = node(coordinator, 0, Map.of("node.id", "node0"))) {
      node.start();
      ReadRig.await("attends", () -> coordinator.reports() > 0 && node.coordinator().available());
      for (int streams = 2; streams <= 4; streams++) {
        int expected = streams;
        int reports = coordinator.reports();
        coordinator.age();
        ReadRig.await(
            "opened anew",
            () -> {
              assertTrue(node.coordinator().available(), node.coordinatorProblem());
              assertEquals("", node.coordinatorProblem());
              return coordinator.attends() >= expected && coordinator.reports() > reports;
            });
        assertEquals(expected, coordinator.attends());
      }
    }
  }

  private static String shown(NodeServices node) throws IOException {
    AgentMetrics metrics = new AgentMetrics("test");
    metrics.watchNode(node::counters, node::gauges);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    metrics.write(out);
    return out.toString(StandardCharsets.UTF_8);
  }

  @Test
  void aDoorNeedsAClusterAndAnAddressOthersCanUse() {
    NodeServices lone = node(new FakeCoordinator(), 0, Map.of("peer.listen", "127.0.0.1:0"));
    assertBadConfig(lone, "peer.listen");
    NodeServices anywhere =
        node(new FakeCoordinator(), 1, Map.of("peer.listen", "0.0.0.0:0", "peer.tls", "off"));
    anywhere.peersBy(
        this::cluster,
        () -> {
          throw new AssertionError("no TLS");
        });
    assertBadConfig(anywhere, "node.address");
  }

  /** The names of coordinators may be unknown when a node starts. */
  @Test
  void aNodeStartsWithoutAnAddressAndJoinsWhenOneIsFound() {
    FakeCoordinator coordinator = new FakeCoordinator();
    NodeServices node = node(coordinator, 1, Map.of("peer.listen", "0.0.0.0:0", "peer.tls", "off"));
    TlsMaterial shown = DevCa.create(root.resolve("tls"), Clock.systemUTC()).agent("node");
    node.peersBy(this::cluster, () -> shown);
    AtomicInteger asked = new AtomicInteger();
    AtomicReference<Optional<String>> found = new AtomicReference<>(Optional.empty());
    node.hostBy(() -> {
      asked.incrementAndGet();
      return found.get();
    });
    try {
      node.start();
      ReadRig.await("it asks again", () -> asked.get() > 1);
      assertEquals(List.of(), coordinator.members().members());
      assertTrue(node.coordinatorProblem().contains("node.address"), node::coordinatorProblem);
      found.set(Optional.of("fd00::7"));
      ReadRig.await("joined", () -> !coordinator.members().members().isEmpty());
      MemberInfo member = coordinator.members().members().getFirst();
      assertTrue(member.address().matches("\\[fd00::7]:\\d+"), member.address());
    } finally {
      node.close();
    }
  }

  @Test
  void anAddressInBracketsLosesThem() {
    Map<String, String> told =
        Map.of(
            "[10.1.2.3]:7451", "10.1.2.3:7451",
            "[fd00::7]:7451", "[fd00::7]:7451",
            "fd00::7:7451", "[fd00::7]:7451",
            "node-1:7451", "node-1:7451");
    for (Map.Entry<String, String> each : told.entrySet()) {
      FakeCoordinator coordinator = new FakeCoordinator();
      Map<String, String> keys =
          Map.of("peer.listen", "0.0.0.0:0", "peer.tls", "off", "node.address", each.getKey());
      NodeServices node = node(coordinator, 1, keys);
      node.peersBy(
          this::cluster,
          () -> {
            throw new AssertionError("no TLS");
          });
      try {
        node.start();
        ReadRig.await("joined", () -> !coordinator.members().members().isEmpty());
        assertEquals(each.getValue(), coordinator.members().members().getFirst().address());
      } finally {
        node.close();
      }
    }
  }

  @Test
  void aPortThatIsTakenIsNamed() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String where = "127.0.0.1:" + taken.getLocalPort();
      NodeServices clash =
          node(new FakeCoordinator(), 2, Map.of("peer.listen", where, "peer.tls", "off"));
      clash.peersBy(
          this::cluster,
          () -> {
            throw new AssertionError("no TLS");
          });
      LarderException e = assertThrows(LarderException.class, clash::start);
      assertEquals(
          "peer.listen: cannot listen at "
              + where
              + ": address in use, another process listens on port "
              + taken.getLocalPort(),
          e.getMessage());
    }
  }

  private static void assertBadConfig(NodeServices node, String key) {
    LarderException e = assertThrows(LarderException.class, node::start);
    assertEquals(ErrorCode.BAD_CONFIG, e.code());
    assertTrue(String.valueOf(e.getMessage()).contains(key), e.toString());
  }

  private NodeServices node(FakeCoordinator coordinator, int number, Map<String, String> keys) {
    return new NodeServices(
        AgentConfig.of(root.resolve("node" + number), new ConfigTree(new HashMap<>(keys))),
        coordinator,
        new AgentMetrics("test"),
        "test");
  }

  private static long[] read(NodeServices node, byte[] content) {
    SnapshotRef snapshot = SnapshotRef.parse("data");
    Entry entry = node.datasetsOfNode().stat(snapshot, "file");
    try (BlobRead read =
        node.plane().open(node.datasetsOfNode().source(snapshot, entry), ReadIntent.WHOLE)) {
      return ReadRig.compare(read, content, 0, content.length);
    }
  }

  private Cluster cluster(String self) {
    return new Cluster() {
      @Override
      public String self() {
        return self;
      }

      @Override
      public ClusterView view() {
        return view;
      }

      @Override
      public void onView(Consumer<ClusterView> listener) {
        // Nobody of the peers' side listens.
      }

      @Override
      public List<String> holders(BlobKey key) {
        return List.of();
      }
    };
  }
}
