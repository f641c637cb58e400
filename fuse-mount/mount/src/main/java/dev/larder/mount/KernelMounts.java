package dev.larder.mount;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.Datasets.SnapshotInfo;
import dev.larder.agent.mount.Mounts.Kind;
import dev.larder.agent.mount.Mounts.MountInfo;
import dev.larder.agent.mount.Mounts.MountSpec;
import dev.larder.agent.mount.Mounts.State;
import dev.larder.agent.mount.Mounts.UnmountMode;
import dev.larder.mount.Completeness.Which;
import dev.larder.mount.Keeping.Shown;
import dev.larder.mount.MountBook.Line;
import dev.larder.mount.PackedCatalogs.Packed;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.SealedBlob;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Snapshots mounted by the kernel: what is shown where, with which form of the catalog.
 *
 * <p><b>Threads:</b> any; changes take turns and may wait for the keeper. <b>Errors:</b> see {@link
 * dev.larder.agent.mount.Mounts}.
 */
final class KernelMounts {
  private static final Logger log = LoggerFactory.getLogger(KernelMounts.class);
  private static final int ROUNDS_MAX = 64;

  private final MountConfig config;
  private final Datasets datasets;
  private final BlobStore store;
  private final Keeping keeper;
  private final KeeperChanges changes;
  private final MountBook book;
  private final PackedCatalogs packed;
  private final Completeness completeness;

  /** Mounts that did not become what they should be, and after how many rounds to try again. */
  private final Map<Path, Integer> behind = new HashMap<>();

  private long round;

  KernelMounts(
      MountConfig config,
      Datasets datasets,
      BlobStore store,
      Keeping keeper,
      MountBook book,
      PackedCatalogs packed,
      Completeness completeness) {
    this.config = config;
    this.datasets = datasets;
    this.store = store;
    this.keeper = keeper;
    this.changes = new KeeperChanges(keeper, config.keeperWait());
    this.book = book;
    this.packed = packed;
    this.completeness = completeness;
  }

  /** Goes on with what an earlier agent mounted; forgets what was taken away meanwhile. */
  synchronized void adopt() {
    book.load();
    if (book.all().isEmpty()) {
      return;
    }
    keeper.require();
    forgetGone(KeeperChanges.byTarget(keeper.shown()).keySet());
    for (DatasetName name : book.all().stream().map(Line::dataset).distinct().toList()) {
      try {
        onRefreshed(name);
      } catch (LarderException e) {
        log.warn(
            "mounts of {} may be at an old snapshot code={}: {}", name, e.code(), e.getMessage());
      }
    }
  }

  /**
   * Forgets what somebody else took away, such as umount(8), if the keeper says so soon.
   *
   * @return what is shown by target; empty where the keeper does not say
   */
  Optional<Map<Path, Shown>> reconcile() {
    Optional<Map<Path, Shown>> seen = changes.look();
    boolean isAnyGone =
        seen.isPresent() && lines().stream().anyMatch(l -> !seen.get().containsKey(l.place()));
    if (isAnyGone) {
      synchronized (this) {
        // Looked at again: a mount may have been made since.
        changes.look().ifPresent(shown -> forgetGone(shown.keySet()));
      }
    }
    return seen;
  }

  private synchronized List<Line> lines() {
    return book.all();
  }

  private void forgetGone(Set<Path> shown) {
    for (Line line : book.all()) {
      if (!shown.contains(line.place()) && isForgottenByKeeper(line)) {
        log.info("mount is gone dataset={} target={}", line.dataset(), line.target());
        book.remove(line.target());
        behind.remove(line.target());
      }
    }
  }

  /** Whoever took it away knew nothing of what it showed. */
  private boolean isForgottenByKeeper(Line gone) {
    boolean isUsed =
        book.all().stream()
            .anyMatch(line ->
                line.viewId().equals(gone.viewId()) && !line.target().equals(gone.target()));
    try {
      if (isUsed) {
        keeper.detach(gone.place(), true, false);
      } else {
        keeper.drop(gone.viewId(), false);
      }
      if (gone.anchored()) {
        keeper.detach(gone.target(), true, false);
      }
      return true;
    } catch (LarderException e) {
      if (e.code() == ErrorCode.UNKNOWN_MOUNT) {
        return true;
      }
      log.warn(
          "what is no longer shown stays for now target={} code={}: {}",
          gone.target(),
          e.code(),
          e.getMessage());
      return false;
    }
  }

