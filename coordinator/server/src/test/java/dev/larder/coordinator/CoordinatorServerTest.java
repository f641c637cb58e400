package dev.larder.coordinator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorClient.Attendance;
import dev.larder.coordinator.api.CoordinatorClient.AttendanceListener;
import dev.larder.coordinator.api.CoordinatorStatus;
import dev.larder.coordinator.api.DatasetDefinition;
import dev.larder.coordinator.api.DatasetList;
import dev.larder.coordinator.api.Dispute;
import dev.larder.coordinator.api.HoldingReport;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.PathPin;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.SnapshotDefinition;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole coordinator from the outside, in the process and over gRPC with mutual TLS. */
class CoordinatorServerTest {
  private static final DatasetName NAME = new DatasetName("training-images");

  @TempDir Path data;

  @Test
  void answersAlikeInTheProcessAndOverGrpc() {
    try (TestCoordinator coordinator = TestCoordinator.start(data)) {
      exercise(coordinator.server().client(), "local");
      try (CoordinatorClient grpc = coordinator.grpc(Role.AGENT)) {
        exercise(grpc, "grpc");
        assertEquals(coordinator.server().client().datasets(), grpc.datasets());
        assertEquals(coordinator.server().client().pins(), grpc.pins());
      }
    }
  }

  private static void exercise(CoordinatorClient client, String tag) {
    DatasetName name = new DatasetName("data-" + tag);
    DatasetDefinition made =
        client.createDataset(name, "s3://bucket/" + tag, Map.of("credentials", "env:KEY"));
    assertEquals(List.of(), made.snapshots());
    assertEquals(made, client.dataset(name));
    assertCode(ErrorCode.ALREADY_EXISTS, () -> client.createDataset(name, "s3://x", Map.of()));
    SnapshotDefinition first = client.addSnapshot(name, Samples.snapshot(1));
    assertEquals(1, first.number());
    assertEquals(first, client.addSnapshot(name, Samples.snapshot(1)));
    assertEquals(2, client.addSnapshot(name, Samples.snapshot(2)).number());
    assertEquals(2, client.dataset(name).snapshots().size());
    assertEquals(Samples.snapshot(2), client.dataset(name).newest().orElseThrow().content());

    assertCode(ErrorCode.BAD_REQUEST, () -> client.deleteSnapshots(name, List.of(2L)));
    assertCode(ErrorCode.BAD_REQUEST, () -> client.deleteSnapshots(name, List.of(0L)));
    assertEquals(client.dataset(name), client.deleteSnapshots(name, List.of(7L)));
    assertEquals(
        List.of(2L),
        client.deleteSnapshots(name, List.of(1L, 1L)).snapshots().stream()
            .map(SnapshotDefinition::number)
            .toList());
    assertEquals(client.dataset(name), client.deleteSnapshots(name, List.of(1L)));

    PathPin pin = client.pin(new NewPin(name, 0, "**/*.bin", Optional.empty()));
    assertEquals(pin, client.pin(pin.pin()));
    assertTrue(client.pins().contains(pin));
    assertCode(
        ErrorCode.UNKNOWN_DATASET, () -> client.pin(new NewPin(name, 9, "", Optional.empty())));
    assertTrue(client.unpin(name, 0, "**/*.bin"));
    assertFalse(client.unpin(name, 0, "**/*.bin"));

    long epoch = client.join(Samples.member("node-" + tag, "z1"));
    assertEquals(epoch, client.join(Samples.member("node-" + tag, "z1")));
    assertEquals(epoch + 1, client.join(Samples.member("node-" + tag, "z2")));
    assertEquals(epoch + 1, client.members().epoch());

    DatasetName unknown = new DatasetName("unknown");
    assertCode(ErrorCode.UNKNOWN_DATASET, () -> client.dataset(unknown));
    assertCode(ErrorCode.UNKNOWN_DATASET, () -> client.deleteDataset(unknown));
    assertCode(ErrorCode.UNKNOWN_DATASET, () -> client.deleteSnapshots(unknown, List.of(1L)));
    client.deleteDataset(name);
    assertCode(ErrorCode.UNKNOWN_DATASET, () -> client.dataset(name));
    client.createDataset(name, "s3://bucket/again", Map.of());
    assertEquals(3, client.addSnapshot(name, Samples.snapshot(1)).number());
  }

