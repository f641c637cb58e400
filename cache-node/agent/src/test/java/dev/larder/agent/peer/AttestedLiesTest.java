package dev.larder.agent.peer;

import static dev.larder.agent.peer.Fleet.MIB;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.AgentConfig;
import dev.larder.agent.NodeServices;
import dev.larder.agent.config.ConfigTree;
import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.agent.fill.Members.SealedDigests;
import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.agent.peer.LyingPeer.Vice;
import dev.larder.agent.peer.Messages.Ask;
import dev.larder.agent.peer.Messages.Report;
import dev.larder.agent.peer.Messages.Sender;
import dev.larder.agent.peer.Messages.Wanted;
import dev.larder.agent.read.BlobRead;
import dev.larder.agent.read.BlobRead.FileSpan;
import dev.larder.agent.read.BlobRead.MemorySpan;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.agent.tracker.Assignment;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.StripeReport;
import dev.larder.coordinator.CoordinatorConfig;
import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.CoordinatorServer;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.Dispute;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.SnapshotRef;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore;
import dev.larder.testkit.Records;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a member can do that tells wrong digests under a lease where the origin publishes no
 * checksum and no root is recorded: the lie is read, sealed as attested and recorded, on every node
 * that reads from others. Who reads the origin itself finds it; from the settled dispute on nobody
 * reads it any more. Whole nodes with a real coordinator.
 */
@Timeout(180)
class AttestedLiesTest {
  private static final DatasetName NAME = new DatasetName("data");
  private static final SnapshotRef DATA = SnapshotRef.parse("data");
  private static final String FILE = "file";
  private static final int SIZE = 12 * MIB + 77;
  private static final int WRONG_BLOCK = 2;
  private static final List<String> MISLED = List.of("b", "c");

  @TempDir Path root;

  private final byte[] right = new byte[SIZE];
  private final byte[] wrong;
  private final Map<String, NodeServices> nodes = new LinkedHashMap<>();
  private final List<GrpcCoordinatorClient> clients = new ArrayList<>();

  AttestedLiesTest() {
    new Random(23).nextBytes(right);
    wrong = right.clone();
    wrong[WRONG_BLOCK * MIB + 5] ^= 1;
  }

  @Test
  void aLieThatIsRecordedIsReadUntilWhoReadsTheOriginDisputesIt() throws Exception {
    Path source = Files.createDirectories(root.resolve("source"));
    Files.write(source.resolve(FILE), right);
    DevCa authority = DevCa.create(root.resolve("tls"), Clock.systemUTC());
    TlsMaterial material = authority.agent("liar");
    List<Digest> blocks = Fleet.blocks(wrong);
    SealedDigests told = new SealedDigests(blocks, List.of(Digests.stripe(blocks)));
    // Platform threads: on few cores readers that never wait would keep all virtual ones from
    // running, the coordinator's too.
    try (CoordinatorServer server = coordinator(authority);
        LyingPeer liar = new LyingPeer(wrong, Vice.WRONG_DIGESTS, told, material);
        ExecutorService threads = Executors.newCachedThreadPool()) {
      try {
        for (String id : List.of("a", "b", "c")) {
          start(server, authority, id, true);
        }
        // It reads and serves, and tracks nothing.
        server.client().join(MemberInfo.joining("liar", liar.address(), "", Map.of(), 1L << 30));
        server.client().drain("liar", false);
        awaitMembers(server, 4);
        nodes
            .get("a")
            .datasetsOfNode()
            .create(NAME, source.toString(), new OriginOptions(Map.of()), progress -> {});
        for (String id : List.of("b", "c")) {
          Fleet.await(id + " knows the dataset", () -> knows(nodes.get(id)));
        }
        BlobKey key = entry(nodes.get("a")).key().orElseThrow();
        assertEquals(BlobKey.Kind.ORIGIN, key.kind());
        lie(server, material, new StripeId(key, 0), blocks);

        assertMisled(server, key);
        AtomicInteger rounds = new AtomicInteger();
        List<Future<?>> readers = new ArrayList<>();
        for (String id : MISLED) {
          readers.add(threads.submit(() -> readOn(nodes.get(id), server, rounds)));
        }
        Fleet.await("they read", () -> rounds.get() >= 4);

        // It serves and asks no members, as where its door is not reached and it reaches none.
        start(server, authority, "d", false);
        Fleet.await("d knows the dataset", () -> knows(nodes.get("d")));
        assertTrue(isRight(read(nodes.get("d"))), "what it reads itself is right");
        Fleet.await("settled", () -> server.client().status().disputes().settled() == 1);
        assertSettled(server, key);
        for (Future<?> reader : readers) {
          reader.get(60, TimeUnit.SECONDS);
        }
        for (NodeServices node : nodes.values()) {
          assertTrue(isRight(read(node)), "from now on");
        }
        assertEquals(
            Digests.rootOf(ByteBuffer.wrap(right)),
            server.client().roots(Set.of(key)).get(key).root());
      } finally {
        nodes.values().forEach(NodeServices::close);
        clients.forEach(GrpcCoordinatorClient::close);
      }
    }
  }