  MountInfo mount(MountSpec spec) {
    if (isFull()) {
      // Some of those noted may be gone; asking costs the more, the more there are.
      var unused = reconcile();
    }
    Mounted mounted = mounted(spec);
    Line line = mounted.line();
    return info(
        line,
        mounted.isNew()
            ? Map.of(line.place(), new Shown(line.viewId(), line.place(), false))
            : changes.look().orElse(Map.of()));
  }

  private synchronized boolean isFull() {
    return book.all().size() >= config.mountsMax();
  }

  /** A line of the book, and whether what it says was shown just now: then it is on top. */
  private record Mounted(Line line, boolean isNew) {}

  private synchronized Mounted mounted(MountSpec spec) {
    SnapshotInfo info = datasets.resolve(spec.snapshot());
    Optional<Line> there = book.find(spec.target());
    if (there.isPresent()) {
      Line line = there.get();
      boolean isSame =
          line.dataset().equals(spec.snapshot().dataset())
              && line.number() == info.number()
              && line.follow() == spec.follow()
              && line.noExec() == spec.noExec()
              && line.part().equals(spec.subPath())
              && line.anchored() == spec.anchored();
      boolean isStill = isStillShown(line);
      if (isSame && isStill) {
        return new Mounted(line, false);
      }
      if (isStill) {
        throw new LarderException(
            ErrorCode.ALREADY_EXISTS,
            line.dataset()
                + "@"
                + line.number()
                + " is mounted at "
                + line.target()
                + "; unmount it first");
      }
      book.remove(line.target());
    }
    if (book.all().size() >= config.mountsMax()) {
      throw new LarderException(
          ErrorCode.TOO_MANY, "mount.max: " + config.mountsMax() + " mounts are there already");
    }
    Line line = line(spec, info, Instant.now());
    // Shown elsewhere, so it is there already, unless somebody took it away.
    boolean isMade = book.usesView(line.viewId());
    changes.change(() -> {
      if (!isMade) {
        makeView(line);
      }
      if (line.anchored()) {
        keeper.anchor(line.target());
      }
      bind(line, isMade);
    });
    book.put(line);
    log.info("mounted dataset={}@{} target={}", line.dataset(), line.number(), line.target());
    return new Mounted(line, true);
  }

  private void bind(Line line, boolean makesViewOnceMore) {
    try {
      keeper.bind(line.viewId(), line.place(), line.part());
    } catch (LarderException e) {
      if (e.code() != ErrorCode.UNKNOWN_MOUNT || !makesViewOnceMore) {
        throw e;
      }
      makeView(line);
      keeper.bind(line.viewId(), line.place(), line.part());
    }
  }

  synchronized void unmount(Path target, UnmountMode mode) {
    Optional<Line> known = book.find(target);
    if (known.isEmpty()) {
      unmountUnknown(target, mode);
      return;
    }
    Line line = known.get();
    changes.change(() -> {
      // Somebody else may have taken it away. A list of all that is shown would say so at a price
      // that grows with them.
      boolean unused = changes.detachQuietly(line.place(), mode);
      if (line.anchored()) {
        unused = changes.detachQuietly(target, mode);
      }
    });
    book.remove(target);
    changes.change(() -> dropUnused(line.viewId(), mode == UnmountMode.FORCE));
    log.info("unmounted dataset={}@{} target={}", line.dataset(), line.number(), target);
  }

  /** What an agent had mounted when it died, before it could write that down. */
  private void unmountUnknown(Path target, UnmountMode mode) {
    if (!keeper.isServing()) {
      throw unknown(target);
    }
    boolean[] isFound = new boolean[1];
    changes.change(() -> {
      for (Shown shown : keeper.shown()) {
        if (shown.target().equals(target) || shown.target().equals(target.resolve("current"))) {
          changes.detach(shown.target(), mode);
          dropUnused(shown.id(), mode == UnmountMode.FORCE);
          isFound[0] = true;
        }
      }
      isFound[0] |= changes.detachQuietly(target, mode);
    });
    if (!isFound[0]) {
      throw unknown(target);
    }
    log.info("unmounted what nobody had noted target={}", target);
  }

  private static LarderException unknown(Path target) {
    return new LarderException(
        ErrorCode.UNKNOWN_MOUNT, "nothing of Larder is mounted at " + target);
  }

  /** Takes a dead mount of anybody away. */
  void detachDead(Path target) {
    changes.change(() -> keeper.detachDead(target));
  }

  List<MountInfo> list() {
    Map<Path, Shown> seen = reconcile().orElse(Map.of());
    return lines().stream().map(line -> info(line, seen)).toList();
  }