  @Test
  void recordsRootsOfAnyNumberInBatches() {
    List<RecordedRoot> roots =
        LongStream.range(0, 1_050).mapToObj(n -> Samples.root(n, n, Trust.ATTESTED)).toList();
    var limits = TestCoordinator.limits(20_000, 100, 1_000, Duration.ofMinutes(1));
    try (TestCoordinator coordinator =
            TestCoordinator.start(data, limits, java.time.Clock.systemUTC());
        CoordinatorClient tooLarge = coordinator.grpc(Role.AGENT)) {
      CoordinatorClient client = coordinator.server().client();
      assertEquals(List.of(), client.recordRoots(roots));
      long applied = client.status().appliedIndex();
      assertEquals(List.of(), client.recordRoots(roots));
      assertTrue(
          client.status().appliedIndex() <= applied + 1, "what is known needs no log entries");
      assertEquals(1_050, client.status().roots());
      RecordedRoot other = Samples.root(5, 99, Trust.VERIFIED);
      assertEquals(List.of(roots.get(5)), client.recordRoots(List.of(other)));
      client.recordRoots(List.of(Samples.root(6, 6, Trust.VERIFIED)));
      assertEquals(
          Trust.VERIFIED, client.roots(List.of(Samples.key(6))).get(Samples.key(6)).trust());
      assertEquals(
          1_049,
          client.roots(roots.stream().map(RecordedRoot::key).toList()).size(),
          "none stands where members do not agree");
      // The gRPC client's batches are larger than this coordinator takes: it says so.
      LarderException refused =
          assertThrows(LarderException.class, () -> tooLarge.recordRoots(roots));
      assertEquals(ErrorCode.BAD_REQUEST, refused.code());
      assertTrue(String.valueOf(refused.getMessage()).contains("coordinator.batch-max"));
    }
  }

  @Test
  void membersThatDoNotAgreeOnARootAreToldAndAThirdSettlesIt() throws Exception {
    try (TestCoordinator coordinator = TestCoordinator.start(data);
        CoordinatorClient agent = coordinator.grpc(Role.AGENT)) {
      for (String id : List.of("node-a", "node-b", "node-c")) {
        agent.join(Samples.member(id, "z1"));
      }
      BlockingQueue<Long> works = new LinkedBlockingQueue<>();
      AttendanceListener listener =
          new AttendanceListener() {
            @Override
            public void epoch(long epoch) {}

            @Override
            public void work(long version) {
              works.add(version);
            }

            @Override
            public void ended(LarderException cause) {}
          };
      RecordedRoot first = Samples.root(3, 1, Trust.ATTESTED);
      RecordedRoot second = of(first, Samples.digest(2), "node-b", 0);
      try (Attendance attendance = agent.attend("node-c", listener)) {
        attendance.report(new HoldingReport(List.of(), List.of(), true, 0));
        long before = works.poll(30, TimeUnit.SECONDS);
        agent.recordRoots(List.of(first));
        assertEquals(List.of(first), agent.recordRoots(List.of(second)));
        assertTrue(works.poll(30, TimeUnit.SECONDS) > before);
        Dispute dispute = agent.work("node-c").disputes().getFirst();
        assertEquals(List.of(first, second), dispute.claims());
        assertEquals("node-c", dispute.reader());
        assertEquals(new CoordinatorStatus.Disputes(1, 0), agent.status().disputes());
        RecordedRoot read = of(first, Samples.digest(2), "node-c", dispute.number());
        assertEquals(List.of(), agent.recordRoots(List.of(read)));
        assertEquals(Map.of(first.key(), second), agent.roots(List.of(first.key())));
        assertEquals(new CoordinatorStatus.Disputes(0, 1), agent.status().disputes());
        Dispute ended = agent.work("node-a").disputes().getFirst();
        assertEquals(Optional.of(second), ended.settled());
        assertEquals(List.of(first, second, read), ended.claims());
      }
    }
  }

  private static RecordedRoot of(RecordedRoot like, Digest root, String member, long readAgainFor) {
    return new RecordedRoot(
        like.key(), like.sizeBytes(), root, Trust.ATTESTED, member, readAgainFor);
  }