  /** Nobody notices: it is what was vouched for, and there is nothing else to compare it with. */
  private void assertMisled(CoordinatorServer server, BlobKey key) throws Exception {
    for (String id : MISLED) {
      NodeServices node = nodes.get(id);
      assertTrue(Arrays.equals(wrong, read(node)), id + " reads the lie");
      Fleet.await(id + " sealed it", () -> sealed(node, key).isPresent());
      assertEquals(Optional.of(Trust.ATTESTED), sealed(node, key).orElseThrow().trust());
      assertEquals(0, node.counters().get("origin_bytes_total").longValue());
      assertEquals(0, node.counters().get("peer_wrong_blocks_total").longValue());
      Fleet.await("recorded", () -> server.client().roots(Set.of(key)).containsKey(key));
    }
    RecordedRoot recorded = server.client().roots(Set.of(key)).get(key);
    assertEquals(Digests.rootOf(ByteBuffer.wrap(wrong)), recorded.root());
    assertEquals("b", recorded.memberId(), "in the name of who believed it");
  }

  /** The dispute is shown, and how it ended. */
  private void assertSettled(CoordinatorServer server, BlobKey key) {
    Digest good = Digests.rootOf(ByteBuffer.wrap(right));
    Digest bad = Digests.rootOf(ByteBuffer.wrap(wrong));
    Dispute dispute = server.client().work("a").disputes().getFirst();
    assertEquals(key, dispute.key());
    Map<String, Digest> claims = new LinkedHashMap<>();
    dispute.claims().forEach(claim -> claims.putIfAbsent(claim.memberId(), claim.root()));
    assertEquals(bad, claims.get("b"));
    assertEquals(good, claims.get("d"));
    assertEquals(good, dispute.settled().orElseThrow().root());
    for (String id : MISLED) {
      Fleet.await(
          id + " counts its copy as lost",
          () -> nodes.get(id).counters().get("root_disputes_lost_total") == 1);
    }
    for (NodeServices node : nodes.values()) {
      Fleet.await("shown", () -> node.disputes().settled() == 1);
    }
    assertEquals(1, nodes.get("d").disputes().conflicts());
    assertEquals(0, nodes.get("d").counters().get("root_disputes_lost_total").longValue());
  }

  /**
   * Reads again and again: the lie or what is right, and from the settled dispute on the latter.
   */
  private @Nullable Void readOn(NodeServices node, CoordinatorServer server, AtomicInteger rounds)
      throws IOException {
    boolean isOver = false;
    while (!isOver) {
      isOver = node.disputes().settled() == 1 && server.client().status().disputes().settled() == 1;
      byte[] content = read(node);
      assertTrue(
          isRight(content) || (!isOver && Arrays.equals(wrong, content)), "neither, or too late");
      rounds.incrementAndGet();
    }
    return null;
  }

  private boolean isRight(byte[] content) {
    return Arrays.equals(right, content);
  }

  private static Optional<BlobStore.BlobInfo> sealed(NodeServices node, BlobKey key) {
    return node.store().find(key).filter(info -> info.state() == BlobStore.State.SEALED);
  }

  private static boolean knows(NodeServices node) {
    return node.datasetsOfNode().list().stream()
        .anyMatch(info -> info.name().equals(NAME) && !info.snapshots().isEmpty());
  }

