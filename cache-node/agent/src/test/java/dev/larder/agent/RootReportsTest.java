package dev.larder.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.config.ConfigTree;
import dev.larder.agent.job.Jobs;
import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.agent.read.ReadRig;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.SnapshotRef;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Roots that the coordinator does not take. */
class RootReportsTest {
  private static final SnapshotRef DATA = SnapshotRef.parse("data");

  @TempDir Path root;
  private final FakeCoordinator coordinator = new FakeCoordinator();
  private Path source;
  private NodeServices node;

  @BeforeEach
  void open() throws IOException {
    source = Files.createDirectories(root.resolve("source"));
    Random random = new Random(3);
    for (int number = 0; number < 5; number++) {
      byte[] content = new byte[100_000];
      random.nextBytes(content);
      Files.write(source.resolve("f" + number), content);
    }
    node = start();
    node.datasetsOfNode()
        .create(
            new DatasetName("data"),
            source.toString(),
            new OriginOptions(Map.of()),
            progress -> {});
  }

  @AfterEach
  void close() {
    node.close();
  }

  @Test
  void aRootRefusedAsBadKeepsNoOtherBack() {
    BlobKey bad = key("f2");
    coordinator.refuseRoot(bad, ErrorCode.BAD_REQUEST);
    warm("");
    ReadRig.await("the others", () -> coordinator.recorded().size() >= 4);
    ReadRig.await("set aside", () -> node.counters().get("roots_set_aside_total") == 1);
    assertTrue(!coordinator.recorded().containsKey(bad));
    ReadRig.await("nothing waits", () -> !Files.exists(root.resolve("data/agent/roots-pending")));
    assertEquals("", node.coordinatorProblem());
  }

  @Test
  void signsOfLifeGoOnWhileRootsWait() {
    int number = 0;
    for (ErrorCode code : List.of(ErrorCode.STORE_IO, ErrorCode.TOO_MANY, ErrorCode.INTERNAL)) {
      String path = "f" + number++;
      BlobKey key = key(path);
      coordinator.refuseRoot(key, code);
      warm(path);
      ReadRig.await(code + " shown", () -> node.coordinatorProblem().contains(code.name()));
      int before = coordinator.reports();
      ReadRig.await("signs of life", () -> coordinator.reports() >= before + 3);
      assertTrue(node.coordinator().available());
      assertTrue(node.gauges().get("roots_waiting") > 0);
      coordinator.takeRoot(key);
      ReadRig.await("recorded", () -> coordinator.recorded().containsKey(key));
      ReadRig.await("well again", () -> node.coordinatorProblem().isEmpty());
    }
  }

  @Test
  void aNodeJoinsAtOnceThoughItsRootsTakeLong() throws IOException {
    warm("");
    ReadRig.await("recorded", () -> coordinator.recorded().size() >= 5);
    node.close();
    Files.writeString(root.resolve("data/agent/roots-pending"), "1\n");
    coordinator.leave(coordinator.members().members().getFirst().id());
    coordinator.holdRoots(true);
    try {
      long began = System.nanoTime();
      node = start();
      ReadRig.await("joined", () -> coordinator.members().members().size() == 1);
      ReadRig.await("roots wait", () -> coordinator.rootsHeld() > 0);
      int before = coordinator.reports();
      ReadRig.await("signs of life", () -> coordinator.reports() >= before + 3);
      System.err.println(
          "joined and lives after " + (System.nanoTime() - began) / 1_000_000 + " ms");
    } finally {
      coordinator.holdRoots(false);
    }
  }

  private BlobKey key(String path) {
    return node.datasetsOfNode().stat(DATA, path).key().orElseThrow();
  }

  private void warm(String glob) {
    String id = node.jobsOfNode().warm(DATA, glob).id();
    ReadRig.await(
        "warm-up", () -> node.jobsOfNode().find(id).orElseThrow().state() == Jobs.State.DONE);
  }

  private NodeServices start() {
    NodeServices made =
        new NodeServices(
            AgentConfig.of(
                root.resolve("data"),
                new ConfigTree(
                    new HashMap<>(
                        Map.of(
                            "node.report-interval", "20ms",
                            "node.heartbeat-interval", "100ms",
                            "store.disk-min-free", "0")))),
            coordinator,
            new AgentMetrics("test"),
            "test");
    made.start();
    return made;
  }
}
