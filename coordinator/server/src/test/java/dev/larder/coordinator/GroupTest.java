package dev.larder.coordinator;

import static dev.larder.coordinator.CoordinatorServerTest.assertCode;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorPeer;
import dev.larder.coordinator.api.DatasetDefinition;
import dev.larder.coordinator.api.NotLeader;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.logic.Queries;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.testkit.Records;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Three coordinators: the leader is found again, a majority is enough, a minority says so. */
@Timeout(300)
class GroupTest {
  private static final DatasetName NAME = new DatasetName("data");

  @TempDir Path data;

  private static CoordinatorConfig.Limits limits(Duration request) {
    return Records.with(
        TestCoordinator.limits(50, 5_000, 10_000, Duration.ofMinutes(1)),
        "requestTimeout",
        request,
        "startTimeout",
        Duration.ofSeconds(5),
        "closeTimeout",
        Duration.ofSeconds(1));
  }

  @Test
  void aFollowerWithoutRoomEndsBeforeItsLogBreaksAndComesBack() throws Exception {
    try (TestGroup group = TestGroup.start(data, limits(Duration.ofSeconds(4)));
        CoordinatorClient client = group.client(Role.AGENT)) {
      client.createDataset(NAME, "file:///a", Map.of());
      String follower = group.followers().getFirst();
      long min = limits(Duration.ofSeconds(4)).freeSpaceMinBytes();
      group.room(follower, min - 1);
      TestGroup.await("it is shown", () -> group.one(follower).isFull());
      assertEquals(min - 1, group.one(follower).usableBytes());
      assertEquals(1, client.addSnapshot(NAME, Samples.snapshot(1)).number());
      assertFalse(group.one(follower).hasEnded(), "there is room enough for a log");

      group.room(follower, min / 8 - 1);
      TestGroup.await("it ends by itself", () -> group.one(follower).hasEnded());
      assertEquals(2, client.addSnapshot(NAME, Samples.snapshot(2)).number());
      assertEquals(2, client.dataset(NAME).snapshots().size(), "reads go on");

      group.stop(follower);
      group.room(follower, Long.MAX_VALUE);
      group.start(follower);
      TestGroup.await(
          "it has all of it",
          () ->
              group
                  .one(follower)
                  .node()
                  .readLocal(q -> q.dataset(NAME))
                  .filter(dataset -> dataset.snapshots().size() == 2)
                  .isPresent());
    }
  }

  @Test
  void leadersGoAndMajoritiesCount() throws Exception {
    try (TestGroup group = TestGroup.start(data, limits(Duration.ofSeconds(4)))) {
      String follower = group.followers().getFirst();
      // A client that knows a follower only finds the leader by its word.
      try (CoordinatorClient client = group.client(Role.AGENT, List.of(group.door(follower)))) {
        client.createDataset(NAME, "file:///a", Map.of());
        client.join(Samples.member("node-a", "z1"));
      }
      LarderException refused =
          assertThrows(
              LarderException.class,
              () -> group.one(follower).client().createDataset(NAME, "file:///b", Map.of()));
      assertEquals(ErrorCode.COORDINATOR_UNAVAILABLE, refused.code());
      assertEquals(
          group.door(group.leader()), ((NotLeader) refused.getCause()).address(), "the hint");
      assertEquals(1, group.one(follower).client().datasets().size(), "reads ask the leader");

      try (CoordinatorClient client = group.client(Role.AGENT)) {
        assertEquals(3, client.status().group().size());
        String dead = group.leader();
        group.stop(dead);
        long began = System.nanoTime();
        assertEquals(1, client.addSnapshot(NAME, Samples.snapshot(1)).number());
        long millis = (System.nanoTime() - began) / 1_000_000;
        System.err.println("writes resumed " + millis + " ms after the leader had closed");
        assertTrue(millis < 15_000, "writes resumed after " + millis + " ms");
        assertTrue(client.status().group().hasMajority());
        List<CoordinatorPeer> peers = client.coordinators();
        assertEquals(3, peers.size());
        assertEquals(1, peers.stream().filter(CoordinatorPeer::leader).count());

        String last = group.leader();
        group.stop(group.followers().getFirst());
        assertEquals(List.of("node-a"), ids(group.one(last)), "placement is read without majority");
        LarderException waits =
            assertThrows(
                LarderException.class,
                () -> group.one(last).client().addSnapshot(NAME, Samples.snapshot(2)));
        assertEquals(ErrorCode.COORDINATOR_UNAVAILABLE, waits.code());
        TestGroup.await(
            "it says so", () -> !group.one(last).client().status().group().hasMajority());

        group.start(dead);
        client.addSnapshot(NAME, Samples.snapshot(3));
        DatasetDefinition read = client.dataset(NAME);
        assertTrue(read.snapshots().size() >= 2, read.toString());
        assertEquals(List.of("node-a"), ids(group.one(dead)));
      }
    }
  }

