package dev.larder.coordinator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.Histories.Call;
import dev.larder.coordinator.Histories.Kind;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.DatasetDefinition;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.PathPin;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.logic.RandomRecords;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What callers of three coordinators see of datasets and pins while leaders go is one order. */
class HistoryTest {
  private static final int CALLERS = 4;
  private static final int SLOTS = 3;
  private static final long PAUSE_NANOS = 50_000_000;
  private static final DatasetName PINNED = new DatasetName("pinned");
  private static final Instant FAR = Instant.ofEpochMilli(4_000_000_000_000L);

  @TempDir Path data;

  private final Map<String, List<Call>> histories = new ConcurrentHashMap<>();
  private final Map<Integer, String> keys = new ConcurrentHashMap<>();
  private final AtomicInteger names = new AtomicInteger();

  /** How a dataset is read; empty when it is not there. */
  private interface Reading {
    Optional<DatasetDefinition> read(CoordinatorClient client, DatasetName name);
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
  }

  @Test
  @Timeout(value = 5, unit = TimeUnit.MINUTES)
  void datasetsAndPinsAreLinearizableWhileLeadersGo() throws Exception {
    run(Duration.ofSeconds(6), 1);
  }

  @Test
  @Tag("long")
  @Timeout(value = 15, unit = TimeUnit.MINUTES)
  void datasetsAndPinsAreLinearizableForAMinuteWhileLeadersGo() throws Exception {
    run(Duration.ofSeconds(60), 8);
  }

  private void run(Duration time, int kills) throws Exception {
    long seed = RandomRecords.seed();
    System.err.println("HistoryTest -Dlarder.seed=" + seed);
    try (TestGroup group = TestGroup.start(data, limits())) {
      pinnable(group);
      List<Thread> callers = callers(group, seed, time, HistoryTest::linear);
      for (int kill = 0; kill < kills; kill++) {
        LockSupport.parkNanos(time.toNanos() / (2 * kills + 1));
        String leader = group.leader();
        group.stop(leader);
        LockSupport.parkNanos(time.toNanos() / (2 * kills + 1));
        group.start(leader);
      }
      for (Thread caller : callers) {
        caller.join();
      }
    }
    int calls = histories.values().stream().mapToInt(List::size).sum();
    System.err.println("calls " + calls + " on " + histories.size() + " values");
    assertTrue(calls > 100, "only " + calls + " calls");
    histories.forEach((key, history) ->
        assertTrue(
            Histories.isLinearizable(List.copyOf(history)),
            () -> "-Dlarder.seed=" + seed + " " + key + ": " + history));
  }

  @Test
  @Timeout(value = 5, unit = TimeUnit.MINUTES)
  void readsOfWhateverAFollowerHasAreCaught() throws Exception {
    long seed = RandomRecords.seed();
    try (TestGroup group = TestGroup.start(data, limits())) {
      pinnable(group);
      CoordinatorServer follower = group.one(group.followers().getFirst());
      Reading stale = (client, name) -> follower.node().readLocal(q -> q.dataset(name));
      for (Thread caller : callers(group, seed, Duration.ofSeconds(3), stale)) {
        caller.join();
      }
    }
    long disorders =
        histories.values().stream()
            .filter(history -> !Histories.isLinearizable(List.copyOf(history)))
            .count();
    assertTrue(disorders > 0, "-Dlarder.seed=" + seed + ": stale reads were not noticed");
  }

  private static CoordinatorConfig.Limits limits() {
    return TestCoordinator.limits(500, 5_000, 1_000_000, Duration.ofMinutes(5));
  }

  private static void pinnable(TestGroup group) {
    try (CoordinatorClient client = group.client(Role.AGENT)) {
      client.createDataset(PINNED, "file:///p", Map.of());
    }
  }

  private static Optional<DatasetDefinition> linear(CoordinatorClient client, DatasetName name) {
    try {
      return Optional.of(client.dataset(name));
    } catch (LarderException e) {
      if (e.code() == ErrorCode.UNKNOWN_DATASET) {
        return Optional.empty();
      }
      throw e;
    }
  }

