package dev.larder.agent.job;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.peer.RateCap;
import dev.larder.agent.read.CachedReadPlane;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.PathGlob;
import dev.larder.protocol.SnapshotRef;
import dev.larder.store.BlobStore;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Warm-ups and pins of this node. Warm-ups that a user asked of this node are kept in a file until
 * they end, and go on with the next process; pins are kept in a file and at the coordinator,
 * warm-ups over nodes there. Any thread.
 */
public final class LocalJobs implements Jobs, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(LocalJobs.class);

  private final JobsConfig config;
  private final Clock clock;
  private final Datasets datasets;
  private final CachedReadPlane plane;
  private final BlobStore store;
  private final LocalPins pins;
  private final RateCap rate;
  private final StandingWork standing;
  private final JobFile file;
  private final ArrayDeque<WarmUp> jobs = new ArrayDeque<>();

  /** What the file says; with {@code lastId} guarded by {@code jobs}. */
  private final Map<String, JobFile.Kept> unfinished = new LinkedHashMap<>();

  private final String self;
  private final Supplier<Map<String, MemberInfo>> members;
  private long lastId;
  private volatile boolean isClosing;
  private final ExecutorService threads =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("job-", 0).factory());

  /**
   * Jobs over the node's parts, none of which is closed here.
   *
   * @param directory where pins and unfinished warm-ups are kept
   * @param self this node's member id
   * @param members the members of the present view, this one among them, by id
   */
  public LocalJobs(
      JobsConfig config,
      Path directory,
      Datasets datasets,
      CachedReadPlane plane,
      BlobStore store,
      CoordinatorClient coordinator,
      String self,
      Supplier<Map<String, MemberInfo>> members,
      Clock clock) {
    this.clock = clock;
    this.config = config;
    this.self = self;
    this.members = members;
    this.datasets = datasets;
    this.plane = plane;
    this.store = store;
    this.rate = new RateCap(config.bandwidthMax());
    this.file = new JobFile(directory.resolve("jobs.json"));
    this.pins =
        new LocalPins(
            config.pinsMax(),
            directory.resolve("pins.json"),
            self,
            datasets,
            store,
            coordinator,
            clock);
    this.standing =
        new StandingWork(
            config.standing(),
            self,
            coordinator,
            members,
            pins,
            store,
            new StandingWarmUp.Parts(
                config.standing(), datasets, store, pins, this::pass, threads));
  }

  /**
   * Reads the pins and lays them on the store again, in the background, and begins to do as the
   * coordinator tells.
   */
  public void start() {
    pins.start(threads);
    standing.start();
    resume();
  }

  private void resume() {
    synchronized (jobs) {
      for (JobFile.Kept kept : file.load()) {
        lastId = Math.max(lastId, kept.number());
        log.info("warm-up goes on id=w{} of={}", kept.number(), kept.snapshot());
        begin(kept);
      }
    }
  }

  /** Under the lock. */
  private WarmUp begin(JobFile.Kept kept) {
    WarmUp job = pass("w" + kept.number(), SnapshotRef.parse(kept.snapshot()), kept.glob());
    unfinished.put(job.id(), kept);
    jobs.addFirst(job);
    threads.execute(() -> {
      job.run();
      ended(job);
    });
    return job;
  }

  private void ended(WarmUp job) {
    // One that ends because the process does is to go on.
    if (isClosing) {
      return;
    }
    synchronized (jobs) {
      unfinished.remove(job.id());
      save();
    }
  }

  private void save() {
    try {
      file.save(unfinished.values());
    } catch (LarderException e) {
      // It is done all the same, only not by a process that comes after this one.
      log.warn("warm-ups are not remembered over a restart: {}", e.getMessage());
    }
  }

  @Override
  public JobInfo warm(SnapshotRef snapshot, String glob) {
    PathGlob.parse(glob);
    SnapshotRef exact = exact(snapshot);
    synchronized (jobs) {
      if (jobs.stream().filter(WarmUp::isRunning).count() >= config.jobsMax()) {
        throw new LarderException(
            ErrorCode.TOO_MANY, "jobs.max: " + config.jobsMax() + " jobs are at work");
      }
      WarmUp job = begin(new JobFile.Kept(++lastId, exact.toString(), glob));
      save();
      forgetOld();
      return job.info();
    }
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
  public PinInfo pin(SnapshotRef snapshot, String glob, Duration ttl) {
    return pins.pin(snapshot, glob, ttl);
  }

  @Override
  public int unpin(SnapshotRef snapshot, String glob) {
    return pins.unpin(snapshot, glob);
  }

  @Override
  public List<PinInfo> pins() {
    return pins.list();
  }

  /** Whether a pin holds this snapshot. */
  public boolean isPinned(SnapshotRef snapshot) {
    return pins.isPinned(snapshot);
  }

  /** A dataset has a new snapshot: pins that follow the newest move on. */
  public void onRefreshed(DatasetName name) {
    pins.onRefreshed(name);
  }

  /** A dataset is about to be forgotten: its pins go. */
  public void onDeleting(DatasetName name) {
    pins.onDeleting(name);
  }

  /** Pins and warm-ups over nodes, as the coordinator tells them. */
  public StandingWork standing() {
    return standing;
  }

  /** Unfinished jobs. */
  public int running() {
    synchronized (jobs) {
      return (int) jobs.stream().filter(WarmUp::isRunning).count();
    }
  }

  private WarmUp pass(String id, SnapshotRef exact, String glob) {
    return new WarmUp(
        id,
        exact,
        glob,
        datasets,
        plane,
        store,
        config.parallelMax(),
        rate,
        placeAmongMembers(),
        clock);
  }

  /** 0 to 1; far from every other member's. */
  private double placeAmongMembers() {
    List<String> ids = members.get().keySet().stream().sorted().toList();
    return ids.isEmpty() ? 0 : (double) Math.max(0, ids.indexOf(self)) / ids.size();
  }

  @Override
  public void close() {
    isClosing = true;
    standing.close();
    synchronized (jobs) {
      jobs.forEach(WarmUp::cancel);
    }
    threads.shutdownNow();
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
}
