package dev.larder.coordinator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.Histories.Call;
import dev.larder.coordinator.Histories.Kind;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.NodeNames;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.logic.RandomRecords;
import dev.larder.coordinator.raft.RaftNode.Reads;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.testkit.Records;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What callers of three coordinators see of datasets, pins, members and roots, while the network
 * between these is cut and leaders are deposed, is one order.
 */
class HistoryTest {
  private static final int ROUNDS = 3;
  private static final int CALLERS = 6;

  /** Fewer say little: a machine so busy that they take longer than meant goes on longer. */
  private static final int CALLS_MIN = 300;

  private static final Duration TIME_MAX = Duration.ofMinutes(3);
  private static final List<String> IDS = List.of("c1", "c2", "c3");

  @TempDir Path data;

  private final HistoryCaller.Log log = new HistoryCaller.Log();

  /** What is done to the group. */
  private enum Upset {
    LEADER_ALONE,
    LEADER_NOT_HEARD,
    LEADER_HEARS_NOBODY,
    FOLLOWER_ALONE,
    TWO_APART,
    LEADER_ENDS
  }

  @Test
  void theCheckerTellsOrdersFromDisorders() {
    Call made = new Call(Kind.CREATE, "a", "ok", 0, 10);
    assertTrue(
        Histories.isLinearizable(
            List.of(made, new Call(Kind.READ, "", "a", 5, 8), new Call(Kind.READ, "", "-", 4, 9))));
    assertFalse(
        Histories.isLinearizable(List.of(made, new Call(Kind.READ, "", "-", 11, 12))), "stale");
    assertFalse(
        Histories.isLinearizable(List.of(made, new Call(Kind.CREATE, "b", "ok", 11, 12))), "lost");
    assertFalse(
        Histories.isLinearizable(
            List.of(made, new Call(Kind.READ, "", "a", 2, 3), new Call(Kind.READ, "", "-", 4, 5))),
        "back and forth");
    Call maybe = new Call(Kind.DELETE, "", "", 11, 12);
    assertTrue(
        Histories.isLinearizable(
            List.of(
                made,
                maybe,
                new Call(Kind.READ, "", "a", 20, 21),
                new Call(Kind.READ, "", "-", 30, 31))),
        "late");
    Call drained = new Call(Kind.MARK, "", "ok", 11, 12);
    Call again = new Call(Kind.JOIN, "b", "ok", 13, 14);
    assertTrue(
        Histories.isLinearizable(
            List.of(made, drained, again, new Call(Kind.READ, "", "b!", 15, 16))));
    assertFalse(
        Histories.isLinearizable(
            List.of(made, drained, again, new Call(Kind.READ, "", "b", 15, 16))),
        "joining again ends no drain");
  }

  @Test
  void theCheckerTellsWhichRootStands() {
    Call first = new Call(Kind.RECORD, "a", "ok", 0, 10);
    Call other = new Call(Kind.RECORD, "b", "a", 5, 12);
    Call raised = new Call(Kind.VERIFY, "a", "ok", 13, 14);
    Call refused = new Call(Kind.VERIFY, "b", "a!", 15, 16);
    assertTrue(
        Histories.isLinearizable(
            List.of(
                first,
                other,
                new Call(Kind.READ, "", "-", 3, 4),
                raised,
                new Call(Kind.RECORD, "a", "ok", 15, 16),
                refused,
                new Call(Kind.READ, "", "a!", 17, 18))));
    assertFalse(
        Histories.isLinearizable(List.of(first, new Call(Kind.READ, "", "-", 11, 12))), "stale");
    assertFalse(
        Histories.isLinearizable(List.of(first, raised, new Call(Kind.READ, "", "a", 15, 16))),
        "stale: attested, and verified before");
    assertFalse(
        Histories.isLinearizable(List.of(first, raised, new Call(Kind.RECORD, "b", "a", 15, 16))),
        "so is what a refusal tells");
    assertFalse(
        Histories.isLinearizable(List.of(first, new Call(Kind.RECORD, "b", "ok", 11, 12))),
        "the first one stands");
    assertFalse(
        Histories.isLinearizable(List.of(first, other, new Call(Kind.READ, "", "b", 13, 14))),
        "who was refused changed nothing");
    assertTrue(
        Histories.isLinearizable(
            List.of(
                new Call(Kind.RECORD, "a", "", 0, 1),
                new Call(Kind.READ, "", "-", 5, 6),
                new Call(Kind.RECORD, "b", "a", 7, 8))),
        "late");
  }

