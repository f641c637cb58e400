package dev.larder.agent;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.Datasets.DatasetInfo;
import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.agent.job.Jobs;
import dev.larder.agent.job.Jobs.JobInfo;
import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.agent.read.BlobRead;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.agent.read.ReadRig;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NodeServicesTest {
  private static final DatasetName NAME = new DatasetName("data");
  private static final SnapshotRef DATA = SnapshotRef.parse("data");
  private static final OriginOptions NONE = new OriginOptions(Map.of());

  @TempDir Path root;
  private final FakeCoordinator coordinator = new FakeCoordinator();
  private final Random random = new Random(7);
  private Path source;
  private NodeServices node;

  @BeforeEach
  void open() throws IOException {
    source = Files.createDirectories(root.resolve("source/deep/er")).resolve("../..").normalize();
    write("small.txt", 1234);
    write("deep/er/large.bin", (5 << 20) + 99);
    write("deep/b", 70_000);
    write("empty", 0);
    node = start();
  }

  @AfterEach
  void close() {
    node.close();
  }

  @Test
  void servesADatasetOfADirectory() throws IOException {
    DatasetInfo info = create();
    assertEquals(1, info.snapshots().size());
    assertEquals(4, info.snapshots().getFirst().files());
    assertEquals(
        List.of("deep", "empty", "small.txt"),
        datasets().list(DATA, "", Optional.empty(), 10).stream().map(Entry::name).toList());
    assertEquals(
        List.of("empty", "small.txt"),
        datasets().list(DATA, "", Optional.of("deep"), 10).stream().map(Entry::name).toList());
    assertNotNull(node.datasetsOfNode().tryStat(DATA, "deep/b"));
    for (String path : List.of("small.txt", "deep/er/large.bin", "deep/b", "empty")) {
      compare(path);
    }
    assertEquals(ErrorCode.NO_SUCH_PATH, fault(() -> datasets().stat(DATA, "nothing")));
    assertEquals(
        ErrorCode.UNKNOWN_DATASET, fault(() -> datasets().stat(SnapshotRef.parse("x"), "")));
    assertEquals(
        ErrorCode.UNKNOWN_DATASET, fault(() -> datasets().stat(SnapshotRef.parse("data@9"), "")));
    assertEquals(
        ErrorCode.WRONG_TYPE, fault(() -> datasets().list(DATA, "empty", Optional.empty(), 1)));
    assertEquals(ErrorCode.ALREADY_EXISTS, fault(this::create));
  }

  @Test
  void knowsTheMembersAlsoWhileTheCoordinatorIsAway() {
    String self = node.cluster().self();
    ReadRig.await("it knows itself", () -> node.cluster().view().peers().containsKey(self));
    ReadRig.await("it is heard", () -> node.coordinator().available());
    coordinator.away(true);
    ReadRig.await("it is away", () -> !node.coordinator().available());
    assertTrue(node.cluster().view().peers().containsKey(self), "the last view is kept");
    coordinator.leave(self, "another");
    coordinator.away(false);
    // Removed by the coordinator meanwhile, it joins again and learns the newer list.
    ReadRig.await(
        "it knows the newcomer", () -> node.cluster().view().peers().containsKey("another"));
    ReadRig.await("it joined", () -> node.cluster().view().peers().containsKey(self));
    // The list comes before the answer to the sign of life.
    ReadRig.await("it is heard", () -> node.gauges().get("coordinator_majority") == 1);
    assertEquals(2L, node.gauges().get("cluster_members"));
  }

  @Test
  void aRestartNeedsNeitherOriginNorCoordinator() throws IOException {
    create();
    List<String> paths = List.of("small.txt", "deep/er/large.bin", "deep/b");
    List<byte[]> contents = new ArrayList<>();
    for (String path : paths) {
      contents.add(Files.readAllBytes(source.resolve(path)));
    }
    warm("");
    node.close();
    coordinator.away(true);
    for (String path : paths) {
      Files.delete(source.resolve(path));
    }
    node = start();
    for (int i = 0; i < paths.size(); i++) {
      compare(paths.get(i), contents.get(i));
    }
    assertEquals(0, node.counters().get("origin_requests_total"));
    assertFalse(node.coordinator().available());
    assertEquals(ErrorCode.COORDINATOR_UNAVAILABLE, fault(() -> datasets().delete(NAME)));
  }

  @Test
  void refreshMakesASnapshotOnlyWhereSomethingChanged() throws IOException {
    create();
    assertEquals(1, datasets().refresh(NAME, progress -> {}).snapshots().size());
    Entry before = datasets().stat(DATA, "small.txt");
    byte[] old = Files.readAllBytes(source.resolve("small.txt"));
    compare("small.txt");
    write("small.txt", 2000);
    assertEquals(2, datasets().refresh(NAME, progress -> {}).snapshots().size());
    Entry after = datasets().stat(DATA, "small.txt");
    assertNotEquals(before.key(), after.key());
    compare("small.txt");
    SnapshotRef first = SnapshotRef.parse("data@1");
    try (BlobRead read = open(first, datasets().stat(first, "small.txt"))) {
      ReadRig.compare(read, old, 0, old.length);
    }
  }

  @Test
  void aFileChangedSinceTheListingIsAnErrorNotAMixture() throws IOException {
    create();
    write("deep/b", 70_000);
    assertEquals(ErrorCode.ORIGIN_CHANGED, fault(() -> compare("deep/b")));
    Files.delete(source.resolve("small.txt"));
    assertEquals(ErrorCode.ORIGIN_GONE, fault(() -> compare("small.txt")));
  }

  @Test
  void oldSnapshotsAreDroppedUnlessPinned() throws IOException {
    node.close();
    AgentConfig config =
        AgentConfig.of(
            root.resolve("data"),
            new dev.larder.agent.config.ConfigTree(
                Map.of("dataset.snapshots-max", "2", "store.disk-min-free", "0")));
    node = new NodeServices(config, coordinator, new AgentMetrics("test"), "test");
    node.start();
    create();
    jobs().pin(SnapshotRef.parse("data@1"), "small.txt");
    for (int i = 0; i < 3; i++) {
      write("small.txt", 3000 + i);
      datasets().refresh(NAME, progress -> {});
    }
    assertEquals(List.of(1L, 4L), numbers(datasets().get(NAME)));
    assertEquals(2, coordinator.dataset(NAME).snapshots().size());
  }

  @Test
  void oldSnapshotsAreDeletedHereAndAtTheCoordinator() throws IOException {
    create();
    List<BlobKey> catalogs = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      write("small.txt", 3000 + i);
      datasets().refresh(NAME, progress -> {});
    }
    datasets().get(NAME).snapshots().forEach(each -> catalogs.add(each.catalog()));
    jobs().pin(SnapshotRef.parse("data@2"), "small.txt");
    assertEquals(
        ErrorCode.BAD_REQUEST, fault(() -> datasets().deleteSnapshot(SnapshotRef.parse("data"))));
    assertEquals(
        ErrorCode.BAD_REQUEST, fault(() -> datasets().deleteSnapshot(SnapshotRef.parse("data@6"))));
    assertEquals(
        ErrorCode.BAD_REQUEST, fault(() -> datasets().deleteSnapshot(SnapshotRef.parse("data@2"))));
    assertEquals(
        ErrorCode.UNKNOWN_DATASET,
        fault(() -> datasets().deleteSnapshot(SnapshotRef.parse("data@9"))));
    datasets().deleteSnapshot(SnapshotRef.parse("data@1"));
    assertEquals(
        ErrorCode.UNKNOWN_DATASET,
        fault(() -> datasets().deleteSnapshot(SnapshotRef.parse("data@1"))));
    assertEquals(
        ErrorCode.UNKNOWN_DATASET, fault(() -> datasets().stat(SnapshotRef.parse("data@1"), "")));
    assertEquals(ErrorCode.BAD_REQUEST, fault(() -> datasets().keepLast(NAME, 0)));
    coordinator.away(true);
    assertEquals(ErrorCode.COORDINATOR_UNAVAILABLE, fault(() -> datasets().keepLast(NAME, 2)));
    coordinator.away(false);
    assertEquals(List.of(3L, 4L), datasets().keepLast(NAME, 2));
    assertEquals(List.of(), datasets().keepLast(NAME, 2));
    List<Long> left = List.of(2L, 5L, 6L);
    assertEquals(left, numbers(datasets().get(NAME)));
    assertEquals(
        left, coordinator.dataset(NAME).snapshots().stream().map(each -> each.number()).toList());
    for (int i = 0; i < catalogs.size(); i++) {
      boolean stays = left.contains(i + 1L);
      assertEquals(
          stays, node.store().find(catalogs.get(i)).orElseThrow().pinned(), "catalog " + (i + 1));
    }
    node.close();
    node = start();
    assertEquals(left, numbers(datasets().get(NAME)));
    assertEquals(
        ErrorCode.UNKNOWN_DATASET, fault(() -> datasets().stat(SnapshotRef.parse("data@4"), "")));
    datasets().stat(SnapshotRef.parse("data@5"), "small.txt");
  }

  private static List<Long> numbers(DatasetInfo info) {
    return info.snapshots().stream().map(Datasets.SnapshotInfo::number).toList();
  }

  @Test
  void afterADeletionNothingIsLeft() throws IOException {
    DatasetInfo info = create();
    jobs().pin(DATA, "");
    warm("");
    datasets().delete(NAME);
    assertEquals(ErrorCode.UNKNOWN_DATASET, fault(() -> datasets().get(NAME)));
    assertTrue(jobs().pins().isEmpty());
    assertFalse(node.store().find(info.snapshots().getFirst().catalog()).orElseThrow().pinned());
    assertFalse(Files.exists(root.resolve("data/datasets/data.json")));
    create();
    assertEquals(1, datasets().get(NAME).snapshots().size());
  }

  @Test
  void aFailingListingLeavesNothingDefined() {
    assertEquals(
        ErrorCode.ORIGIN_GONE,
        fault(() ->
            datasets().create(NAME, root.resolve("missing").toString(), NONE, progress -> {})));
    assertTrue(datasets().list().isEmpty());
    assertTrue(coordinator.datasets().isEmpty());
    coordinator.away(true);
    assertEquals(ErrorCode.COORDINATOR_UNAVAILABLE, fault(this::create));
    assertTrue(datasets().list().isEmpty());
    coordinator.away(false);
    create();
  }

  @Test
  void warmUpsTellTheTruth() {
    create();
    JobInfo done = warm("deep");
    assertEquals(Jobs.State.DONE, done.state());
    assertEquals(2, done.files());
    assertEquals(2, done.doneFiles());
    assertEquals(done.bytes(), done.doneBytes());
    Entry large = datasets().stat(DATA, "deep/er/large.bin");
    try (BlobRead read = open(DATA, large)) {
      assertTrue(read.isLocal());
    }
    assertEquals(ErrorCode.BAD_REQUEST, fault(() -> jobs().warm(DATA, "{")));
  }

  @Test
  void aWarmUpThatFailsNamesTheFile() throws IOException {
    create();
    Files.delete(source.resolve("deep/b"));
    JobInfo failed = warm("");
    assertEquals(Jobs.State.FAILED, failed.state());
    assertEquals(1, failed.failed());
    assertTrue(failed.firstError().orElseThrow().startsWith("deep/b"));
  }

  @Test
  void pinsOutliveARestartAndFollowTheNewest() throws IOException {
    create();
    jobs().pin(DATA, "deep");
    Entry old = datasets().stat(DATA, "deep/b");
    warm("");
    assertTrue(node.store().find(old.key().orElseThrow()).orElseThrow().pinned());
    node.close();
    node = start();
    assertEquals(1, jobs().pins().size());
    assertEquals(2, jobs().pins().getFirst().files());
    write("deep/b", 80_000);
    datasets().refresh(NAME, progress -> {});
    warm("");
    Entry renewed = datasets().stat(DATA, "deep/b");
    assertTrue(node.store().find(renewed.key().orElseThrow()).orElseThrow().pinned());
    assertFalse(node.store().find(old.key().orElseThrow()).orElseThrow().pinned());
    assertEquals(1, jobs().unpin(DATA, "deep"));
    assertEquals(0, jobs().unpin(DATA, "deep"));
    assertFalse(node.store().find(renewed.key().orElseThrow()).orElseThrow().pinned());
  }

  @Test
  void rootsAndCatalogsAreReportedAlsoWhenTheCoordinatorWasAway() {
    DatasetInfo info = create();
    coordinator.away(true);
    warm("");
    node.close();
    node = start();
    coordinator.away(false);
    Entry large = datasets().stat(DATA, "deep/er/large.bin");
    ReadRig.await(
        "root recorded", () -> coordinator.recorded().containsKey(large.key().orElseThrow()));
    ReadRig.await(
        "catalog held", () -> coordinator.held().contains(info.snapshots().getFirst().catalog()));
    ReadRig.await("seen", () -> node.coordinator().available());
  }

  @Test
  void theListOfDatasetsIsFetchedOnlyWhereItChanged() {
    create();
    DatasetName other = new DatasetName("other");
    SnapshotRef unknown = SnapshotRef.parse("other");
    assertThrows(LarderException.class, () -> datasets().stat(unknown, "small.txt"));
    int sent = coordinator.listsSent();
    for (int asked = 0; asked < 5; asked++) {
      // An unknown name has the coordinator asked, and so does each interval.
      assertThrows(LarderException.class, () -> datasets().stat(unknown, "small.txt"));
    }
    assertEquals(sent, coordinator.listsSent());
    coordinator.createDataset(other, source.toString(), Map.of());
    coordinator.addSnapshot(other, coordinator.dataset(NAME).newest().orElseThrow().content());
    assertEquals("small.txt", datasets().stat(unknown, "small.txt").path());
    assertEquals(sent + 1, coordinator.listsSent());
  }

  @Test
  void aBlobWhoseRootIsNotTheRecordedOneIsSetAside() {
    create();
    Entry small = datasets().stat(DATA, "small.txt");
    coordinator.record(
        new RecordedRoot(
            small.key().orElseThrow(), 1234, new Digest(1, 2, 3, 4), Trust.VERIFIED, "other"));
    warm("small.txt");
    ReadRig.await("counted", () -> node.counters().get("root_conflicts_total") == 1);
    ReadRig.await("set aside", () -> node.store().find(small.key().orElseThrow()).isEmpty());
  }

  @Test
  void blobsOutliveALostIndexByTheirRecordedRoots() throws Exception {
    create();
    warm("deep/**");
    BlobKey large = datasets().stat(DATA, "deep/er/large.bin").key().orElseThrow();
    assertEquals(BlobKey.Kind.ORIGIN, large.kind());
    ReadRig.await("root recorded", () -> coordinator.recorded().containsKey(large));
    node.close();
    try (Stream<Path> index = Files.list(root.resolve("data/index"))) {
      for (Path file : index.toList()) {
        if (file.getFileName().toString().startsWith("MANIFEST")) {
          Files.delete(file);
        }
      }
    }
    node = start();
    ReadRig.await(
        "taken in",
        () ->
            node.store()
                .find(large)
                .filter(info -> info.state() == BlobStore.State.SEALED)
                .isPresent());
  }

  @Test
  void sourceOfFindsWhatACatalogLists() {
    create();
    Entry large = datasets().stat(DATA, "deep/er/large.bin");
    assertEquals(
        "deep/er/large.bin",
        datasets().sourceOf(large.key().orElseThrow()).orElseThrow().object().path());
    assertEquals(
        large.key(),
        Optional.of(datasets().sourceOf(large.key().orElseThrow()).orElseThrow().object().key()));
  }

  private NodeServices start() {
    NodeServices made =
        new NodeServices(
            AgentConfig.defaults(root.resolve("data")),
            coordinator,
            new AgentMetrics("test"),
            "test");
    made.start();
    return made;
  }

  private Datasets datasets() {
    return node.datasetsOfNode();
  }

  private Jobs jobs() {
    return node.jobsOfNode();
  }

  private DatasetInfo create() {
    return datasets().create(NAME, source.toString(), NONE, progress -> {});
  }

  private JobInfo warm(String glob) {
    JobInfo job = jobs().warm(DATA, glob);
    ReadRig.await(
        "warm-up", () -> jobs().find(job.id()).orElseThrow().state() != Jobs.State.RUNNING);
    return jobs().find(job.id()).orElseThrow();
  }

  private void write(String path, int size) throws IOException {
    byte[] content = new byte[size];
    random.nextBytes(content);
    Path file = source.resolve(path);
    Files.createDirectories(file.resolveSibling("."));
    Files.write(file, content);
    assertArrayEquals(content, Files.readAllBytes(file));
  }

  private BlobRead open(SnapshotRef snapshot, Entry entry) {
    return node.plane().open(datasets().source(snapshot, entry), ReadIntent.WHOLE);
  }

  private void compare(String path) {
    try {
      compare(path, Files.readAllBytes(source.resolve(path)));
    } catch (IOException e) {
      compare(path, new byte[1 << 20]);
    }
  }

  private void compare(String path, byte[] expected) {
    Entry entry = datasets().stat(DATA, path);
    try (BlobRead read = open(DATA, entry)) {
      ReadRig.compare(read, expected, 0, entry.sizeBytes());
    }
  }

  private static ErrorCode fault(org.junit.jupiter.api.function.Executable work) {
    return assertThrows(LarderException.class, work).code();
  }
}
