package dev.larder.mount;

import dev.larder.agent.NodeServices;
import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.mount.MountHooks;
import dev.larder.agent.mount.Mounts;
import dev.larder.agent.read.CachedReadPlane;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.keeper.MountNames;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.BlobStore.StoreListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The mounts of a node, of both kinds.
 *
 * <p><b>Threads:</b> any. <b>Ownership:</b> the node's services are the caller's and are closed
 * after this. {@link #close} leaves kernel mounts to the keeper and the next agent, and ends trees.
 */
public final class NodeMounts implements Mounts, MountHooks, StoreListener, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(NodeMounts.class);

  private final MountConfig config;
  private final Path dataDirectory;
  private final Path runDirectory;
  private final BlobStore store;
  private final NodeBlobs blobs;
  private final KeeperLink keeper;
  private final KernelMounts kernel;
  private final TreeMounts trees;
  private final PackedCatalogs packed;
  private final Completeness completeness;
  private final RemountPlan remounts;

  private final ScheduledExecutorService background =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("mount-background").factory());

  private NodeMounts(
      MountSettings settings, NodeServices services, Path runDirectory, KeeperStarter starter) {
    this.config = settings.mount();
    this.dataDirectory = services.dataDirectory();
    this.runDirectory = runDirectory;
    this.store = services.store();
    Datasets datasets = services.datasetsOfNode();
    CachedReadPlane plane = services.plane();
    remounts = new RemountPlan(config.remountEvery(), System.nanoTime());
    blobs =
        new NodeBlobs(
            store, plane, datasets, config, settings.fuse().readDeadline(), remounts::openedSlowly);
    keeper = new KeeperLink(settings, runDirectory, dataDirectory.resolve("blobs"), blobs, starter);
    completeness = new Completeness(datasets, store);
    packed = new PackedCatalogs(store, dataDirectory.resolve("agent").resolve("packed"));
    kernel =
        new KernelMounts(
            config,
            datasets,
            store,
            keeper,
            new MountBook(runDirectory.resolve("mounts.json")),
            packed,
            completeness);
    trees =
        new TreeMounts(
            datasets,
            plane,
            store,
            settings.tree(),
            path -> blobs.isWhole(path) ? ReadIntent.WHOLE : ReadIntent.RANDOM);
  }

  /**
   * Goes on with what an earlier agent mounted. A keeper is started only when something is to be
   * mounted.
   */
  public static NodeMounts start(
      MountSettings settings, NodeServices services, Path runDirectory, KeeperStarter starter) {
    NodeMounts mounts = new NodeMounts(settings, services, runDirectory, starter);
    try {
      mounts.startParts();
      return mounts;
    } catch (RuntimeException e) {
      mounts.close();
      throw e;
    }
  }

  private void startParts() {
    packed.load();
    blobs.start();
    store.addListener(this);
    store.guardEvictions(new LeaseGuard(keeper));
    keeper.connectIfThere();
    try {
      kernel.adopt();
    } catch (LarderException e) {
      // The agent serves its other doors all the same; the next mount tries again.
      log.error("mounts were not taken over code={}: {}", e.code(), e.getMessage());
    }
    long every = config.remountEvery().toNanos();
    var unused = background.scheduleWithFixedDelay(this::tick, every, every, TimeUnit.NANOSECONDS);
  }

  @Override
  public MountInfo mount(MountSpec spec) {
    Path target = checked(spec.target());
    MountSpec real = spec.at(target);
    return switch (real.kind()) {
      case KERNEL -> kernel.mount(real);
      case TREE -> trees.mount(real);
      case AUTO -> {
        Optional<String> lack = keeper.lack();
        if (lack.isEmpty()) {
          yield kernel.mount(real);
        }
        log.info("taking a tree mount: {}", lack.get());
        yield trees.mount(real);
      }
    };
  }

  @Override
  public void unmount(Path target, UnmountMode mode) {
    Path place =
        MountNames.find(target, path -> trees.isTarget(path) || kernel.isTarget(path))
            .orElse(target.toAbsolutePath().normalize());
    if (!trees.unmount(place, mode)) {
      kernel.unmount(place, mode);
    }
    remounts.changed();
  }

  @Override
  public void detachDead(Path target) {
    kernel.detachDead(target.toAbsolutePath().normalize());
  }

  @Override
  public List<MountInfo> list() {
    List<MountInfo> all = new ArrayList<>(kernel.list());
    all.addAll(trees.list());
    all.sort(Comparator.comparing(MountInfo::target));
    return all;
  }

  @Override
  public long pack(SnapshotRef snapshot) {
    return kernel.pack(snapshot);
  }

  /** Figures for metrics; none while nothing is served. */
  public Map<String, Long> figures() {
    Map<String, Long> out = new LinkedHashMap<>();
    keeper
        .stats()
        .ifPresent(stats -> {
          out.put("requests_total", stats.requests());
          out.put("reads_total", stats.reads());
          out.put("read_bytes_total", stats.readBytes());
          out.put("waited_total", stats.waited());
          out.put("opens_total", stats.opens());
          out.put("preloads_total", stats.preloads());
          out.put("passthrough_opens_total", stats.passthroughOpens());
          out.put("refusals_total", stats.refusals());
          out.put("table_full_total", stats.tableFull());
          out.put("interrupted_total", stats.interrupted());
          out.put("expired_total", stats.expired());
          out.put("faults_total", stats.faults());
          out.put("adopted_total", stats.adopted());
          out.put("slots_in_use", (long) stats.slotsInUse());
          out.put("rows", (long) stats.rows());
          out.put("open_files", (long) stats.openFiles());
          out.put("backings", (long) stats.backings());
          out.put("workers", (long) stats.workers());
        });
    return out;
  }

  /** Why nothing can be mounted now, as {@code part: reason}; does not block. */
  public List<String> notReady() {
    // One that this agent starts itself is not missed before it is needed.
    boolean isMissing = !config.startsKeeper() && !keeper.isServing();
    return isMissing ? List.of("keeper: " + keeper.lastRefusal()) : List.of();
  }

  @Override
  public boolean isMounted(SnapshotRef snapshot) {
    return kernel.isMounted(snapshot) || trees.isMounted(snapshot);
  }

  @Override
  public void onRefreshed(DatasetName name) {
    background.execute(() -> {
      follow(name, kernel::onRefreshed);
      follow(name, trees::onRefreshed);
    });
  }

  private static void follow(DatasetName name, Consumer<DatasetName> mounts) {
    try {
      mounts.accept(name);
    } catch (RuntimeException e) {
      log.error("mounts of {} stay at the old snapshot", name, e);
    }
  }

  @Override
  public void checkDelete(DatasetName name) {
    List<Path> targets = new ArrayList<>(kernel.targets(name));
    targets.addAll(trees.targets(name));
    if (!targets.isEmpty()) {
      throw new LarderException(
          ErrorCode.MOUNT_BUSY,
          "dataset " + name + " is mounted at " + targets.getFirst() + "; unmount it first");
    }
  }

  @Override
  public void onCatalogGone(BlobKey catalog) {
    packed.forget(catalog);
  }

  @Override
  public void onSealed(SealedInfo info) {
    // Only what was opened through FUSE stays there until it is moved.
    if (keeper.isKnown(info.key())) {
      remounts.changed();
    }
  }

  @Override
  public void onWrong(BlobKey key) {
    remounts.foundWrong();
    if (keeper.isKnown(key)) {
      // Not by whoever found it: that may be what a read waits for, and this waits for reads.
      background.execute(() -> {
        try {
          keeper.invalidate(key);
        } catch (RuntimeException e) {
          log.error("the kernel may go on showing wrong bytes key={}", key, e);
        }
      });
    }
  }

  @Override
  public void onGone(BlobKey key, boolean whole) {
    completeness.lost(key);
    if (whole) {
      remounts.changed();
    }
  }

  private void tick() {
    try {
      if (keeper.isServing()) {
        var unused = kernel.reconcile();
        if (remounts.takeDue(System.nanoTime()) && !kernel.remountAll()) {
          remounts.changed();
        }
        kernel.catchUp();
        kernel.packReady();
        completeness.keepOnly(kernel.snapshots());
      } else if (!kernel.isEmpty()) {
        // A keeper that refused this agent may have been replaced, or have ended.
        keeper.connectAgain();
        if (keeper.isServing()) {
          kernel.adopt();
        }
      } else if (!config.startsKeeper()) {
        // Somebody else starts it, perhaps after this agent.
        keeper.connectIfThere();
      }
    } catch (RuntimeException e) {
      // The next round must come whatever this one met.
      log.warn("looking after the mounts failed; trying again", e);
    }
  }

  private Path checked(Path target) {
    if (!target.isAbsolute()) {
      throw new LarderException(
          ErrorCode.BAD_REQUEST, "target: " + target + " is not an absolute path");
    }
    try {
      Path real = target.toRealPath();
      if (!Files.isDirectory(real)) {
        throw new LarderException(ErrorCode.BAD_REQUEST, "target: " + target + " is no directory");
      }
      Optional<String> refusal =
          TargetRules.refusal(real, List.of(dataDirectory.toRealPath(), runDirectory.toRealPath()));
      if (refusal.isPresent()) {
        throw new LarderException(ErrorCode.BAD_REQUEST, "target: " + target + " " + refusal.get());
      }
      return real;
    } catch (NoSuchFileException e) {
      throw new LarderException(
          ErrorCode.BAD_REQUEST, "target: " + target + " does not exist; make it first", e);
    } catch (IOException e) {
      throw new LarderException(
          ErrorCode.BAD_REQUEST, "target: " + target + " cannot be used: " + e, e);
    }
  }

  @Override
  public void close() {
    packed.cancel();
    background.shutdownNow();
    trees.close();
    keeper.close(kernel.isEmpty());
    blobs.close();
  }
}