  @Test
  @Timeout(value = 5, unit = TimeUnit.MINUTES)
  void callsAreLinearizableUnderPartitions() throws Exception {
    run(Duration.ofSeconds(15), Reads.LINEAR, Upset.LEADER_ALONE, Upset.LEADER_NOT_HEARD);
    assertEquals(List.of(), log.disorders());
  }

  /** Of a read at a commit that another read had confirmed Ratis asks nobody any more. */
  @Test
  @Timeout(value = 3, unit = TimeUnit.MINUTES)
  void aDeposedLeaderAnswersNoReadByWhatItHas() throws Exception {
    try (Links links = new Links();
        TestGroup group = TestGroup.start(data, limits(), links, Reads.LINEAR)) {
      for (int round = 0; round < ROUNDS; round++) {
        String old = group.leader();
        CoordinatorClient deposed = group.one(old).client();
        DatasetName name = new DatasetName("round-" + round);
        assertTrue(deposed.datasets().stream().noneMatch(each -> each.name().equals(name)));
        assertTrue(deposed.datasets().stream().noneMatch(each -> each.name().equals(name)));
        List<String> others = IDS.stream().filter(id -> !id.equals(old)).toList();
        links.isolate(old, others);
        try (CoordinatorClient client = client(group, others.stream().map(group::door).toList())) {
          TestGroup.await("the others take a change", () -> isMade(client, name));
          // It may not know yet that it leads no more; it must not answer without the change.
          try {
            assertTrue(
                deposed.datasets().stream().anyMatch(each -> each.name().equals(name)),
                "an answer of before a change that was acknowledged, round " + round);
          } catch (LarderException e) {
            assertEquals(ErrorCode.COORDINATOR_UNAVAILABLE, e.code(), e.toString());
          }
        }
        links.heal(true);
      }
    }
  }

  private static boolean isMade(CoordinatorClient client, DatasetName name) {
    try {
      client.createDataset(name, "file:///p", Map.of());
      return true;
    } catch (LarderException e) {
      return e.code() == ErrorCode.ALREADY_EXISTS;
    }
  }

  @Test
  @Tag("long")
  @Timeout(value = 15, unit = TimeUnit.MINUTES)
  void callsAreLinearizableUnderAMinuteOfPartitions() throws Exception {
    run(Duration.ofSeconds(60), Reads.LINEAR, Upset.values());
    assertEquals(List.of(), log.disorders());
  }

  @Test
  @Timeout(value = 5, unit = TimeUnit.MINUTES)
  void coordinatorsThatReadWhatTheyHaveAreCaught() throws Exception {
    // A busy machine makes few calls: on until one of them is a stale read of what hides it best.
    run(
        Duration.ofSeconds(5),
        Reads.AT_HAND,
        () -> log.disorders().stream().anyMatch(HistoryTest::isOfRoot),
        Upset.FOLLOWER_ALONE);
    List<String> stale = log.disorders();
    System.err.println("values with stale reads: " + stale.size());
    assertTrue(
        stale.stream().anyMatch(HistoryTest::isOfRoot),
        () -> "stale reads of roots were not noticed, only " + stale);
  }

  /** A root is written once or twice, and stands for ever. */
  private static boolean isOfRoot(String disorder) {
    return disorder.startsWith("r");
  }

  private void run(Duration time, Reads freshness, Upset... atLeast) throws Exception {
    run(time, freshness, () -> true, atLeast);
  }

  /** Rounds of so long each until there is enough. */
  private void run(Duration time, Reads freshness, BooleanSupplier isEnough, Upset... atLeast)
      throws Exception {
    long seed = RandomRecords.seed();
    System.err.println("HistoryTest -Dlarder.seed=" + seed);
    Random random = new Random(seed);
    try (Links links = new Links();
        TestGroup group = TestGroup.start(data, limits(), links, freshness);
        ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      try (CoordinatorClient client = group.client(Role.AGENT)) {
        client.createDataset(HistoryCaller.PINNED, "file:///p", Map.of());
      }
      // Both followers with the leader, there and back; they need not have called each other yet.
      TestGroup.await("nobody calls another past the links", () -> links.waysUsed() >= 4);
      long term = group.one(group.leader()).node().term();
      long began = System.nanoTime();
      int upsets = 0;
      do {
        upsets += round(group, links, callers, random, time, atLeast);
      } while (!isEnough.getAsBoolean() && System.nanoTime() - began < TIME_MAX.toNanos());
      TestGroup.await("a leader", () -> group.one(group.leader()).client().members() != null);
      try (CoordinatorClient client = group.client(Role.AGENT)) {
        new HistoryCaller(log, client, client, random).readAll();
      }
      System.err.printf(
          "%d calls on %d values, %d of unknown end, %d upsets, %d terms%n",
          log.calls(),
          log.histories.size(),
          log.unknown(),
          upsets,
          group.one(group.leader()).node().term() - term);
      assertTrue(log.calls() > CALLS_MIN, "only " + log.calls() + " calls");
    }
  }

