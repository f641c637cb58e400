package dev.larder.coordinator;

import static dev.larder.coordinator.CoordinatorServerTest.assertCode;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorClient.Attendance;
import dev.larder.coordinator.api.CoordinatorClient.AttendanceListener;
import dev.larder.coordinator.api.HoldingReport;
import dev.larder.coordinator.api.Role;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.testkit.Records;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What only grows stops at its bound, says so, and what is known may be told again. */
@Timeout(60)
class RowBoundsTest {
  @TempDir Path data;

  private static Limits limits() {
    return Records.with(TestCoordinator.defaults(), "rows", new CoordinatorConfig.Rows(2, 3, 2));
  }

  @Test
  void rootsAndPlacementsAreRefusedBeyondTheirBounds() {
    try (TestCoordinator coordinator = TestCoordinator.start(data, limits(), Clock.systemUTC());
        CoordinatorClient client = coordinator.grpc(Role.AGENT)) {
      client.recordRoots(List.of(Samples.root(1, 1, Trust.ATTESTED)));
      assertEquals(List.of(), client.status().full());
      client.recordRoots(List.of(Samples.root(2, 2, Trust.ATTESTED)));
      assertEquals(List.of("coordinator.roots-max"), client.status().full());
      assertCode(
          ErrorCode.TOO_MANY,
          () -> client.recordRoots(List.of(Samples.root(3, 3, Trust.ATTESTED))));
      assertEquals(List.of(), client.recordRoots(List.of(Samples.root(2, 2, Trust.VERIFIED))));
      assertEquals(2, client.status().roots());

      client.join(Samples.member("node-a", "z1"));
      report(client, List.of(1L, 2L), true);
      report(client, List.of(3L), false);
      assertTrue(client.status().full().contains("coordinator.placements-max"));
      assertCode(ErrorCode.TOO_MANY, () -> report(client, List.of(4L), false));
      report(client, List.of(3L), false);
      assertEquals(List.of(), client.holders(Samples.key(4)));
      assertEquals(List.of("node-a"), client.holders(Samples.key(3)));
      assertEquals(3, client.status().placements());
    }
  }

  private static void report(CoordinatorClient client, List<Long> held, boolean complete) {
    try (Attendance stream = client.attend("node-a", new Deaf())) {
      stream.report(
          new HoldingReport(held.stream().map(Samples::key).toList(), List.of(), complete, 0));
    }
  }

  @Test
  void theNameDeletedFirstIsForgottenAndItsNumbersAreNotUsedAgain() {
    try (TestCoordinator coordinator = TestCoordinator.start(data, limits(), Clock.systemUTC());
        CoordinatorClient client = coordinator.grpc(Role.AGENT)) {
      for (String name : List.of("z-first", "b-second", "a-third")) {
        DatasetName dataset = new DatasetName(name);
        client.createDataset(dataset, "file:///" + name, Map.of());
        client.addSnapshot(dataset, Samples.snapshot(1));
        if (name.equals("z-first")) {
          client.addSnapshot(dataset, Samples.snapshot(2));
        }
        client.deleteDataset(dataset);
      }
      assertEquals(
          Set.of(new DatasetName("b-second"), new DatasetName("a-third")),
          Set.copyOf(client.datasetList().deleted()));
      assertEquals(List.of("coordinator.tombstones-max"), client.status().full());
      DatasetName again = new DatasetName("z-first");
      client.createDataset(again, "file:///again", Map.of());
      assertEquals(3, client.addSnapshot(again, Samples.snapshot(9)).number());
    }
  }

  private static final class Deaf implements AttendanceListener {
    @Override
    public void epoch(long epoch) {}

    @Override
    public void ended(LarderException cause) {}
  }
}
