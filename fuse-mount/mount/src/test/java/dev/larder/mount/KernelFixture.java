package dev.larder.mount;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.config.ConfigTree;
import dev.larder.agent.fill.FillConfig;
import dev.larder.agent.fill.FillEngine;
import dev.larder.agent.fill.FillMeter;
import dev.larder.agent.fill.Roots;
import dev.larder.agent.mount.Mounts.Kind;
import dev.larder.agent.mount.Mounts.MountSpec;
import dev.larder.agent.mount.Mounts.UnmountMode;
import dev.larder.agent.read.CachedReadPlane;
import dev.larder.agent.read.ReadConfig;
import dev.larder.erofs.CatalogOptions;
import dev.larder.erofs.CatalogWriter;
import dev.larder.keeper.KeeperConfig;
import dev.larder.keeper.KeeperConfig.Layers;
import dev.larder.keeper.KeeperProcess;
import dev.larder.mount.contract.ContractTree;
import dev.larder.mount.contract.Mounted;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.SnapshotRef;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.LarderStore;
import dev.larder.store.StoreConfig;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * The contract's tree mounted by this kernel as a node does it: real store, fills, FUSE server,
 * keeper in a process of its own, EROFS and overlayfs. Only the dataset is made up.
 */
final class KernelFixture implements Mounted {
  private final Path directory;
  private final Path target;
  private final Deque<AutoCloseable> parts = new ArrayDeque<>();
  private KernelMounts kernel;
  private LarderStore store;
  private Process keeper;

  private KernelFixture(Path directory) throws IOException {
    this.directory = directory;
    this.target = Files.createDirectory(directory.resolve("mnt"));
  }

  /**
   * Mounts it with nothing in the store.
   *
   * @param settings {@code mount.*} keys other than the defaults
   * @param layers how the keeper names layers to the kernel
   */
  static KernelFixture mount(ContractTree tree, Map<String, String> settings, Layers layers)
      throws Exception {
    Path directory = Files.createTempDirectory("wired");
    directory.toFile().setExecutable(true, false);
    KernelFixture fixture = new KernelFixture(directory);
    try {
      fixture.start(tree, settings, layers);
      return fixture;
    } catch (Exception | Error e) {
      fixture.close();
      throw e;
    }
  }

  private void start(ContractTree tree, Map<String, String> settings, Layers layers)
      throws Exception {
    MountSettings mounting = MountSettings.of(new ConfigTree(new HashMap<>(settings)));
    Path data = Files.createDirectory(directory.resolve("data"));
    Path run = directory.resolve("run");
    store = own(LarderStore.open(StoreConfig.defaults(data)));
    Path image = directory.resolve("image");
    BlobKey catalog;
    try (CatalogWriter writer = new CatalogWriter(CatalogOptions.DEFAULT, directory)) {
      tree.listing().forEach(writer::add);
      catalog = writer.finish(image).key();
    }
    store.putFile(catalog, image, Trust.VERIFIED);
    TreeDatasets datasets = new TreeDatasets(tree, catalog);
    FillEngine engine =
        own(new FillEngine(FillConfig.defaults(), store, new NoRoots(), FillMeter.NONE));
    CachedReadPlane plane =
        own(new CachedReadPlane(ReadConfig.defaults(), store, engine, datasets, 0));
    NodeBlobs blobs =
        own(
            new NodeBlobs(
                store,
                plane,
                datasets,
                mounting.mount(),
                mounting.fuse().readDeadline(),
                () -> {}));
    blobs.start();
    KeeperLink link =
        new KeeperLink(
            mounting,
            run,
            data.resolve("blobs"),
            blobs,
            at -> startKeeper(mounting.keeper(at), layers));
    parts.push(() -> link.close(true));
    store.guardEvictions(new LeaseGuard(link));
    PackedCatalogs packed = new PackedCatalogs(store, directory.resolve("packed"));
    packed.load();
    kernel =
        new KernelMounts(
            mounting.mount(),
            datasets,
            store,
            link,
            new MountBook(directory.resolve("mounts.json")),
            packed,
            new Completeness(datasets, store));
    kernel.mount(
        new MountSpec(
            new SnapshotRef(TreeDatasets.NAME, OptionalLong.empty()),
            target,
            false,
            true,
            false,
            Kind.KERNEL));
    parts.push(() -> kernel.unmount(target, UnmountMode.PLAIN));
  }

  private void startKeeper(KeeperConfig base, Layers layers) {
    KeeperConfig config =
        new KeeperConfig(
            base.runDirectory(),
            base.slots(),
            base.rowsMax(),
            base.passthrough(),
            base.readAheadBytes(),
            layers,
            base.agentDeadline(),
            base.connectionsMax(),
            base.mountsMax(),
            base.sharesMounts(),
            false);
    try {
      keeper = KeeperProcess.ofThis(directory.resolve("keeper.jsa")).start(config);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Reads every file once, so that all is in the store, and has the small ones packed. */
  void complete() throws IOException {
    try (Stream<Path> files = Files.walk(target)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (!Files.isSymbolicLink(file)) {
          Files.copy(file, OutputStream.nullOutputStream());
        }
      }
    }
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (store.stats().fillingBlobs() > 0) {
      assertTrue(System.nanoTime() < deadline, "not all was sealed");
      LockSupport.parkNanos(10_000_000);
    }
    kernel.pack(new SnapshotRef(TreeDatasets.NAME, OptionalLong.of(1)));
    kernel.remountAll();
    assertTrue(kernel.list().getFirst().packed(), "packed");
    assertTrue(kernel.list().getFirst().complete(), "complete");
  }

  @Override
  public Path at() {
    return target;
  }

  @Override
  public void close() throws Exception {
    Exception failure = null;
    while (!parts.isEmpty()) {
      try {
        parts.pop().close();
      } catch (Exception e) {
        if (failure != null) {
          e.addSuppressed(failure);
        }
        failure = e;
      }
    }
    if (keeper != null && !keeper.waitFor(10, TimeUnit.SECONDS)) {
      keeper.destroyForcibly().waitFor();
    }
    if (failure != null) {
      throw failure;
    }
    try (Stream<Path> files = Files.walk(directory)) {
      List<Path> deepestFirst = files.sorted(Comparator.reverseOrder()).toList();
      for (Path file : deepestFirst) {
        Files.delete(file);
      }
    }
  }

  private <T extends AutoCloseable> T own(T part) {
    parts.push(part);
    return part;
  }

  /** Nobody recorded anything. */
  private static final class NoRoots implements Roots {
    @Override
    public Optional<Digest> expected(BlobKey key) {
      return Optional.empty();
    }

    @Override
    public void sealed(SealedInfo info) {
      // There is no coordinator to tell.
    }
  }
}