  /** Whether something was mounted at exactly this place. */
  synchronized boolean isTarget(Path place) {
    return book.find(place).isPresent();
  }

  /** Whether nothing is mounted. */
  synchronized boolean isEmpty() {
    return book.all().isEmpty();
  }

  boolean isMounted(SnapshotRef snapshot) {
    return isAny(line ->
        line.dataset().equals(snapshot.dataset())
            && snapshot.snapshot().equals(OptionalLong.of(line.number())));
  }

  private boolean isAny(Predicate<Line> condition) {
    if (lines().stream().noneMatch(condition)) {
      return false;
    }
    var unused = reconcile();
    return lines().stream().anyMatch(condition);
  }

  /** Where a dataset is mounted. */
  List<Path> targets(DatasetName dataset) {
    if (!isAny(line -> line.dataset().equals(dataset))) {
      return List.of();
    }
    return lines().stream()
        .filter(line -> line.dataset().equals(dataset))
        .map(Line::target)
        .toList();
  }

  /** Shows the newest snapshot where it is to be followed. */
  synchronized void onRefreshed(DatasetName name) {
    changes.look().ifPresent(shown -> forgetGone(shown.keySet()));
    for (Line line : book.all()) {
      if (line.dataset().equals(name) && line.follow()) {
        exchangeAlone(line);
      }
    }
  }

  /** Tries again, at growing distances, where a mount stayed behind. */
  synchronized void catchUp() {
    round++;
    for (Map.Entry<Path, Integer> each : List.copyOf(behind.entrySet())) {
      Optional<Line> line = book.find(each.getKey());
      if (line.isEmpty()) {
        behind.remove(each.getKey());
      } else if (round % each.getValue() == 0) {
        exchangeAlone(line.get());
      }
    }
  }

  /** A mount that cannot be changed must not keep the others from it. */
  private void exchangeAlone(Line line) {
    try {
      OptionalLong wanted = line.follow() ? OptionalLong.empty() : OptionalLong.of(line.number());
      SnapshotInfo to = datasets.resolve(new SnapshotRef(line.dataset(), wanted));
      if (to.number() != line.number() || packed.of(to.catalog()).isPresent() != line.packed()) {
        exchange(line, to);
      }
      behind.remove(line.target());
    } catch (LarderException e) {
      Integer before = behind.get(line.target());
      behind.put(line.target(), before == null ? 1 : Math.min(ROUNDS_MAX, 2 * before));
      if (before == null) {
        log.warn(
            "mount stays as it is until that can be done target={} shows={}@{} code={}: {}",
            line.target(),
            line.dataset(),
            line.number(),
            e.code(),
            e.getMessage());
      }
    }
  }

  /** Packs a snapshot and shows the packed form wherever it is mounted. */
  long pack(SnapshotRef snapshot) {
    SnapshotInfo info = datasets.resolve(snapshot);
    SnapshotRef numbered = new SnapshotRef(snapshot.dataset(), OptionalLong.of(info.number()));
    if (!completeness.isComplete(numbered, Which.SMALL)) {
      throw new LarderException(
          ErrorCode.UNKNOWN_BLOB,
          "not all small files of "
              + numbered
              + " are in the store; run larder warm "
              + numbered
              + " first");
    }
    Packed form = packed.pack(info.catalog());
    synchronized (this) {
      for (Line line : book.all()) {
        if (line.catalog().equals(info.catalog()) && !line.packed()) {
          exchangeAlone(line);
        }
      }
    }
    return form.files();
  }

  /** Those that are mounted. */
  Set<SnapshotRef> snapshots() {
    return snapshots(line -> true);
  }

  private Set<SnapshotRef> snapshots(Predicate<Line> condition) {
    return lines().stream()
        .filter(condition)
        .map(line -> new SnapshotRef(line.dataset(), OptionalLong.of(line.number())))
        .collect(Collectors.toSet());
  }

  /** Packs what has become ready to be packed. */
  void packReady() {
    Set<SnapshotRef> candidates = snapshots(line -> !line.packed());
    for (SnapshotRef snapshot : candidates) {
      try {
        packIfReady(snapshot);
      } catch (LarderException e) {
        log.warn("not packed snapshot={} code={}: {}", snapshot, e.code(), e.getMessage());
      }
    }
  }

  private void packIfReady(SnapshotRef snapshot) {
    boolean isReady = completeness.isComplete(snapshot, Which.SMALL);
    long files = isReady ? completeness.files(snapshot, Which.SMALL) : 0;
    if (files > 0 && files <= config.packFilesMax()) {
      pack(snapshot);
    }
  }