  private static Entry entry(NodeServices node) {
    return node.datasetsOfNode().stat(DATA, FILE);
  }

  private static byte[] read(NodeServices node) throws IOException {
    byte[] content = new byte[SIZE];
    try (BlobRead read =
        node.plane().open(node.datasetsOfNode().source(DATA, entry(node)), ReadIntent.SEQUENTIAL)) {
      for (int at = 0; at < SIZE; ) {
        BlobRead.Span span = read.next(at, SIZE - at);
        int length = (int) span.length();
        ByteBuffer target = ByteBuffer.wrap(content, at, length);
        switch (span) {
          case MemorySpan memory -> target.put(memory.bytes().duplicate());
          case FileSpan file -> {
            while (target.hasRemaining()) {
              long from = file.position() + length - target.remaining();
              assertTrue(file.channel().read(target, from) > 0, "a short file");
            }
          }
        }
        at += length;
      }
    }
    return content;
  }

  /** The liar fetches the stripe under a lease and has it then, as far as any tracker can see. */
  private void lie(
      CoordinatorServer server, TlsMaterial material, StripeId stripe, List<Digest> blocks) {
    long epoch = server.client().members().epoch();
    BlockDigests told = BlockDigests.ofPresent(blocks.stream().map(Optional::of).toList());
    Sender sender = new Sender("liar", "", epoch);
    try (PeerClient client = new PeerClient(Fleet.peerConfig(), new PeerTls(() -> material))) {
      for (MemberInfo member : server.client().members().members()) {
        if (!nodes.containsKey(member.id())) {
          continue;
        }
        MemberDoor door = MemberDoor.parse(member.id(), member.address());
        Ask ask = new Ask(sender, Set.of(), List.of(new Wanted(stripe, "", 0)));
        byte[] answer = client.post(door, "/peer/v1/ask", Wire.write(ask), 0);
        Assignment.Lease lease =
            (Assignment.Lease)
                Wire.readAskAnswer(answer).answers().getFirst().orElseThrow().assignment();
        StripeReport whole =
            new StripeReport(stripe, StripeReport.Kind.COMPLETE, lease.lease(), 0, told);
        client.post(door, "/peer/v1/report", Wire.write(new Report(sender, 0, List.of(whole))), 0);
      }
    }
  }

  private void awaitMembers(CoordinatorServer server, int count) {
    Fleet.await(
        count + " members",
        () ->
            server.client().members().members().size() == count
                && nodes.values().stream()
                    .allMatch(node ->
                        node.gauges().get("cluster_members") == count
                            && node.gauges().get("cluster_epoch")
                                == server.client().members().epoch()));
  }

  private CoordinatorServer coordinator(DevCa authority) {
    Limits limits =
        Records.with(
            Limits.defaults(),
            "freeSpaceMinBytes",
            1L << 20,
            "fleet",
            new CoordinatorConfig.Fleet(
                Duration.ofMinutes(5), Duration.ZERO, Duration.ofMillis(100)));
    return CoordinatorServer.start(
        CoordinatorConfig.alone(
            root.resolve("coordinator"), authority.material(Role.COORDINATOR), limits));
  }

  private void start(CoordinatorServer server, DevCa authority, String id, boolean isPeer) {
    GrpcCoordinatorClient client =
        GrpcCoordinatorClient.connect(
            CoordinatorClientConfig.of("127.0.0.1", server.address().getPort()),
            authority.agent(id));
    clients.add(client);
    Map<String, String> keys = new LinkedHashMap<>();
    keys.put("node.id", id);
    keys.put("node.report-interval", "100ms");
    keys.put("store.disk-min-free", "0");
    keys.put("dataset.sync-interval", "200ms");
    if (isPeer) {
      keys.put("peer.listen", "127.0.0.1:0");
    }
    NodeServices node =
        new NodeServices(
            AgentConfig.of(root.resolve(id), new ConfigTree(keys)),
            client,
            new AgentMetrics("test"),
            "test");
    if (isPeer) {
      TlsMaterial shown = authority.agent(id);
      node.peersBy(() -> shown);
    }
    node.start();
    nodes.put(id, node);
  }
}
