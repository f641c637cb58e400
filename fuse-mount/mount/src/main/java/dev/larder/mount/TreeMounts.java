package dev.larder.mount;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.Datasets.SnapshotInfo;
import dev.larder.agent.mount.Mounts.Kind;
import dev.larder.agent.mount.Mounts.MountInfo;
import dev.larder.agent.mount.Mounts.MountSpec;
import dev.larder.agent.mount.Mounts.State;
import dev.larder.agent.mount.Mounts.UnmountMode;
import dev.larder.agent.read.ReadPlane;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.erofs.Catalog;
import dev.larder.mount.tree.PlaneFiles;
import dev.larder.mount.tree.TreeConfig;
import dev.larder.mount.tree.TreeMount;
import dev.larder.mount.tree.TreeSpec;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.SealedBlob;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Snapshots mounted as FUSE trees by this process; they end with it. Any thread. */
final class TreeMounts implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(TreeMounts.class);

  private final Datasets datasets;
  private final ReadPlane plane;
  private final BlobStore store;
  private final TreeConfig config;
  private final Function<String, ReadIntent> intents;
  private final TreeMap<Path, Tree> trees = new TreeMap<>();

  /** A mount and what it stands on. */
  private record Tree(
      MountSpec spec,
      long number,
      TreeMount mount,
      Catalog catalog,
      SealedBlob image,
      Instant mountedAt) {
    void close() {
      mount.close();
      catalog.close();
      image.close();
    }
  }

  TreeMounts(
      Datasets datasets,
      ReadPlane plane,
      BlobStore store,
      TreeConfig config,
      Function<String, ReadIntent> intents) {
    this.datasets = datasets;
    this.plane = plane;
    this.store = store;
    this.config = config;
    this.intents = intents;
  }

  synchronized MountInfo mount(MountSpec spec) {
    if (!spec.subPath().isEmpty() || spec.anchored()) {
      throw new LarderException(
          ErrorCode.UNSUPPORTED, "a part of a dataset, or an anchor, needs a kernel mount");
    }
    forgetEnded();
    Tree there = trees.get(spec.target());
    SnapshotInfo info = datasets.resolve(spec.snapshot());
    if (there != null) {
      if (there.number() == info.number()
          && there.spec().snapshot().dataset().equals(spec.snapshot().dataset())
          && there.spec().follow() == spec.follow()) {
        return info(there);
      }
      throw new LarderException(
          ErrorCode.ALREADY_EXISTS,
          there.spec().snapshot() + " is mounted at " + spec.target() + "; unmount it first");
    }
    Tree tree = open(spec, info);
    trees.put(spec.target(), tree);
    return info(tree);
  }

  private Tree open(MountSpec spec, SnapshotInfo info) {
    SnapshotRef numbered =
        new SnapshotRef(spec.snapshot().dataset(), OptionalLong.of(info.number()));
    SealedBlob image =
        store
            .openSealed(info.catalog())
            .orElseThrow(() ->
                new LarderException(
                    ErrorCode.CATALOG_CORRUPT,
                    "the catalog of " + numbered + " is not in the store; refresh the dataset"));
    Catalog catalog = null;
    try {
      catalog = Catalog.open(image.path());
      TreeMount mount =
          TreeMount.mount(
              new TreeSpec(
                  spec.target(),
                  "larder:" + numbered,
                  catalog,
                  PlaneFiles.of(plane, datasets, numbered, intents),
                  spec.allowOther(),
                  spec.noExec(),
                  config));
      return new Tree(spec, info.number(), mount, catalog, image, Instant.now());
    } catch (RuntimeException e) {
      if (catalog != null) {
        catalog.close();
      }
      image.close();
      throw e;
    }
  }

  /** False when nothing of this process is mounted there. */
  synchronized boolean unmount(Path target, UnmountMode mode) {
    Tree tree = trees.get(target);
    if (tree == null) {
      return false;
    }
    tree.mount().unmount(mode);
    trees.remove(target);
    tree.close();
    return true;
  }

  /** Whether a tree was mounted at exactly this place. */
  synchronized boolean isTarget(Path place) {
    return trees.containsKey(place);
  }

  synchronized List<MountInfo> list() {
    forgetEnded();
    return trees.values().stream().map(this::info).toList();
  }

  synchronized boolean isMounted(SnapshotRef snapshot) {
    return trees.values().stream()
        .anyMatch(tree ->
            tree.spec().snapshot().dataset().equals(snapshot.dataset())
                && snapshot.snapshot().equals(OptionalLong.of(tree.number())));
  }

  synchronized List<Path> targets(DatasetName dataset) {
    return trees.values().stream()
        .filter(tree -> tree.spec().snapshot().dataset().equals(dataset))
        .map(tree -> tree.spec().target())
        .toList();
  }

  /** Mounts the newest snapshot anew where it is to be followed; open files keep the old one. */
  synchronized void onRefreshed(DatasetName name) {
    forgetEnded();
    for (Tree tree : List.copyOf(trees.values())) {
      if (!tree.spec().snapshot().dataset().equals(name) || !tree.spec().follow()) {
        continue;
      }
      SnapshotInfo newest = datasets.resolve(new SnapshotRef(name, OptionalLong.empty()));
      if (newest.number() != tree.number()) {
        exchange(tree, newest);
      }
    }
  }

  private void exchange(Tree tree, SnapshotInfo newest) {
    try {
      unmount(tree.spec().target(), UnmountMode.LAZY);
      trees.put(tree.spec().target(), open(tree.spec(), newest));
    } catch (LarderException e) {
      // The others are exchanged all the same.
      log.error(
          "tree mount not exchanged target={} code={}: {}",
          tree.spec().target(),
          e.code(),
          e.getMessage());
    }
  }

  private void forgetEnded() {
    trees
        .values()
        .removeIf(tree -> {
          boolean isEnded = !tree.mount().isMounted();
          if (isEnded) {
            log.info("mount is gone target={}", tree.spec().target());
            tree.close();
          }
          return isEnded;
        });
  }

  private MountInfo info(Tree tree) {
    return new MountInfo(
        new SnapshotRef(tree.spec().snapshot().dataset(), OptionalLong.of(tree.number())),
        tree.spec().target(),
        Kind.TREE,
        tree.spec().follow(),
        false,
        false,
        State.MOUNTED,
        tree.mountedAt());
  }

  @Override
  public synchronized void close() {
    trees.values().forEach(Tree::close);
    trees.clear();
  }
}
