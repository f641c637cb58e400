package dev.larder.agent.job;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.Datasets.Type;
import dev.larder.agent.job.PinFile.Kept;
import dev.larder.agent.read.CachedReadPlane;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.NewPin;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.PathGlob;
import dev.larder.protocol.SnapshotRef;
import dev.larder.store.BlobStore;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Warm-ups and pins of this node. Warm-ups end with the process; pins are kept in a file and at the
 * coordinator. Any thread; changes of pins take turns.
 */
public final class LocalJobs implements Jobs, AutoCloseable {
  /** Pins that wait for the disk together. */
  private static final int PINS_AT_ONCE = 1000;

  private static final Logger log = LoggerFactory.getLogger(LocalJobs.class);

  private final JobsConfig config;
  private final Datasets datasets;
  private final CachedReadPlane plane;
  private final BlobStore store;
  private final CoordinatorClient coordinator;
  private final PinFile file;
  private final AtomicLong lastId = new AtomicLong();
  private final ArrayDeque<WarmUp> jobs = new ArrayDeque<>();
  private final Map<String, Kept> pins = new LinkedHashMap<>();
  private final Object pinChanges = new Object();
  private final ExecutorService threads =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("job-", 0).factory());

  /** Jobs over the node's parts, none of which is closed here; pins are kept in {@code pinFile}. */
  public LocalJobs(
      JobsConfig config,
      Path pinFile,
      Datasets datasets,
      CachedReadPlane plane,
      BlobStore store,
      CoordinatorClient coordinator) {
    this.config = config;
    this.datasets = datasets;
    this.plane = plane;
    this.store = store;
    this.coordinator = coordinator;
    this.file = new PinFile(pinFile);
  }

  /** Reads the pins and lays them on the store again, in the background. */
  public void start() {
    synchronized (pinChanges) {
      file.load().forEach(pin -> pins.put(id(pin.info().snapshot(), pin.info().glob()), pin));
      if (!pins.isEmpty()) {
        threads.execute(this::repin);
      }
    }
  }

  @Override
  public JobInfo warm(SnapshotRef snapshot, String glob) {
    PathGlob.parse(glob);
    SnapshotRef exact = exact(snapshot);
    WarmUp job;
    synchronized (jobs) {
      if (jobs.stream().filter(WarmUp::isRunning).count() >= config.jobsMax()) {
        throw new LarderException(
            ErrorCode.TOO_MANY, "jobs.max: " + config.jobsMax() + " jobs are at work");
      }
      job =
          new WarmUp(
              "w" + lastId.incrementAndGet(),
              exact,
              glob,
              datasets,
              plane,
              store,
              config.parallelMax());
      jobs.addFirst(job);
      forgetOld();
    }
    threads.execute(job);
    return job.info();
  }

  @Override
  public Optional<JobInfo> find(String id) {
    return job(id).map(WarmUp::info);
  }

  @Override
  public List<JobInfo> list() {
    List<WarmUp> all;
    synchronized (jobs) {
      all = List.copyOf(jobs);
    }
    return all.stream().map(WarmUp::info).toList();
  }

  @Override
  public JobInfo cancel(String id) {
    WarmUp job =
        job(id)
            .orElseThrow(() -> new LarderException(ErrorCode.BAD_REQUEST, "there is no job " + id));
    job.cancel();
    return job.info();
  }

  @Override
  public PinInfo pin(SnapshotRef snapshot, String glob) {
    PathGlob.parse(glob);
    // Before the lock: an unknown name is asked for, and what comes may ask what is pinned.
    SnapshotRef exact = exact(snapshot);
    synchronized (pinChanges) {
      String id = id(snapshot.toString(), glob);
      Kept old = pins.get(id);
      if (old == null && pins.size() >= config.pinsMax()) {
        throw new LarderException(
            ErrorCode.TOO_MANY, "jobs.pins-max: " + config.pinsMax() + " pins stand");
      }
      coordinator.pin(
          new NewPin(snapshot.dataset(), snapshot.snapshot().orElse(0), glob, Optional.empty()));
      Instant createdAt = old == null ? Instant.now() : old.info().createdAt();
      Kept kept = lay(snapshot.toString(), glob, exact, createdAt);
      pins.put(id, kept);
      file.save(pins.values());
      if (old != null && old.pinnedSnapshot() != kept.pinnedSnapshot()) {
        lift(old);
      }
      return kept.info();
    }
  }

  @Override
  public int unpin(SnapshotRef snapshot, String glob) {
    synchronized (pinChanges) {
      Kept pin = pins.get(id(snapshot.toString(), glob));
      boolean wasKnown = coordinator.unpin(snapshot.dataset(), snapshot.snapshot().orElse(0), glob);
      if (pin == null) {
        return wasKnown ? 1 : 0;
      }
      pins.remove(id(snapshot.toString(), glob));
      file.save(pins.values());
      lift(pin);
      return 1;
    }
  }

  @Override
  public List<PinInfo> pins() {
    synchronized (pinChanges) {
      return pins.values().stream().map(Kept::info).toList();
    }
  }

  /** Whether a pin holds this snapshot. */
  public boolean isPinned(SnapshotRef snapshot) {
    synchronized (pinChanges) {
      return pins.values().stream()
          .anyMatch(pin ->
              SnapshotRef.parse(pin.info().snapshot()).dataset().equals(snapshot.dataset())
                  && pin.pinnedSnapshot() == snapshot.snapshot().orElse(0));
    }
  }

  /** A dataset has a new snapshot: pins that follow the newest move on. */
  public void onRefreshed(DatasetName name) {
    synchronized (pinChanges) {
      for (Map.Entry<String, Kept> each : pins.entrySet()) {
        SnapshotRef ref = SnapshotRef.parse(each.getValue().info().snapshot());
        if (ref.dataset().equals(name) && ref.snapshot().isEmpty()) {
          each.setValue(move(ref, each.getValue()));
        }
      }
      file.save(pins.values());
    }
  }

  /**
   * A dataset is about to be forgotten: its pins go, while its catalogs can still be read. The
   * coordinator drops its own by itself.
   */
  public void onDeleting(DatasetName name) {
    synchronized (pinChanges) {
      for (Kept pin : List.copyOf(pins.values())) {
        if (SnapshotRef.parse(pin.info().snapshot()).dataset().equals(name)) {
          pins.remove(id(pin.info().snapshot(), pin.info().glob()));
          lift(pin);
        }
      }
      file.save(pins.values());
    }
  }

  /** Unfinished jobs. */
  public int running() {
    synchronized (jobs) {
      return (int) jobs.stream().filter(WarmUp::isRunning).count();
    }
  }

  @Override
  public void close() {
    synchronized (jobs) {
      jobs.forEach(WarmUp::cancel);
    }
    threads.shutdownNow();
  }

  private void repin() {
    try {
      synchronized (pinChanges) {
        for (Map.Entry<String, Kept> each : pins.entrySet()) {
          PinInfo info = each.getValue().info();
          SnapshotRef ref = SnapshotRef.parse(info.snapshot());
          try {
            each.setValue(move(ref, each.getValue()));
          } catch (LarderException e) {
            log.warn("pin not laid again snapshot={} glob={} code={}", ref, info.glob(), e.code());
          }
        }
      }
    } catch (RuntimeException e) {
      log.error("laying the pins again broke", e);
    }
  }

  private Kept move(SnapshotRef ref, Kept old) {
    Kept moved = lay(old.info().snapshot(), old.info().glob(), exact(ref), old.info().createdAt());
    if (moved.pinnedSnapshot() != old.pinnedSnapshot()) {
      lift(old);
    }
    return moved;
  }

  private Kept lay(String snapshot, String glob, SnapshotRef exact, Instant createdAt) {
    String owner = owner(snapshot, glob, exact.snapshot().orElseThrow());
    long[] sums = new long[2];
    List<BlobKey> batch = new ArrayList<>();
    visit(
        exact,
        glob,
        (key, size) -> {
          batch.add(key);
          if (batch.size() == PINS_AT_ONCE) {
            store.pinAll(batch, owner);
            batch.clear();
          }
          sums[0]++;
          sums[1] += size;
        });
    store.pinAll(batch, owner);
    return new Kept(
        new PinInfo(snapshot, glob, sums[0], sums[1], createdAt), exact.snapshot().orElseThrow());
  }

  private void lift(Kept pin) {
    SnapshotRef ref = SnapshotRef.parse(pin.info().snapshot());
    SnapshotRef exact = new SnapshotRef(ref.dataset(), OptionalLong.of(pin.pinnedSnapshot()));
    String owner = owner(pin.info().snapshot(), pin.info().glob(), pin.pinnedSnapshot());
    try {
      visit(exact, pin.info().glob(), (key, size) -> store.unpin(key, owner));
    } catch (LarderException e) {
      log.warn("pin not lifted everywhere snapshot={} code={}", exact, e.code());
    }
  }

  private interface KeyVisitor {
    void visit(BlobKey key, long sizeBytes);
  }

  private void visit(SnapshotRef exact, String glob, KeyVisitor visitor) {
    Consumer<Datasets.Entry> each =
        entry -> {
          if (entry.type() == Type.FILE) {
            entry.key().ifPresent(key -> visitor.visit(key, entry.sizeBytes()));
          }
        };
    datasets.walk(exact, glob, each);
  }

  private SnapshotRef exact(SnapshotRef snapshot) {
    long number = datasets.resolve(snapshot).number();
    return new SnapshotRef(snapshot.dataset(), OptionalLong.of(number));
  }

  private Optional<WarmUp> job(String id) {
    synchronized (jobs) {
      return jobs.stream().filter(job -> job.id().equals(id)).findFirst();
    }
  }

  private void forgetOld() {
    List<WarmUp> ended = new ArrayList<>(jobs.stream().filter(job -> !job.isRunning()).toList());
    while (ended.size() > config.keptMax()) {
      jobs.remove(ended.removeLast());
    }
  }

  private static String id(String snapshot, String glob) {
    return snapshot + ' ' + glob;
  }

  private static String owner(String snapshot, String glob, long number) {
    return "pin:" + snapshot + "#" + number + ":" + glob;
  }
}
