package dev.larder.coordinator;

import static dev.larder.coordinator.CoordinatorServerTest.assertCode;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorClient.Attendance;
import dev.larder.coordinator.api.CoordinatorClient.AttendanceListener;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.HoldingReport;
import dev.larder.coordinator.api.MemberChange;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberList;
import dev.larder.coordinator.api.MemberState;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.testkit.FakeClock;
import dev.larder.testkit.Records;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Members of a running coordinator: they come, say that they live, drain and go. */
@Timeout(120)
class FleetTest {
  private static final HoldingReport ALIVE = new HoldingReport(List.of(), List.of(), false, 0);
  private static final HoldingReport NOTHING = new HoldingReport(List.of(), List.of(), true, 0);

  @TempDir Path data;

  private final FakeClock forward = new FakeClock();
  private final AtomicLong stepSeconds = new AtomicLong();
  private final AtomicLong usable = new AtomicLong(Long.MAX_VALUE);

  private CoordinatorServer start(CoordinatorConfig.Fleet fleet) {
    CoordinatorConfig.Limits limits = Records.with(TestCoordinator.defaults(), "fleet", fleet);
    DevCa ca = DevCa.create(data.resolve("tls"), Clock.systemUTC());
    return CoordinatorServer.start(
        TestCoordinator.config(data, limits, ca.material(Role.COORDINATOR)),
        () -> Instant.now().plusSeconds(stepSeconds.get()),
        forward::nanos,
        usable::get);
  }

  private static CoordinatorConfig.Fleet minute() {
    return new CoordinatorConfig.Fleet(
        Duration.ofSeconds(30), Duration.ofMinutes(1), Duration.ofSeconds(1));
  }

  @Test
  void whoIsSilentIsRemovedAndStepsOfTheClockRemoveNobody() throws Exception {
    try (CoordinatorServer server = start(minute())) {
      CoordinatorClient client = server.client();
      client.join(Samples.member("a", "z1"));
      forward.advance(Duration.ofSeconds(2));
      client.join(Samples.member("b", "z1"));
      Attendance a = client.attend("a", new Notes());
      Attendance b = client.attend("b", new Notes());
      a.report(NOTHING);
      b.report(NOTHING);
      long applied = client.status().appliedIndex();
      a.report(ALIVE);
      assertTrue(client.status().appliedIndex() <= applied + 1, "a sign of life is no record");
      for (long step : new long[] {3_600, -3_600, 0}) {
        stepSeconds.set(step);
        forward.advance(Duration.ofSeconds(20));
        a.report(ALIVE);
        b.report(ALIVE);
        assertEquals(2, settled(server, 2).members().size(), "a step of " + step + " s");
      }
      // One falls silent; the time is the forward clock's.
      forward.advance(Duration.ofSeconds(29));
      b.report(ALIVE);
      forward.advance(Duration.ofSeconds(2));
      assertEquals(List.of("b"), ids(settled(server, 1)));
      assertCode(ErrorCode.BAD_REQUEST, () -> a.report(ALIVE));
      assertCode(ErrorCode.BAD_REQUEST, () -> client.drain("a", false));
      // It comes back with an epoch that is old by now, and hears how the list became this one.
      long known = client.members().epoch();
      client.join(Samples.member("a", "z2"));
      forward.advance(Duration.ofSeconds(2));
      settled(server, 2);
      Notes notes = new Notes();
      notes.known = known;
      try (Attendance back = client.attend("a", notes)) {
        back.report(NOTHING);
        MemberChange change = notes.changes.poll(30, TimeUnit.SECONDS);
        assertEquals(known, change.fromEpoch());
        assertEquals(List.of("a"), change.put().stream().map(MemberInfo::id).toList());
      }
    }
  }