  @Test
  void theListOfDatasetsIsSentOnlyWhereItChanged() {
    try (TestCoordinator coordinator = TestCoordinator.start(data);
        CoordinatorClient agent = coordinator.grpc(Role.AGENT)) {
      DatasetName name = new DatasetName("d");
      agent.createDataset(name, "s3://b", Map.of());
      DatasetList list = agent.datasetsSince(0).orElseThrow();
      assertTrue(list.revision() > 0);
      agent.join(Samples.member("node-a", "z1"));
      agent.pin(new NewPin(name, 0, "", Optional.empty()));
      assertEquals(Optional.empty(), agent.datasetsSince(list.revision()));
      agent.addSnapshot(name, Samples.snapshot(1));
      DatasetList more = agent.datasetsSince(list.revision()).orElseThrow();
      assertTrue(more.revision() > list.revision());
      assertEquals(1, more.datasets().getFirst().snapshots().size());
      // The one with the same catalog is no other snapshot.
      agent.addSnapshot(name, Samples.snapshot(1));
      assertEquals(Optional.empty(), agent.datasetsSince(more.revision()));
      agent.deleteDataset(name);
      DatasetList none = agent.datasetsSince(more.revision()).orElseThrow();
      assertEquals(Set.of(name), none.deleted());
      assertEquals(none, agent.datasetList());
    }
  }

  @Test
  void streamsReportsAndEpochs() throws Exception {
    try (TestCoordinator coordinator = TestCoordinator.start(data);
        CoordinatorClient agent = coordinator.grpc(Role.AGENT)) {
      agent.join(Samples.member("node-a", "z1"));
      BlockingQueue<Long> epochs = new LinkedBlockingQueue<>();
      BlockingQueue<LarderException> ends = new LinkedBlockingQueue<>();
      try (Attendance attendance = agent.attend("node-a", listener(epochs, ends))) {
        attendance.report(
            new HoldingReport(List.of(Samples.key(1), Samples.key(2)), List.of(), true, 1L << 30));
        assertEquals(1L, epochs.poll(30, TimeUnit.SECONDS));
        assertEquals(List.of("node-a"), agent.holders(Samples.key(1)));
        attendance.report(
            new HoldingReport(List.of(Samples.key(3)), List.of(Samples.key(1)), false, 1));
        assertEquals(List.of(), agent.holders(Samples.key(1)));
        assertEquals(2, agent.status().placements());
        assertEquals(Map.of("node-a", 1L), agent.members().usedBytes());
        assertEquals(new CoordinatorStatus.Used(1, 1), agent.status().used());
        agent.join(Samples.member("node-b", "z1"));
        assertEquals(2L, epochs.poll(30, TimeUnit.SECONDS));
        assertTrue(agent.members().members().getFirst().lastSeen().isAfter(Instant.EPOCH));
        agent.leave("node-a");
        assertEquals(3L, epochs.poll(30, TimeUnit.SECONDS));
        assertEquals(0, agent.status().placements());
        assertEquals(CoordinatorStatus.Used.NONE, agent.status().used());
        LarderException gone =
            assertThrows(
                LarderException.class,
                () -> attendance.report(new HoldingReport(List.of(), List.of(), true, 0)));
        assertEquals(ErrorCode.BAD_REQUEST, gone.code());
        assertEquals(ErrorCode.BAD_REQUEST, ends.poll(30, TimeUnit.SECONDS).code());
      }
    }
  }

  @Test
  void endsStreamsWhenItCloses() throws Exception {
    BlockingQueue<LarderException> ends = new LinkedBlockingQueue<>();
    TestCoordinator coordinator = TestCoordinator.start(data);
    try (coordinator;
        CoordinatorClient agent = coordinator.grpc(Role.AGENT)) {
      agent.join(Samples.member("node-a", "z1"));
      Attendance attendance = agent.attend("node-a", listener(new LinkedBlockingQueue<>(), ends));
      attendance.report(new HoldingReport(List.of(), List.of(), true, 0));
      coordinator.close();
      assertEquals(ErrorCode.CLOSED, ends.poll(30, TimeUnit.SECONDS).code());
      assertEquals(0, coordinator.server().openHandles());
      coordinator.close();
      assertCode(ErrorCode.CLOSED, () -> coordinator.server().client().datasets());
    }
  }