  /**
   * Moves files to the disk and gives room back, on every view.
   *
   * @return whether there is nothing that is worth another try
   */
  boolean remountAll() {
    Set<String> views;
    synchronized (this) {
      views = book.all().stream().map(Line::viewId).collect(Collectors.toSet());
    }
    return changes.remount(views);
  }

  private void exchange(Line line, SnapshotInfo to) {
    Line next =
        line(
            new MountSpec(
                new SnapshotRef(line.dataset(), OptionalLong.of(to.number())),
                line.target(),
                line.follow(),
                true,
                line.noExec(),
                Kind.KERNEL,
                line.part(),
                line.anchored()),
            to,
            line.mountedAt());
    changes.change(() -> {
      makeView(next);
      keeper.exchange(line.place(), line.viewId(), next.viewId());
    });
    book.put(next);
    changes.change(() -> {
      if (!book.usesView(line.viewId())) {
        leave(line.viewId());
        keeper.drop(line.viewId(), false);
      }
    });
    log.info(
        "exchanged target={} from={}@{} to={}@{} packed={}",
        line.target(),
        line.dataset(),
        line.number(),
        next.dataset(),
        next.number(),
        next.packed());
  }

  private Line line(MountSpec spec, SnapshotInfo info, Instant mountedAt) {
    Optional<Packed> form = packed.of(info.catalog());
    BlobKey image = form.map(Packed::image).orElse(info.catalog());
    return new Line(
        spec.target(),
        spec.snapshot().dataset(),
        info.number(),
        info.catalog(),
        viewId(image, spec.noExec()),
        spec.follow(),
        spec.noExec(),
        form.isPresent(),
        mountedAt,
        spec.subPath(),
        spec.anchored());
  }

  /** An overlay's flags are its own: the same image with others is another view. */
  private static String viewId(BlobKey image, boolean noExec) {
    String hex = image.digest().hex();
    return noExec ? hex.substring(32, 64) : hex.substring(0, 32);
  }

  private void makeView(Line line) {
    BlobKey image =
        line.packed() ? packed.of(line.catalog()).map(Packed::image).orElseThrow() : line.catalog();
    try (SealedBlob file =
        store
            .openSealed(image)
            .orElseThrow(() ->
                new LarderException(
                    ErrorCode.CATALOG_CORRUPT,
                    "the catalog of "
                        + line.dataset()
                        + "@"
                        + line.number()
                        + " is not in the store; refresh the dataset"))) {
      keeper.view(
          line.viewId(),
          "larder:" + line.dataset() + "@" + line.number(),
          file.path(),
          line.noExec());
    }
  }

  /**
   * Other name spaces may go on showing it, where nobody reaches it any more: what is in the store
   * by now they shall read without us.
   */
  private void leave(String viewId) {
    try {
      keeper.remount(viewId);
    } catch (LarderException e) {
      if (e.code() == ErrorCode.CLOSED) {
        throw e;
      }
      log.info("left as it is view={} code={}: {}", viewId, e.code(), e.getMessage());
    }
  }

  private void dropUnused(String viewId, boolean force) {
    if (!book.usesView(viewId)) {
      keeper.drop(viewId, force);
    }
  }

  private boolean isStillShown(Line line) {
    AtomicBoolean isStill = new AtomicBoolean();
    changes.change(() -> isStill.set(isShown(line)));
    return isStill.get();
  }

  private boolean isShown(Line line) {
    return keeper.shown().stream().anyMatch(shown -> shown.target().equals(line.place()));
  }

  private MountInfo info(Line line, Map<Path, Shown> seen) {
    SnapshotRef snapshot = new SnapshotRef(line.dataset(), OptionalLong.of(line.number()));
    boolean isComplete =
        completeness.isComplete(snapshot, Which.LARGE)
            && (line.packed()
                || (completeness.isComplete(snapshot, Which.SMALL)
                    && completeness.files(snapshot, Which.SMALL) == 0));
    return new MountInfo(
        snapshot,
        line.target(),
        Kind.KERNEL,
        line.follow(),
        line.packed(),
        isComplete,
        state(seen.get(line.place())),
        line.mountedAt());
  }

  private State state(@Nullable Shown shown) {
    if (shown != null && shown.isCovered()) {
      return State.COVERED;
    }
    return keeper.isAnswering() ? State.MOUNTED : State.DEGRADED;
  }
}