  private static List<String> ids(CoordinatorServer server) {
    return server.node().readLocal(Queries::members).members().stream().map(m -> m.id()).toList();
  }

  @Test
  void aNewOneTakesThePlaceOfADeadOne() throws Exception {
    try (TestGroup group = TestGroup.start(data, limits(Duration.ofSeconds(20)));
        CoordinatorClient client = group.client(Role.AGENT)) {
      client.createDataset(NAME, "file:///a", Map.of());
      String dead = group.followers().getFirst();
      group.stop(dead);
      TestGroup.await(
          "the status names it", () -> client.status().group().silent().equals(List.of(dead)));
      // Past several snapshots, so that the log alone cannot bring the new one up.
      for (int n = 0; n < 130; n++) {
        client.addSnapshot(NAME, Samples.snapshot(n));
      }
      group.startJoining("c4");
      assertCode(
          ErrorCode.BAD_REQUEST,
          () -> client.replaceCoordinator("c9", "c4", group.raftAddress("c4")));
      assertCode(ErrorCode.BAD_REQUEST, () -> client.replaceCoordinator(dead, "", ""));
      assertCode(
          ErrorCode.BAD_REQUEST,
          () -> client.replaceCoordinator(dead, dead, group.raftAddress("c4")));
      List<CoordinatorPeer> after = client.replaceCoordinator(dead, "c4", group.raftAddress("c4"));
      assertEquals(3, after.size());
      assertTrue(after.stream().anyMatch(peer -> peer.id().equals("c4")));
      assertTrue(after.stream().noneMatch(peer -> peer.id().equals(dead)));
      client.replaceCoordinator(dead, "c4", group.raftAddress("c4"));

      CoordinatorServer fresh = group.one("c4");
      TestGroup.await(
          "nobody is silent any more", () -> client.status().group().silent().isEmpty());
      TestGroup.await(
          "the new one has the state",
          () -> fresh.node().readLocal(q -> q.dataset(NAME)).isPresent());
      assertEquals(client.dataset(NAME), fresh.client().dataset(NAME));
      TestGroup.await("its door is known", () -> knows(group, "c4"));
      TestGroup.await("the other's is forgotten", () -> !knows(group, dead));

      // The new one counts: with it and one other changes are made, over its restart too.
      String other =
          group.followers().stream().filter(id -> !id.equals("c4")).findFirst().orElse("");
      String gone = other.isEmpty() ? group.leader() : other;
      group.stop(gone);
      assertEquals(131, client.addSnapshot(NAME, Samples.snapshot(9_000)).number());
      group.stop("c4");
      group.start(gone);
      group.start("c4");
      assertEquals(132, client.addSnapshot(NAME, Samples.snapshot(9_001)).number());
      assertEquals(client.dataset(NAME), group.one("c4").client().dataset(NAME));
    }
  }

  private static boolean knows(TestGroup group, String id) {
    return group.all().stream()
        .allMatch(server -> server.node().readLocal(q -> q.coordinators().containsKey(id)));
  }
}