  @Test
  void keepsEverythingOverRestartsWithSnapshots() {
    var limits = TestCoordinator.limits(20, 5_000, 1_000, Duration.ofMinutes(1));
    List<DatasetDefinition> expected = new ArrayList<>();
    for (int round = 0; round < 4; round++) {
      try (TestCoordinator coordinator =
          TestCoordinator.start(data, limits, java.time.Clock.systemUTC())) {
        CoordinatorClient client = coordinator.server().client();
        assertEquals(expected, client.datasets());
        CoordinatorStatus before = client.status();
        assertEquals(round * 30L, before.snapshots());
        DatasetName name = new DatasetName("round-" + round);
        client.createDataset(name, "file:///data", Map.of("a", "1", "b", "2"));
        for (int n = 0; n < 30; n++) {
          client.addSnapshot(name, Samples.snapshot(n));
        }
        expected = client.datasets();
        assertEquals("c1", client.status().leaderId());
      }
    }
  }

  @Test
  void removesPinsWhoseTimeIsOver() {
    var limits = TestCoordinator.limits(20_000, 100, 100, Duration.ofMillis(20));
    try (TestCoordinator coordinator =
        TestCoordinator.start(data, limits, java.time.Clock.systemUTC())) {
      CoordinatorClient client = coordinator.server().client();
      client.createDataset(NAME, "file:///a", Map.of());
      client.pin(new NewPin(NAME, 0, "", Optional.empty()));
      client.pin(new NewPin(NAME, 0, "a", Optional.of(Instant.ofEpochMilli(1))));
      assertEquals(1, client.pins().size());
      long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
      while (client.status().pins() != 1 && System.nanoTime() < end) {
        Thread.onSpinWait();
      }
      assertEquals(1, client.status().pins());
    }
  }

  @Test
  void refusesASecondCoordinatorInTheSameDirectory() {
    try (TestCoordinator first = TestCoordinator.start(data)) {
      CoordinatorConfig config =
          TestCoordinator.config(
              data, TestCoordinator.defaults(), first.ca().material(Role.COORDINATOR));
      assertCode(ErrorCode.STORE_LOCKED, () -> CoordinatorServer.start(config));
    }
  }

  @Test
  void refusesWhatIsOverABound() {
    var limits = TestCoordinator.limits(20_000, 100, 2, Duration.ofMinutes(1));
    try (TestCoordinator coordinator =
        TestCoordinator.start(data, limits, java.time.Clock.systemUTC())) {
      CoordinatorClient client = coordinator.server().client();
      client.createDataset(NAME, "file:///a", Map.of());
      client.createDataset(new DatasetName("b"), "file:///b", Map.of());
      LarderException full =
          assertThrows(
              LarderException.class,
              () -> client.createDataset(new DatasetName("c"), "file:///c", Map.of()));
      assertEquals(ErrorCode.TOO_MANY, full.code());
      assertTrue(String.valueOf(full.getMessage()).contains("coordinator.datasets-max"));
      client.addSnapshot(NAME, Samples.snapshot(1));
      client.addSnapshot(NAME, Samples.snapshot(2));
      assertCode(ErrorCode.TOO_MANY, () -> client.addSnapshot(NAME, Samples.snapshot(3)));
      assertEquals(
          2, client.addSnapshot(NAME, Samples.snapshot(2)).number(), "the newest is no new one");
      NewPin pin = new NewPin(NAME, 0, "a", Optional.empty());
      String id = client.pin(pin).id();
      client.pin(new NewPin(NAME, 0, "b", Optional.empty()));
      assertCode(ErrorCode.TOO_MANY, () -> client.pin(new NewPin(NAME, 0, "c", Optional.empty())));
      PathPin renewed = client.pin(pin, Duration.ofHours(1));
      assertEquals(id, renewed.id(), "what stands is renewed at the bound");
      assertTrue(renewed.pin().expiresAt().isPresent());
      client.join(Samples.member("a", ""));
      client.join(Samples.member("b", ""));
      assertCode(ErrorCode.TOO_MANY, () -> client.join(Samples.member("c", "")));
      client.join(Samples.member("b", "moved"));
      assertCode(ErrorCode.BAD_REQUEST, () -> client.join(Samples.member("a b", "")));
    }
  }

  private static AttendanceListener listener(
      BlockingQueue<Long> epochs, BlockingQueue<LarderException> ends) {
    return new AttendanceListener() {
      @Override
      public void epoch(long epoch) {
        epochs.add(epoch);
      }

      @Override
      public void ended(LarderException cause) {
        ends.add(cause);
      }
    };
  }

  static void assertCode(ErrorCode code, Runnable action) {
    assertEquals(code, assertThrows(LarderException.class, action::run).code());
  }
}
