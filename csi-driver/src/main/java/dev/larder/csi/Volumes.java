package dev.larder.csi;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.agent.dataset.Datasets.SnapshotInfo;
import dev.larder.agent.dataset.Datasets.Totals;
import dev.larder.agent.dataset.Datasets.Type;
import dev.larder.agent.mount.Mounts;
import dev.larder.csi.Volume.Usage;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import io.grpc.StatusRuntimeException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.DoubleConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is published on this node.
 *
 * <p><b>Threads:</b> any; calls block up to the timeouts of the configuration, what they began goes
 * on. <b>Errors:</b> LarderException, or StatusRuntimeException where the CSI specification asks
 * for a code of its own.
 */
final class Volumes implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Volumes.class);

  /*
   * A volume is written down before anything is made for it, and forgotten after all of it is gone.
   * So whatever a crash leaves is in the book: those half made or half taken away are taken back at
   * the next start, promised ones whose mount is gone are mounted again. Each target has one change
   * at work; who asks for the same joins it.
   */
  private final CsiConfig config;
  private final Datasets datasets;
  private final Mounts mounts;
  private final VolumeBook book;
  private final Targets targets;
  private final Origination origins;
  private final WarmUps warmUps;
  private final Pods pods;
  private final DoubleConsumer published;
  private final Consumer<Step> steps;
  private final Map<Path, Work> works = new ConcurrentHashMap<>();

  /** Of directories that volumes showed lately; a catalog's name is a digest, so they hold. */
  private final Cache<Part, Usage> sizes;

  private record Part(BlobKey catalog, String subPath) {}

  /** Where a change of a volume stands; tests break off between any two. */
  enum Step {
    RESOLVED,
    NOTED,
    PREPARED,
    MOUNTED,
    PROMISED,
    GIVEN_UP,
    DETACHED,
    REMOVED,
    FORGOTTEN
  }

  /**
   * A volume to be published.
   *
   * @param inline whether a pod's author asks for it, not an administrator
   * @param secrets as they came; they go into no message
   * @param pod whose volume it is, where that is known
   */
  record Publication(
      String volumeId,
      Path target,
      VolumeAttributes attributes,
      boolean noExec,
      boolean inline,
      Map<String, String> secrets,
      Optional<PodRef> pod) {

    String asked() {
      String text = volumeId + "\n" + noExec + "\n" + attributes.fingerprint();
      return Digests.ofBytes(text.getBytes(StandardCharsets.UTF_8)).hex();
    }

    @Override
    public String toString() {
      // Secrets never get into a message.
      return volumeId + " at " + target;
    }
  }

  Volumes(
      CsiConfig config,
      Datasets datasets,
      Mounts mounts,
      VolumeBook book,
      Origination origins,
      WarmUps warmUps,
      Pods pods,
      DoubleConsumer published,
      Consumer<Step> steps) {
    this.config = config;
    this.datasets = datasets;
    this.mounts = mounts;
    this.book = book;
    this.targets = new Targets(mounts, config.checkEvery());
    this.origins = origins;
    this.warmUps = warmUps;
    this.pods = pods;
    this.published = published;
    this.steps = steps;
    this.sizes =
        Caffeine.newBuilder().maximumSize(config.volumesMax()).executor(Runnable::run).build();
  }

  /**
   * Puts right what a former agent left: what it began is taken back, what it promised is there.
   */
  void start() {
    book.load();
    for (Volume volume : book.all()) {
      try {
        reconcile(volume);
      } catch (RuntimeException e) {
        // Publishing or unpublishing it again does the same; the others must not wait.
        log.error("volume={} target={} stays as it is", volume.volumeId(), volume.target(), e);
      }
    }
  }

  private void reconcile(Volume volume) {
    if (volume.state() == Volume.State.UNSETTLED) {
      log.info("taking back a volume half made or half gone target={}", volume.target());
      takeBack(volume.target());
    } else if (!targets.isShownLately(volume.target())) {
      log.warn("mounting again volume={} target={}", volume.volumeId(), volume.target());
      targets.prepare(volume.target());
      mount(volume);
    }
  }

  /**
   * Publishes, unless it is; equal requests share one try.
   *
   * @param gone completed when who asked hung up; then this ends, and the try goes on
   */
  void publish(Publication wanted, CompletableFuture<Void> gone) {
    long began = System.nanoTime();
    Work work;
    try {
      if (isPublished(wanted)) {
        return;
      }
      work = begin(wanted, began);
    } catch (LarderException | StatusRuntimeException e) {
      pods.publishFailed(wanted.pod(), wanted.volumeId(), e);
      throw e;
    }
    if (!work.await(config.publishTimeout(), gone)) {
      if (gone.isDone()) {
        throw new LarderException(
            ErrorCode.CANCELLED, "who asked hung up; publishing goes on in the background");
      }
      throw new LarderException(
          ErrorCode.DEADLINE,
          "not published within " + config.publishTimeout() + "; it goes on in the background");
    }
  }

  private boolean isPublished(Publication wanted) {
    Optional<Volume> there =
        book.find(wanted.target()).filter(each -> each.state() == Volume.State.PUBLISHED);
    if (there.isEmpty()) {
      return false;
    }
    Volume volume = there.get();
    if (!volume.asked().equals(wanted.asked())) {
      throw Statuses.exists(
          "volume " + volume.volumeId() + " with other attributes is published at this target");
    }
    origins.refresh(wanted, volume.dataset());
    pods.shown(wanted.target(), wanted.pod());
    if (volume.follow()) {
      origins.follow(volume.dataset(), fault -> readFailed(volume.dataset(), "", fault));
    }
    warmUps.resume(volume, wanted.attributes());
    Targets.requireHostUsers(wanted.target());
    return targets.isShownLately(volume.target());
  }

  private Work begin(Publication wanted, long began) {
    String asked = wanted.asked();
    Work fresh = new Work(Work.Kind.PUBLISH, asked, began);
    synchronized (works) {
      Work other = works.get(wanted.target());
      if (other != null && other.isFor(Work.Kind.PUBLISH, asked)) {
        return other;
      }
      if (other != null) {
        throw Statuses.aborted("another " + other.kind() + " of this target is at work");
      }
      if (book.find(wanted.target()).isEmpty() && volumesAndBegun() >= config.volumesMax()) {
        throw new LarderException(
            ErrorCode.TOO_MANY, "csi.volumes-max: " + config.volumesMax() + " volumes are there");
      }
      works.put(wanted.target(), fresh);
    }
    run(wanted.target(), fresh, () -> makeOrTell(wanted, fresh));
    return fresh;
  }

  /** Under the lock. One that is in the book and worked on counts once. */
  private long volumesAndBegun() {
    long begun =
        works.entrySet().stream()
            .filter(each -> each.getValue().kind() == Work.Kind.PUBLISH)
            .filter(each -> book.find(each.getKey()).isEmpty())
            .count();
    return begun + book.all().size();
  }

  private void run(Path target, Work work, Runnable steps) {
    Thread.ofVirtual()
        .name("csi-change")
        .start(() -> {
          try {
            steps.run();
            end(target, work);
            work.end();
          } catch (RuntimeException | Error e) {
            end(target, work);
            work.end(e);
          }
        });
  }

  private void end(Path target, Work work) {
    synchronized (works) {
      works.remove(target, work);
    }
  }

  /** Who asked may have given up waiting, so the pod is told from here. */
  private void makeOrTell(Publication wanted, Work work) {
    try {
      make(wanted, work);
    } catch (LarderException | StatusRuntimeException e) {
      if (book.find(wanted.target()).isEmpty()) {
        // Kubelet unpublishes nothing that it never saw published.
        origins.forget(wanted.volumeId(), wanted.target());
        warmUps.forget(wanted.target());
      }
      pods.publishFailed(wanted.pod(), wanted.volumeId(), e);
      throw e;
    }
  }

  private void make(Publication wanted, Work work) {
    Path target = wanted.target();
    Targets.requireHostUsers(target);
    Optional<Volume> there = book.find(target);
    if (there.isPresent() && there.get().state() == Volume.State.PUBLISHED) {
      Volume volume = there.get();
      if (volume.asked().equals(wanted.asked())) {
        targets.changed();
        if (!targets.isShownLately(target)) {
          log.warn("its mount is gone or dead, mounting again target={}", target);
          targets.prepare(target);
          mount(volume);
        }
        return;
      }
    }
    Volume volume = resolve(wanted, work);
    warmUps.run(volume, wanted.attributes(), work);
    steps.accept(Step.RESOLVED);
    try {
      book.put(volume);
      steps.accept(Step.NOTED);
      targets.prepare(target);
      steps.accept(Step.PREPARED);
      mount(volume);
      steps.accept(Step.MOUNTED);
      book.put(volume.in(Volume.State.PUBLISHED));
      pods.shown(target, wanted.pod());
      steps.accept(Step.PROMISED);
    } catch (RuntimeException e) {
      takeBackAfter(e, target);
      throw e;
    }
    // Here, and not where calls wait: some give up before it is there, and many ask for one volume.
    published.accept(work.seconds());
    log.info(
        "published volume={} dataset={}@{} target={}",
        volume.volumeId(),
        volume.dataset(),
        volume.number(),
        target);
  }

  private Volume resolve(Publication wanted, Work work) {
    VolumeAttributes asked = wanted.attributes();
    SnapshotRef ref = asked.snapshot().isPresent() ? asked.snapshot().get() : made(wanted, work);
    origins.refresh(wanted, ref.dataset());
    SnapshotInfo info = datasets.resolve(ref);
    SnapshotRef numbered = new SnapshotRef(ref.dataset(), OptionalLong.of(info.number()));
    Usage usage = usage(numbered, info, asked.subPath());
    return new Volume(
        wanted.volumeId(),
        wanted.target(),
        wanted.asked(),
        ref.dataset(),
        info.number(),
        asked.subPath(),
        asked.follow(),
        wanted.noExec(),
        usage.files(),
        usage.bytes(),
        Volume.State.UNSETTLED);
  }

  private SnapshotRef made(Publication wanted, Work work) {
    Origination.Made made = origins.ensure(wanted, work);
    made.fault()
        .ifPresent(fault ->
            pods.oldListing(wanted.pod(), wanted.volumeId(), made.snapshot().dataset(), fault));
    return made.snapshot();
  }

  private Usage usage(SnapshotRef snapshot, SnapshotInfo info, String subPath) {
    if (subPath.isEmpty()) {
      return new Usage(info.files(), info.bytes());
    }
    Entry entry = datasets.stat(snapshot, subPath);
    if (entry.type() != Type.DIRECTORY) {
      throw Statuses.invalid(
          "attribute subPath: " + subPath + " of " + snapshot + " is no directory");
    }
    return sizes.get(
        new Part(info.catalog(), subPath),
        part -> {
          Totals totals = datasets.totals(snapshot, subPath);
          return new Usage(totals.files(), totals.bytes());
        });
  }

  private void mount(Volume volume) {
    try {
      var unused =
          mounts.mount(
              new Mounts.MountSpec(
                  volume.snapshot(),
                  volume.target(),
                  volume.follow(),
                  true,
                  volume.noExec(),
                  Mounts.Kind.KERNEL,
                  volume.subPath(),
                  volume.follow()));
    } finally {
      targets.changed();
    }
  }

  private void takeBackAfter(RuntimeException fault, Path target) {
    try {
      takeBack(target);
    } catch (RuntimeException e) {
      // It is in the book, so unpublishing or the next start takes it back.
      fault.addSuppressed(e);
    }
  }

  private void takeBack(Path target) {
    targets.detach(target);
    steps.accept(Step.DETACHED);
    targets.remove(target);
    steps.accept(Step.REMOVED);
    book.remove(target);
    steps.accept(Step.FORGOTTEN);
  }

  /** Unpublishes; nothing being there is fine. A publish at work is called off. */
  void unpublish(String volumeId, Path target) {
    long end = System.nanoTime() + config.unpublishTimeout().toNanos();
    Work work = beginUnpublish(volumeId, target, end);
    if (!work.await(left(end))) {
      throw new LarderException(
          ErrorCode.DEADLINE,
          "not unpublished within " + config.unpublishTimeout() + "; it goes on in the background");
    }
  }

  private Work beginUnpublish(String volumeId, Path target, long end) {
    Work fresh = new Work(Work.Kind.UNPUBLISH, volumeId, System.nanoTime());
    while (true) {
      Work other;
      synchronized (works) {
        other = works.putIfAbsent(target, fresh);
      }
      if (other == null) {
        run(target, fresh, () -> unmake(volumeId, target));
        return fresh;
      }
      if (other.isFor(Work.Kind.UNPUBLISH, volumeId)) {
        return other;
      }
      other.callOff();
      if (!other.awaitQuietly(left(end))) {
        throw Statuses.aborted("another " + other.kind() + " of this target does not end yet");
      }
    }
  }

  private static Duration left(long end) {
    return Duration.ofNanos(Math.max(0, end - System.nanoTime()));
  }

  private void unmake(String volumeId, Path target) {
    Optional<Volume> there = book.find(target);
    if (there.isPresent() && !there.get().volumeId().equals(volumeId)) {
      throw Statuses.notFound(
          "volume " + volumeId + " is not at this target, but " + there.get().volumeId());
    }
    there.ifPresent(this::giveUp);
    steps.accept(Step.GIVEN_UP);
    takeBack(target);
    origins.forget(volumeId, target);
    pods.gone(target);
    warmUps.unpublished(target);
    if (there.isPresent()) {
      log.info("unpublished volume={} target={}", volumeId, target);
    }
  }

  /** Without room for it a volume is taken away all the same: its record goes at the end. */
  private void giveUp(Volume volume) {
    try {
      book.put(volume.in(Volume.State.UNSETTLED));
    } catch (LarderException e) {
      log.warn("unpublishing without a note target={}: {}", volume.target(), e.getMessage());
    }
  }

  /**
   * What a published volume holds, from memory.
   *
   * @throws io.grpc.StatusRuntimeException NOT_FOUND when it is not there
   */
  Usage usage(String volumeId, Path path) {
    Volume volume =
        book.find(path)
            .filter(each -> each.volumeId().equals(volumeId))
            .filter(each -> each.state() == Volume.State.PUBLISHED)
            .orElseThrow(
                () -> Statuses.notFound("volume " + volumeId + " is not published at this path"));
    if (!volume.follow()) {
      return new Usage(volume.files(), volume.bytes());
    }
    SnapshotInfo newest = datasets.resolve(volume.snapshot());
    return new Usage(newest.files(), newest.bytes());
  }

  /** Whether a volume of this node shows a dataset, or is about to. */
  boolean shows(DatasetName dataset) {
    return !book.of(dataset).isEmpty();
  }

  /** A read of a dataset was not served by its origin; returns at once. */
  void readFailed(DatasetName dataset, String path, LarderException fault) {
    origins.readFailed(dataset, fault.code());
    pods.readFailed(book.of(dataset), path, fault);
  }

  /** Volumes published now. */
  int count() {
    return book.all().size();
  }

  /** Calls off what waits; the mounts stay. */
  @Override
  public void close() {
    works.values().forEach(Work::callOff);
  }
}