  @Test
  void drainedMembersStayUntilTheyLeaveAndNewcomersWait() {
    try (CoordinatorServer server = start(minute())) {
      CoordinatorClient client = server.client();
      client.join(Samples.member("a", "z1"));
      client.join(Samples.member("b", "z1"));
      for (int i = 0; i < 7; i++) {
        forward.advance(Duration.ofSeconds(10));
        for (String id : List.of("a", "b")) {
          client.attend(id, new Notes()).report(ALIVE);
        }
      }
      TestGroup.await("both are stable", () -> stable(server) == 2);
      client.join(Samples.member("c", "z2"));
      forward.advance(Duration.ofSeconds(2));
      MemberList list = settled(server, 3);
      assertEquals(MemberState.JOINING, member(list, "c").state());
      assertEquals(0, member(list, "c").weight());
      assertEquals(1024, member(list, "a").weight(), "a TiB in GiB");
      client.drain("a", false);
      forward.advance(Duration.ofSeconds(2));
      TestGroup.await(
          "it drains", () -> member(client.members(), "a").state() == MemberState.DRAINING);
      assertEquals(0, member(client.members(), "a").weight());
      client.leave("a");
      forward.advance(Duration.ofSeconds(2));
      assertEquals(List.of("b", "c"), ids(settled(server, 2)));
    }
  }

  @Test
  void aHundredAgentsJoinAtOnceInUnderASecondEach() throws Exception {
    // Real time: what members wait for is what is measured.
    CoordinatorConfig.Limits limits =
        Records.with(TestCoordinator.defaults(), "fleet", CoordinatorConfig.Fleet.defaults());
    try (TestCoordinator coordinator = TestCoordinator.start(data, limits, Clock.systemUTC());
        CoordinatorClient grpc = coordinator.grpc(Role.AGENT)) {
      // A coordinator that just started has its code to learn; that is not what is measured.
      for (int n = 0; n < 100; n++) {
        grpc.join(Samples.member("warm", "z" + n));
      }
      grpc.leave("warm");
      TestGroup.await("nobody is left", () -> grpc.members().members().isEmpty());
      long before = grpc.members().epoch();
      try (Agents agents = new Agents(coordinator, 100)) {
        long began = System.nanoTime();
        agents.all(Agent::connect);
        long connected = System.nanoTime();
        agents.all(Agent::join);
        TestGroup.await(
            "all hear of the list with all",
            () ->
                grpc.status().members() == 100
                    // The list follows at most an epoch's interval later.
                    && grpc.members().members().size() == 100
                    && agents.list.stream()
                        .allMatch(agent -> agent.notes.known >= grpc.members().epoch()));
        long heard = System.nanoTime();
        agents.all(agent -> agent.stream().report(ALIVE));
        long epoch = grpc.members().epoch();
        long slowest =
            agents.list.stream().mapToLong(agent -> agent.joinMillis).max().orElseThrow();
        System.err.printf(
            "100 agents: connected in %d ms, slowest join %d ms, all heard of all %d ms later,"
                + " epochs %d%n",
            (connected - began) / 1_000_000,
            slowest,
            (heard - connected) / 1_000_000,
            epoch - before);
        assertTrue(slowest <= 1_000, "slowest join " + slowest + " ms");
        assertTrue(epoch - before <= 4, "one epoch a second at most: " + (epoch - before));
        assertEquals(
            Set.copyOf(agents.list.stream().map(agent -> agent.id).toList()),
            Set.copyOf(ids(grpc.members())));
        assertTrue(
            grpc.members().members().stream().allMatch(m -> m.weight() == 1024),
            "while nobody is stable all track");
        // Its certificate speaks for one node alone.
        assertCode(
            ErrorCode.UNAUTHENTICATED,
            () -> agents.list.get(7).client().join(Samples.member("node-8", "z1")));
        // A restart of one is no news.
        agents.list.get(7).join();
        assertEquals(epoch, grpc.members().epoch());
      }
    }
  }

  /** An agent's session: a certificate, a connection and a stream of its own. */
  private static final class Agent {
    private final String id;
    private final TestCoordinator coordinator;
    private final TlsMaterial tls;
    private final Notes notes = new Notes();
    private volatile @Nullable GrpcCoordinatorClient client;
    private volatile @Nullable Attendance stream;
    private volatile long joinMillis;

