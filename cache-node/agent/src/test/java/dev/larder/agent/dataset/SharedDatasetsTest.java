package dev.larder.agent.dataset;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.dataset.SharedDatasets.Plan;
import dev.larder.coordinator.api.DatasetDefinition;
import dev.larder.coordinator.api.DatasetList;
import dev.larder.coordinator.api.NewSnapshot;
import dev.larder.coordinator.api.SnapshotDefinition;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Digest;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class SharedDatasetsTest {
  private static final DatasetName A = new DatasetName("a");
  private static final DatasetName B = new DatasetName("b");

  @Test
  void whatOthersMadeIsAttached() {
    Plan plan = plan(List.of(), list(Set.of(), theirs(A, 3, 2, 3)));
    assertEquals(List.of(2L, 3L), numbers(plan.put().getFirst()));
    assertEquals("s3://a", plan.put().getFirst().snapshots().getLast().rootUri());
    assertTrue(plan.put().getFirst().snapshots().getLast().hasOwnUris());
  }

  @Test
  void whatIsEqualOrStillBeingListedIsLeftAlone() {
    Definition mine = mine(A, 1, 2);
    Plan plan = plan(List.of(mine), list(Set.of(), theirs(A, 2, 1, 2), theirs(B, 0)));
    assertEquals(new Plan(List.of(), List.of()), plan);
  }

  @Test
  void newSnapshotsComeAndForgottenOnesGo() {
    Plan plan = plan(List.of(mine(A, 1, 2)), list(Set.of(), theirs(A, 3, 2, 3)));
    assertEquals(List.of(2L, 3L), numbers(plan.put().getFirst()));
  }

  @Test
  void whatIsUsedHereStays() {
    DatasetList there = list(Set.of(), theirs(A, 3, 2, 3));
    Plan plan = SharedDatasets.plan(List.of(mine(A, 1, 2)), there, (name, number) -> number == 1);
    assertEquals(List.of(1L, 2L, 3L), numbers(plan.put().getFirst()));
    assertFalse(plan.isFinal(), "it goes once it is not used, by the same list");
    Plan now = SharedDatasets.plan(plan.put(), there, (name, number) -> false);
    assertEquals(List.of(2L, 3L), numbers(now.put().getFirst()));
    assertTrue(now.isFinal());
  }

  @Test
  void whatTheCoordinatorNeverHeardOfStays() {
    // It lost its state, or an older copy of it was put back.
    assertEquals(
        new Plan(List.of(), List.of()), plan(List.of(mine(A, 1, 2), mine(B, 1)), list(Set.of())));
    Plan plan = plan(List.of(mine(A, 1, 2, 3)), list(Set.of(), theirs(A, 2, 1, 2)));
    assertEquals(new Plan(List.of(), List.of()), plan);
  }

  @Test
  void onlyWhatWasDeletedIsDeleted() {
    Plan plan = plan(List.of(mine(A, 1), mine(B, 1)), list(Set.of(B)));
    assertEquals(List.of(B), plan.deleted());
    assertEquals(List.of(), plan.put());
  }

  private static Plan plan(List<Definition> here, DatasetList there) {
    return SharedDatasets.plan(here, there, (name, number) -> false);
  }

  private static DatasetList list(Set<DatasetName> deleted, DatasetDefinition... datasets) {
    return new DatasetList(List.of(datasets), deleted);
  }

  private static List<Long> numbers(Definition definition) {
    return definition.snapshots().stream().map(each -> each.info().number()).toList();
  }

  private static Definition mine(DatasetName name, long... numbers) {
    DatasetList there = list(Set.of(), theirs(name, numbers[numbers.length - 1], numbers));
    return plan(List.of(), there).put().getFirst();
  }

  private static DatasetDefinition theirs(DatasetName name, long last, long... numbers) {
    List<SnapshotDefinition> snapshots =
        LongStream.of(numbers)
            .mapToObj(number ->
                new SnapshotDefinition(
                    number,
                    new NewSnapshot(
                        BlobKey.sha256(new Digest(number, 0, 0, 0)),
                        new Digest(0, number, 0, 0),
                        4096,
                        1,
                        100,
                        0,
                        "s3://" + name,
                        true,
                        Instant.EPOCH,
                        Instant.EPOCH)))
            .toList();
    return new DatasetDefinition(name, "s3://" + name, Map.of(), Instant.EPOCH, snapshots, last);
  }
}
