package dev.larder.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.config.ConfigTree;
import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.agent.read.BlobRead;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.agent.read.ReadRig;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import dev.larder.store.BlobStore.SealedBlob;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Datasets that one node makes and another one serves. */
class TwoNodesTest {
  private static final DatasetName NAME = new DatasetName("data");
  private static final SnapshotRef DATA = SnapshotRef.parse("data");

  @TempDir Path root;
  private final FakeCoordinator coordinator = new FakeCoordinator();
  private final Random random = new Random(5);
  private final AtomicInteger fetched = new AtomicInteger();
  private Path source;
  private NodeServices maker;
  private NodeServices user;

  @BeforeEach
  void open() throws IOException {
    source = Files.createDirectories(root.resolve("source"));
    write("a.bin", 100_000);
    maker = start("maker");
    user = start("user");
    user.datasetsOfNode().catalogsFrom(this::fromMaker);
  }

  @AfterEach
  void close() {
    maker.close();
    user.close();
  }

  @Test
  void aDatasetIsThereOnTheOtherNodeAtOnce() throws IOException {
    create();
    compare("a.bin");
    assertEquals(1, fetched.get(), "the catalog came from the member that has it");
    coordinator.away(true);
    compare("a.bin");
    assertEquals(ErrorCode.UNKNOWN_DATASET, fault(SnapshotRef.parse("other")));
    coordinator.away(false);
    user.close();
    coordinator.away(true);
    user = start("user");
    compare("a.bin");
    assertEquals(1, fetched.get());
  }

  @Test
  void whoMakesACatalogSaysThatItHasIt() throws IOException {
    // What a node has when it joins is told then; this is of what it makes later.
    ReadRig.await("both said what they have", () -> coordinator.reports() >= 2);
    create();
    awaitHeldCatalog();
    write("b.bin", 70_000);
    maker.datasetsOfNode().refresh(NAME, progress -> {});
    awaitHeldCatalog();
  }

  private void awaitHeldCatalog() {
    BlobKey catalog = maker.datasetsOfNode().get(NAME).snapshots().getLast().catalog();
    ReadRig.await("told of its catalog", () -> coordinator.held().contains(catalog));
  }

  @Test
  void refreshesAndDeletionsAreFollowed() throws IOException {
    create();
    compare("a.bin");
    write("b.bin", 70_000);
    maker.datasetsOfNode().refresh(NAME, progress -> {});
    ReadRig.await("refreshed", () -> datasets().get(NAME).snapshots().size() == 2);
    compare("b.bin");
    maker.datasetsOfNode().deleteSnapshot(SnapshotRef.parse("data@1"));
    ReadRig.await("forgotten", () -> datasets().get(NAME).snapshots().size() == 1);
    user.jobsOfNode().pin(SnapshotRef.parse("data@2"), "");
    maker.datasetsOfNode().delete(NAME);
    ReadRig.await("deleted", () -> datasets().list().isEmpty());
    assertEquals(ErrorCode.UNKNOWN_DATASET, fault(DATA));
  }

  @Test
  void withNobodyToAskTheOriginIsListedAgain() throws IOException {
    create();
    user.datasetsOfNode().catalogsFrom((catalog, size, file) -> false);
    compare("a.bin");
    assertEquals(0, fetched.get());
  }

  @Test
  void aCatalogThatNobodyHasAnyMoreIsSaidSo() throws IOException {
    create();
    write("c.bin", 70_000);
    user.datasetsOfNode().catalogsFrom((catalog, size, file) -> false);
    LarderException fault =
        assertThrows(LarderException.class, () -> datasets().stat(DATA, "a.bin"));
    assertEquals(ErrorCode.ORIGIN_CHANGED, fault.code());
    assertTrue(fault.getMessage().contains("larder dataset refresh data"), fault.getMessage());
  }

  @Test
  void wrongBytesForACatalogAreRefused() throws IOException {
    create();
    user.datasetsOfNode()
        .catalogsFrom((catalog, size, file) -> {
          boolean isThere = fromMaker(catalog, size, file);
          try {
            byte[] bytes = Files.readAllBytes(file);
            bytes[1100] ^= 1;
            Files.write(file, bytes);
          } catch (IOException e) {
            throw new AssertionError(e);
          }
          return isThere;
        });
    assertEquals(ErrorCode.ORIGIN_CORRUPT, fault(DATA));
    user.datasetsOfNode().catalogsFrom(this::fromMaker);
    compare("a.bin");
  }

  private boolean fromMaker(BlobKey catalog, long sizeBytes, Path file) {
    try (SealedBlob blob = maker.store().openSealed(catalog).orElseThrow()) {
      assertEquals(sizeBytes, Files.size(blob.path()));
      Files.copy(blob.path(), file);
      fetched.incrementAndGet();
      return true;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private void create() {
    maker
        .datasetsOfNode()
        .create(NAME, source.toString(), new OriginOptions(Map.of()), progress -> {});
  }

  private Datasets datasets() {
    return user.datasetsOfNode();
  }

  private ErrorCode fault(SnapshotRef snapshot) {
    return assertThrows(LarderException.class, () -> datasets().stat(snapshot, "")).code();
  }

  private void write(String path, int size) throws IOException {
    byte[] content = new byte[size];
    random.nextBytes(content);
    Files.write(source.resolve(path), content);
  }

  private void compare(String path) throws IOException {
    Entry entry = datasets().stat(DATA, path);
    try (BlobRead read = user.plane().open(datasets().source(DATA, entry), ReadIntent.SEQUENTIAL)) {
      ReadRig.compare(read, Files.readAllBytes(source.resolve(path)), 0, entry.sizeBytes());
    }
  }

  private NodeServices start(String name) {
    AgentConfig config =
        AgentConfig.of(
            root.resolve(name),
            new ConfigTree(Map.of("dataset.sync-interval", "100ms", "store.disk-min-free", "0")));
    NodeServices made = new NodeServices(config, coordinator, new AgentMetrics("test"), "test");
    made.start();
    return made;
  }
}
