package dev.larder.coordinator.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.CoordinatorConfig;
import dev.larder.coordinator.Samples;
import dev.larder.coordinator.TestCoordinator;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.DatasetDefinition;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Damage on the disk: what can be rebuilt is, what cannot is said and nothing is lost silently. */
class RecoveryTest {
  private static final DatasetName NAME = new DatasetName("data");
  private static final int SNAPSHOTS = 55;

  @TempDir Path data;

  private TestCoordinator start() {
    CoordinatorConfig.Limits limits =
        TestCoordinator.limits(20, 5_000, 1_000, Duration.ofMinutes(1));
    return TestCoordinator.start(data, limits, Clock.systemUTC());
  }

  private List<DatasetDefinition> fill() {
    try (TestCoordinator coordinator = start()) {
      CoordinatorClient client = coordinator.server().client();
      client.createDataset(NAME, "file:///a", Map.of());
      for (int n = 0; n < SNAPSHOTS; n++) {
        client.addSnapshot(NAME, Samples.snapshot(n));
      }
      return client.datasets();
    }
  }

  private void assertHas(List<DatasetDefinition> expected) {
    try (TestCoordinator coordinator = start()) {
      assertEquals(expected, coordinator.server().client().datasets());
      long number =
          coordinator.server().client().addSnapshot(NAME, Samples.snapshot(1_000)).number();
      assertEquals(SNAPSHOTS + 1, number);
    }
  }

  @Test
  void restoresDamagedTablesFromASnapshotAndTheLog() throws IOException {
    List<DatasetDefinition> expected = fill();
    for (Path file : list(tables())) {
      if (file.getFileName().toString().startsWith("MANIFEST")) {
        Files.write(file, new byte[] {1, 2, 3});
      }
    }
    assertHas(expected);
    assertTrue(Files.isDirectory(data.resolve("coordinator/state.damaged")));
  }

  @Test
  void restoresMissingTablesFromASnapshotAndTheLog() throws IOException {
    List<DatasetDefinition> expected = fill();
    DurableFiles.deleteTree(tables());
    assertHas(expected);
  }

  @Test
  void passesOverASnapshotWithWrongBytes() throws IOException {
    List<DatasetDefinition> expected = fill();
    DurableFiles.deleteTree(tables());
    Path newest = newestSnapshot();
    Path table =
        list(newest).stream().filter(f -> f.toString().endsWith(".sst")).findFirst().orElseThrow();
    byte[] bytes = Files.readAllBytes(table);
    bytes[bytes.length / 2] ^= 1;
    Files.delete(table);
    Files.write(table, bytes);
    assertHas(expected);
    assertTrue(Files.isDirectory(newest.resolveSibling("invalid-" + newest.getFileName())));
  }

  @Test
  void refusesATornSnapshotAndGoesOnFromItsTables() throws IOException {
    List<DatasetDefinition> expected = fill();
    Path newest = newestSnapshot();
    Files.delete(newest.resolve(SnapshotManifest.NAME));
    assertHas(expected);
    assertTrue(Files.isDirectory(newest.resolveSibling("invalid-" + newest.getFileName())));
    try (TestCoordinator again = start()) {
      assertEquals(1, again.server().snapshotsSetAside());
    }
  }

  @Test
  void refusesToStartWithoutItsLog() throws IOException {
    fill();
    for (Path group : list(data.resolve("coordinator/raft"))) {
      DurableFiles.deleteTree(group);
    }
    LarderException refused = assertThrows(LarderException.class, this::start);
    assertEquals(ErrorCode.STORE_CORRUPT, refused.code());
    assertTrue(String.valueOf(refused.getMessage()).contains("log"), refused::getMessage);
  }

  @Test
  void refusesALogThatEndsBeforeItsState() throws IOException {
    fill();
    Path current = group().resolve("current");
    for (Path file : list(current)) {
      String name = file.getFileName().toString();
      if (name.startsWith("log_")) {
        Files.delete(file);
      }
    }
    LarderException refused = assertThrows(LarderException.class, this::start);
    assertEquals(ErrorCode.STORE_CORRUPT, refused.code());
  }

  @Test
  void refusesTablesThatAnotherLogMade() throws IOException {
    addInTerm(1);
    Path kept = Files.move(tables(), data.resolve("kept"));
    DurableFiles.deleteTree(data.resolve("coordinator"));
    addInTerm(2);
    addInTerm(3);
    DurableFiles.deleteTree(tables());
    Files.move(kept, tables());

    LarderException refused = assertThrows(LarderException.class, this::startWithoutSnapshots);
    assertEquals(ErrorCode.STORE_CORRUPT, refused.code());
    String why = String.valueOf(refused.getMessage());
    assertTrue(why.contains("its tables were made by entry"), why);
  }

  /** Each start is a term of its own; the third has an entry where the first had its last. */
  private void addInTerm(int number) {
    try (TestCoordinator coordinator = startWithoutSnapshots()) {
      for (int i = 0; i < 4 / number; i++) {
        coordinator
            .server()
            .client()
            .createDataset(new DatasetName("d" + number + "-" + i), "file:///a", Map.of());
      }
    }
  }

  private TestCoordinator startWithoutSnapshots() {
    return TestCoordinator.start(data, TestCoordinator.defaults(), Clock.systemUTC());
  }

  private Path tables() {
    return data.resolve("coordinator/state");
  }

  private Path group() throws IOException {
    return list(data.resolve("coordinator/raft")).getFirst();
  }

  private Path newestSnapshot() throws IOException {
    SnapshotDirectory directory = new SnapshotDirectory();
    directory.init(group().resolve("sm"));
    return directory.newest().orElseThrow().directory();
  }

  private static List<Path> list(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.sorted().toList();
    }
  }
}