    Agent(TestCoordinator coordinator, String id) {
      this.coordinator = coordinator;
      this.id = id;
      this.tls = coordinator.ca().agent(id);
    }

    void connect() {
      client = coordinator.grpc(tls);
      long unused = client().members().epoch();
    }

    void join() {
      long began = System.nanoTime();
      long unused = client().join(Samples.member(id, "z" + id.length()));
      joinMillis = (System.nanoTime() - began) / 1_000_000;
      if (stream == null) {
        stream = client().attend(id, notes);
        stream().report(NOTHING);
      }
    }

    GrpcCoordinatorClient client() {
      return Objects.requireNonNull(client, "connected");
    }

    Attendance stream() {
      return Objects.requireNonNull(stream, "joined");
    }
  }

  private static final class Agents implements AutoCloseable {
    private final List<Agent> list;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

    Agents(TestCoordinator coordinator, int count) {
      list = IntStream.range(0, count).mapToObj(n -> new Agent(coordinator, "node-" + n)).toList();
    }

    /** All do it at once. */
    void all(Consumer<Agent> doing) throws Exception {
      CountDownLatch go = new CountDownLatch(1);
      List<Future<?>> done = new ArrayList<>();
      for (Agent agent : list) {
        done.add(
            threads.submit(() -> {
              go.await();
              doing.accept(agent);
              return null;
            }));
      }
      go.countDown();
      for (Future<?> each : done) {
        each.get(60, TimeUnit.SECONDS);
      }
    }

    @Override
    public void close() {
      threads.shutdownNow();
      for (Agent agent : list) {
        GrpcCoordinatorClient client = agent.client;
        if (client != null) {
          client.close();
        }
      }
    }
  }

  @Test
  void aFullDiskRefusesChangesAndReadsGoOn() {
    try (CoordinatorServer server = start(minute())) {
      CoordinatorClient client = server.client();
      client.createDataset(new dev.larder.protocol.DatasetName("d"), "file:///d", Map.of());
      usable.set(0);
      TestGroup.await("changes are refused", () -> code(client) == ErrorCode.STORE_FULL);
      assertEquals(1, client.datasets().size());
      usable.set(Long.MAX_VALUE);
      TestGroup.await("changes go on", () -> code(client) == null);
      client.deleteDataset(new dev.larder.protocol.DatasetName("d"));
    }
  }

  private static @Nullable ErrorCode code(CoordinatorClient client) {
    try {
      client.leave("nobody");
      return null;
    } catch (LarderException e) {
      return e.code();
    }
  }

  private static long stable(CoordinatorServer server) {
    return server.node().readLocal(q -> q.memberFacts()).members().stream()
        .filter(fact -> fact.stable())
        .count();
  }

  /** The list once it has so many members and nothing is left to be said. */
  private static MemberList settled(CoordinatorServer server, int size) {
    CoordinatorClient client = server.client();
    TestGroup.await(
        size + " members",
        () ->
            client.members().members().size() == size
                && !server.node().readLocal(q -> q.isUnpublished()));
    return client.members();
  }

  private static MemberInfo member(MemberList list, String id) {
    return list.members().stream().filter(m -> m.id().equals(id)).findFirst().orElseThrow();
  }

  private static List<String> ids(MemberList list) {
    return list.members().stream().map(MemberInfo::id).toList();
  }

  /** What one member hears. */
  private static final class Notes implements AttendanceListener {
    private final BlockingQueue<MemberChange> changes = new LinkedBlockingQueue<>();
    private volatile long known;

    @Override
    public long knownEpoch() {
      return known;
    }

    @Override
    public void members(MemberChange change) {
      changes.add(change);
    }

    @Override
    public void epoch(long epoch) {
      known = Math.max(known, epoch);
    }

    @Override
    public void ended(LarderException cause) {
      // Reports say so too.
    }
  }
}