  private List<Thread> callers(TestGroup group, long seed, Duration time, Reading reading) {
    long end = System.nanoTime() + time.toNanos();
    List<String> doors = List.of(group.door("c1"), group.door("c2"), group.door("c3"));
    List<Thread> callers = new ArrayList<>();
    for (int n = 0; n < CALLERS; n++) {
      Random random = new Random(seed + n);
      callers.add(
          Thread.ofVirtual()
              .start(() -> {
                // One try a call: what failed may have happened once, and once only.
                CoordinatorClientConfig once =
                    new CoordinatorClientConfig(
                        doors,
                        Duration.ofSeconds(6),
                        1,
                        Duration.ofMillis(1),
                        Duration.ofMillis(1),
                        100);
                try (CoordinatorClient client =
                    GrpcCoordinatorClient.connect(once, group.ca().material(Role.AGENT))) {
                  while (System.nanoTime() < end) {
                    call(client, random, reading);
                  }
                }
              }));
    }
    return callers;
  }

  private void call(CoordinatorClient client, Random random, Reading reading) {
    int slot = random.nextInt(2 * SLOTS);
    String key = keys.computeIfAbsent(slot, s -> (s < SLOTS ? "d" : "p") + names.incrementAndGet());
    Kind kind =
        switch (random.nextInt(5)) {
          case 0, 1 -> slot < SLOTS ? Kind.CREATE : Kind.PUT;
          case 2 -> Kind.DELETE;
          default -> Kind.READ;
        };
    String argument =
        kind == Kind.CREATE || kind == Kind.PUT ? "v" + random.nextInt(1_000_000) : "";
    long began = System.nanoTime();
    String answer;
    try {
      answer =
          slot < SLOTS
              ? dataset(client, new DatasetName(key), kind, argument, reading)
              : pin(client, key, kind, argument);
    } catch (LarderException e) {
      assertTrue(
          e.code() == ErrorCode.COORDINATOR_UNAVAILABLE
              || e.code() == ErrorCode.DEADLINE
              || e.code() == ErrorCode.CLOSED,
          e.toString());
      // While nobody leads calls fail at once; a few of them are enough.
      LockSupport.parkNanos(PAUSE_NANOS);
      if (kind == Kind.READ) {
        return;
      }
      answer = "";
      // Each that may have happened doubles the orders: nobody goes on with this value.
      keys.remove(slot, key);
    }
    Call call = new Call(kind, argument, answer, began, System.nanoTime());
    histories
        .computeIfAbsent(key, k -> java.util.Collections.synchronizedList(new ArrayList<>()))
        .add(call);
  }

  private static String dataset(
      CoordinatorClient client, DatasetName name, Kind kind, String argument, Reading reading) {
    try {
      switch (kind) {
        case CREATE, PUT -> {
          DatasetDefinition made = client.createDataset(name, argument, new TreeMap<>());
          assertEquals(argument, made.originUri());
        }
        case DELETE -> client.deleteDataset(name);
        case READ -> {
          return reading.read(client, name).map(DatasetDefinition::originUri).orElse("-");
        }
      }
      return "ok";
    } catch (LarderException e) {
      if (e.code() == ErrorCode.ALREADY_EXISTS || e.code() == ErrorCode.UNKNOWN_DATASET) {
        return "no";
      }
      throw e;
    }
  }

  /** A pin is told apart by when it ends. */
  private static String pin(CoordinatorClient client, String glob, Kind kind, String argument) {
    return switch (kind) {
      case CREATE, PUT -> {
        Instant until = FAR.plusMillis(Long.parseLong(argument.substring(1)));
        client.pin(new NewPin(PINNED, 0, glob, Optional.of(until)));
        yield "ok";
      }
      case DELETE -> client.unpin(PINNED, 0, glob) ? "ok" : "no";
      case READ ->
          client.pins().stream()
              .map(PathPin::pin)
              .filter(pin -> pin.glob().equals(glob))
              .map(pin -> "v" + (pin.expiresAt().orElseThrow().toEpochMilli() - FAR.toEpochMilli()))
              .findFirst()
              .orElse("-");
    };
  }
}