  /** Calls from all callers while the group is upset; all have ended. How often it was. */
  private int round(
      TestGroup group,
      Links links,
      ExecutorService callers,
      Random random,
      Duration time,
      Upset... atLeast)
      throws Exception {
    long began = System.nanoTime();
    BooleanSupplier goesOn =
        () -> {
          long spent = System.nanoTime() - began;
          return spent < time.toNanos() || (log.calls() <= CALLS_MIN && spent < TIME_MAX.toNanos());
        };
    List<Future<?>> calling = new ArrayList<>();
    for (int n = 0; n < CALLERS; n++) {
      String door = group.door(IDS.get(n % IDS.size()));
      Random own = new Random(random.nextLong());
      calling.add(callers.submit(() -> call(group, door, own, goesOn)));
    }
    int upsets = 0;
    while (goesOn.getAsBoolean()) {
      List<Upset> kinds = new ArrayList<>(List.of(upsets == 0 ? atLeast : Upset.values()));
      Collections.shuffle(kinds, random);
      for (Upset kind : kinds) {
        upset(group, links, kind, random);
        upsets++;
        if (upsets >= atLeast.length && !goesOn.getAsBoolean()) {
          break;
        }
      }
    }
    for (Future<?> each : calling) {
      each.get();
    }
    return upsets;
  }

  /** Callers that try once each: what failed may have happened once, and once only. */
  private void call(TestGroup group, String readsAt, Random random, BooleanSupplier goesOn) {
    try (CoordinatorClient changes = client(group, IDS.stream().map(group::door).toList());
        CoordinatorClient reads = client(group, List.of(readsAt))) {
      HistoryCaller caller = new HistoryCaller(log, changes, reads, random);
      while (goesOn.getAsBoolean()) {
        caller.call();
      }
    }
  }

  private static CoordinatorClient client(TestGroup group, List<String> doors) {
    return GrpcCoordinatorClient.connect(
        new CoordinatorClientConfig(
            doors,
            Duration.ofSeconds(6),
            Duration.ofSeconds(3),
            1,
            Duration.ofMillis(1),
            Duration.ofMillis(1),
            100),
        group.ca().agent(NodeNames.ANY));
  }

  /** Does it for a while, and undoes it. */
  private static void upset(TestGroup group, Links links, Upset kind, Random random) {
    String leader = group.leader();
    List<String> others = IDS.stream().filter(id -> !id.equals(leader)).toList();
    switch (kind) {
      case LEADER_ALONE -> links.isolate(leader, others);
      case LEADER_NOT_HEARD -> others.forEach(other -> links.cut(leader, other));
      case LEADER_HEARS_NOBODY -> others.forEach(other -> links.cut(other, leader));
      case FOLLOWER_ALONE -> {
        String alone = others.get(random.nextInt(others.size()));
        links.isolate(alone, IDS.stream().filter(id -> !id.equals(alone)).toList());
      }
      case TWO_APART -> links.isolate(leader, List.of(others.get(random.nextInt(others.size()))));
      case LEADER_ENDS -> group.stop(leader);
    }
    // Longer than two election timeouts, so that who is missed is deposed.
    LockSupport.parkNanos(Duration.ofMillis(1_200 + random.nextInt(1_300)).toNanos());
    if (kind == Upset.LEADER_ENDS) {
      group.start(leader);
    }
    links.heal(random.nextBoolean());
    LockSupport.parkNanos(Duration.ofMillis(300 + random.nextInt(700)).toNanos());
  }

  private static CoordinatorConfig.Limits limits() {
    return Records.with(
        TestCoordinator.limits(500, 5_000, 1_000_000, Duration.ofMinutes(5)),
        "requestTimeout",
        Duration.ofSeconds(2),
        "electionTimeout",
        Duration.ofMillis(500),
        "fleet",
        new CoordinatorConfig.Fleet(Duration.ofHours(1), Duration.ofHours(1), Duration.ZERO));
  }
}
