package dev.larder.coordinator;

import static dev.larder.coordinator.CoordinatorServerTest.assertCode;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorStatus;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.raft.RaftNode;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.testkit.Records;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What each of three coordinators says of itself, whoever of them is there. */
@Timeout(120)
class StatusOfEachTest {
  private static final Duration WAIT = Duration.ofSeconds(2);
  private static final List<String> ALL = List.of("c1", "c2", "c3");

  @TempDir Path data;

  private static CoordinatorConfig.Limits limits() {
    return Records.with(TestCoordinator.defaults(), "closeTimeout", Duration.ofSeconds(1));
  }

  @Test
  void whoIsThereAnswersAndWhoComesBackDoesAgain() throws Exception {
    try (TestGroup group = TestGroup.start(data, limits());
        CoordinatorClient client = group.client(Role.AGENT)) {
      TestGroup.await("all answer", () -> ids(client).equals(ALL));
      String gone = group.leader();
      group.stop(gone);
      List<String> others = ALL.stream().filter(id -> !id.equals(gone)).toList();
      assertEquals(others, ids(client));
      // One that alone is no majority still says how it does.
      group.stop(others.getFirst());
      assertEquals(List.of(others.getLast()), ids(client));
      group.start(others.getFirst());
      group.start(gone);
      TestGroup.await("all answer again", () -> ids(client).equals(ALL));
    }
  }

  @Test
  void eachSaysWhatIsAmissAtItselfAlone() throws Exception {
    try (TestGroup group = TestGroup.start(data, limits());
        CoordinatorClient client = group.client(Role.AGENT)) {
      String follower = group.followers().getFirst();
      try (CoordinatorClient intruder = group.client(Role.CLIENT, List.of(group.door(follower)))) {
        assertCode(ErrorCode.UNAUTHENTICATED, () -> intruder.join(Samples.member("node-a", "z1")));
      }
      group.room(follower, limits().freeSpaceMinBytes() - 1);
      TestGroup.await(
          "it is full",
          () ->
              client.statusOfEach(WAIT).stream()
                  .filter(each -> each.full().contains(CoordinatorStatus.DISK_FULL))
                  .anyMatch(each -> each.group().answeringId().equals(follower)));
      Map<String, CoordinatorStatus> heard = of(client);
      assertEquals(ALL, List.copyOf(heard.keySet()));
      heard.forEach((id, status) -> {
        boolean isIt = id.equals(follower);
        assertEquals(isIt, status.full().contains(CoordinatorStatus.DISK_FULL), id);
        assertEquals(isIt ? 1 : 0, status.health().refused().get("role"), id);
        assertEquals(0, status.health().refused().get("busy"), id);
        assertEquals(0, status.health().clockOffSeconds(), id);
        assertEquals(0, status.health().snapshotsSetAside(), id);
      });
      // Without a network in between there is the one.
      List<CoordinatorStatus> own = group.one(follower).client().statusOfEach(WAIT);
      assertEquals(1, own.size());
      assertEquals(follower, own.getFirst().group().answeringId());
      assertEquals(1, own.getFirst().health().refused().get("role"));
    }
  }

  @Test
  void oneThatVanishedCostsTheWaitAndNoMore() throws Exception {
    try (Fronts fronts = new Fronts();
        TestGroup group = TestGroup.start(data, limits(), null, fronts, RaftNode.Reads.LINEAR);
        CoordinatorClient client = group.client(Role.AGENT, fronts.addresses());
        CoordinatorClient fresh = group.client(Role.AGENT, fronts.addresses())) {
      TestGroup.await("all answer", () -> ids(client).equals(ALL));
      fronts.blacken("c2");
      for (CoordinatorClient each : List.of(client, fresh)) {
        // What it knows of the others does not depend on who vanished.
        TestGroup.await("the others answer", () -> ids(each).equals(List.of("c1", "c3")));
        long began = System.nanoTime();
        assertEquals(List.of("c1", "c3"), ids(each));
        long millis = (System.nanoTime() - began) / 1_000_000;
        assertTrue(millis < 2 * WAIT.toMillis(), millis + " ms");
      }
    }
  }

  @Test
  void whoClosedTheClientOrIsInterruptedIsTold() throws Exception {
    try (TestCoordinator one = TestCoordinator.start(data);
        CoordinatorClient client = one.grpc(Role.AGENT)) {
      assertEquals(1, client.statusOfEach(WAIT).size());
      Thread.currentThread().interrupt();
      assertCode(ErrorCode.CANCELLED, () -> client.statusOfEach(WAIT));
      assertTrue(Thread.interrupted(), "the flag stays set");
      client.close();
      LarderException closed = assertThrows(LarderException.class, () -> client.statusOfEach(WAIT));
      assertEquals(ErrorCode.CLOSED, closed.code());
    }
  }

  private static List<String> ids(CoordinatorClient client) {
    return List.copyOf(of(client).keySet());
  }

  private static Map<String, CoordinatorStatus> of(CoordinatorClient client) {
    Map<String, CoordinatorStatus> out = new TreeMap<>();
    client.statusOfEach(WAIT).forEach(each -> out.put(each.group().answeringId(), each));
    return out;
  }
}
