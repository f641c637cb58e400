package dev.larder.mount;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.Datasets.SnapshotInfo;
import dev.larder.agent.mount.Mounts.Kind;
import dev.larder.agent.mount.Mounts.MountInfo;
import dev.larder.agent.mount.Mounts.MountSpec;
import dev.larder.agent.mount.Mounts.State;
import dev.larder.agent.mount.Mounts.UnmountMode;
import dev.larder.mount.Completeness.Which;
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
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;
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

  private final MountConfig config;
  private final Datasets datasets;
  private final BlobStore store;
  private final Keeping keeper;
  private final MountBook book;
  private final PackedCatalogs packed;
  private final Completeness completeness;

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
    Set<Path> shown =
        keeper.shown().stream().map(Keeping.Shown::target).collect(Collectors.toSet());
    for (Line line : book.all()) {
      if (!shown.contains(line.place())) {
        log.info("mount is gone target={}", line.target());
        book.remove(line.target());
        // Whoever took it away knew nothing of what it showed.
        dropUnused(line.viewId(), false);
      }
    }
    book.all().stream().map(Line::dataset).distinct().forEach(this::onRefreshed);
  }

  synchronized MountInfo mount(MountSpec spec) {
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
      if (isSame && isShown(line)) {
        return info(line);
      }
      if (isShown(line)) {
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
    Line line = line(spec, info);
    change(() -> {
      makeView(line);
      if (line.anchored()) {
        keeper.anchor(line.target());
      }
      keeper.bind(line.viewId(), line.place(), line.part());
    });
    book.put(line);
    log.info("mounted dataset={}@{} target={}", line.dataset(), line.number(), line.target());
    return info(line);
  }

  synchronized void unmount(Path target, UnmountMode mode) {
    Optional<Line> known = book.find(target);
    if (known.isEmpty()) {
      unmountUnknown(target, mode);
      return;
    }
    Line line = known.get();
    change(() -> {
      if (isShown(line)) {
        detach(line.place(), mode);
      }
      if (line.anchored()) {
        detachQuietly(target, mode);
      }
    });
    book.remove(target);
    change(() -> dropUnused(line.viewId(), mode == UnmountMode.FORCE));
    log.info("unmounted dataset={}@{} target={}", line.dataset(), line.number(), target);
  }

  /** What an agent had mounted when it died, before it could write that down. */
  private void unmountUnknown(Path target, UnmountMode mode) {
    if (!keeper.isServing()) {
      throw unknown(target);
    }
    boolean[] isFound = new boolean[1];
    change(() -> {
      for (Keeping.Shown shown : keeper.shown()) {
        if (shown.target().equals(target) || shown.target().equals(target.resolve("current"))) {
          detach(shown.target(), mode);
          dropUnused(shown.id(), mode == UnmountMode.FORCE);
          isFound[0] = true;
        }
      }
      isFound[0] |= detachQuietly(target, mode);
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

  /** Returns whether there was anything. */
  private boolean detachQuietly(Path target, UnmountMode mode) {
    try {
      detach(target, mode);
      return true;
    } catch (LarderException e) {
      if (e.code() != ErrorCode.UNKNOWN_MOUNT) {
        throw e;
      }
      return false;
    }
  }

  /** Takes a dead mount of anybody away. */
  void detachDead(Path target) {
    change(() -> keeper.detachDead(target));
  }

  /** Has the keeper change something; anything may be asked for twice. */
  private void change(Runnable steps) {
    keeper.require();
    try {
      steps.run();
    } catch (LarderException e) {
      if (e.code() != ErrorCode.CLOSED) {
        throw e;
      }
      log.info("once more, by the next keeper or over the next connection");
      keeper.require();
      steps.run();
    }
  }

  private void detach(Path target, UnmountMode mode) {
    try {
      keeper.detach(target, mode != UnmountMode.PLAIN, mode == UnmountMode.FORCE);
    } catch (LarderException e) {
      if (e.code() != ErrorCode.MOUNT_BUSY) {
        throw e;
      }
      throw new LarderException(
          ErrorCode.MOUNT_BUSY,
          "files of "
              + target
              + " are open, or a process stands in it; close them, or unmount with --lazy",
          e);
    }
  }

  List<MountInfo> list() {
    List<Line> lines;
    synchronized (this) {
      lines = book.all();
    }
    return lines.stream().map(this::info).toList();
  }

  /** Whether nothing is mounted. */
  synchronized boolean isEmpty() {
    return book.all().isEmpty();
  }

  synchronized boolean isMounted(SnapshotRef snapshot) {
    return book.all().stream()
        .anyMatch(line ->
            line.dataset().equals(snapshot.dataset())
                && snapshot.snapshot().equals(OptionalLong.of(line.number())));
  }

  /** Where a dataset is mounted. */
  synchronized List<Path> targets(DatasetName dataset) {
    return book.all().stream()
        .filter(line -> line.dataset().equals(dataset))
        .map(Line::target)
        .toList();
  }

  /** Shows the newest snapshot where it is to be followed. */
  synchronized void onRefreshed(DatasetName name) {
    for (Line line : book.all()) {
      if (line.dataset().equals(name) && line.follow()) {
        SnapshotInfo newest = datasets.resolve(new SnapshotRef(name, OptionalLong.empty()));
        if (newest.number() != line.number()) {
          exchange(line, newest);
        }
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
          exchange(line, info);
        }
      }
    }
    return form.files();
  }

  /** Packs what has become ready to be packed. */
  void packReady() {
    Set<SnapshotRef> candidates = new HashSet<>();
    synchronized (this) {
      for (Line line : book.all()) {
        if (!line.packed()) {
          candidates.add(new SnapshotRef(line.dataset(), OptionalLong.of(line.number())));
        }
      }
    }
    for (SnapshotRef snapshot : candidates) {
      boolean isReady = completeness.isComplete(snapshot, Which.SMALL);
      long files = isReady ? completeness.files(snapshot, Which.SMALL) : 0;
      if (files > 0 && files <= config.packFilesMax()) {
        pack(snapshot);
      }
    }
  }

  /** Moves files to the disk and gives room back, on every view. */
  void remountAll() {
    Set<String> views;
    synchronized (this) {
      views = book.all().stream().map(Line::viewId).collect(Collectors.toSet());
    }
    views.forEach(keeper::remount);
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
            to);
    change(() -> {
      makeView(next);
      keeper.exchange(line.place(), line.viewId(), next.viewId());
    });
    book.put(next);
    change(() -> dropUnused(line.viewId(), false));
    log.info(
        "exchanged target={} from={}@{} to={}@{} packed={}",
        line.target(),
        line.dataset(),
        line.number(),
        next.dataset(),
        next.number(),
        next.packed());
  }

  private Line line(MountSpec spec, SnapshotInfo info) {
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
        Instant.now(),
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

  private void dropUnused(String viewId, boolean force) {
    if (!book.usesView(viewId)) {
      keeper.drop(viewId, force);
    }
  }

  private boolean isShown(Line line) {
    return keeper.shown().stream().anyMatch(shown -> shown.target().equals(line.place()));
  }

  private MountInfo info(Line line) {
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
        keeper.isAnswering() ? State.MOUNTED : State.DEGRADED,
        line.mountedAt());
  }
}
