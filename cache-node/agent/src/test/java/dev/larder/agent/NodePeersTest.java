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
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
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
        NodeServices node = node(coordinator, nodes.size(), Map.of("peer.listen", "127.0.0.1:0"));
        node.peersBy(this::cluster, () -> authority.material(Role.AGENT));
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
