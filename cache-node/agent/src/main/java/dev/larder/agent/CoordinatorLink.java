package dev.larder.agent;

import dev.larder.agent.cluster.CoordinatorCluster;
import dev.larder.agent.http.NodeState.CoordinatorCause;
import dev.larder.agent.http.NodeState.CoordinatorState;
import dev.larder.agent.job.StandingWork;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorClient.Attendance;
import dev.larder.coordinator.api.CoordinatorClient.AttendanceListener;
import dev.larder.coordinator.api.CoordinatorStatus;
import dev.larder.coordinator.api.HandOver;
import dev.larder.coordinator.api.HoldingReport;
import dev.larder.coordinator.api.MemberChange;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberState;
import dev.larder.coordinator.api.NodeProgress;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.BlobStore.State;
import dev.larder.store.BlobStore.StoreListener;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the coordinator told: membership, holdings, and that this node lives; and this node of the
 * members. One thread of its own; without a coordinator it tries again and everything else goes on.
 * Roots have a thread of their own ({@link RootReports}), and holdings that are refused wait by
 * themselves: neither may keep a sign of life from going out.
 */
final class CoordinatorLink implements StoreListener, AttendanceListener, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(CoordinatorLink.class);

  /** Smallest blob whose holders the coordinator knows, catalogs apart. */
  private static final long HOLDING_BYTES_MIN = 64L << 20;

  /** Changes wait so long at most when the agent ends. */
  private static final Duration CLOSE_WAIT = Duration.ofSeconds(5);

  private static final Duration STATUS_EVERY = Duration.ofSeconds(2);
  private static final Duration STATUS_EVERY_MAX = Duration.ofSeconds(30);
  private static final Duration PROGRESS_EVERY = Duration.ofSeconds(1);
  private static final Duration RETRY_MAX = Duration.ofSeconds(5);

  private final CoordinatorClient coordinator;
  private final BlobStore store;
  private final String memberId;
  private final Supplier<MemberInfo> member;
  private final NodeConfig config;
  private final Predicate<BlobKey> isCatalog;
  private final CoordinatorCluster cluster;
  private final StandingWork work;
  private final AtomicBoolean mustAskMembers = new AtomicBoolean();
  private final AtomicBoolean mustAskEpoch = new AtomicBoolean();
  private final EpochHints hints = new EpochHints();
  private final CoordinatorCauses causes;
  private final ArrayBlockingQueue<Change> changes;
  private final AtomicBoolean mustTellAll = new AtomicBoolean(true);
  private final Holdoff holdings;
  private final ArrayBlockingQueue<Boolean> wakeUps = new ArrayBlockingQueue<>(1);
  private volatile boolean isClosing;
  private final Thread thread;
  private volatile @Nullable CoordinatorStatus status;
  private volatile boolean isAvailable;
  private volatile String problem = "";
  private @Nullable Attendance attendance;
  private long reportedNanos;
  private NodeProgress said = NodeProgress.NONE;
  private long saidNanos;

  private record Change(BlobKey key, boolean isHeld) {}

  /**
   * @param member asked before each join; COORDINATOR_UNAVAILABLE has it tried again
   */
  CoordinatorLink(
      CoordinatorClient coordinator,
      BlobStore store,
      String memberId,
      Supplier<MemberInfo> member,
      NodeConfig config,
      Predicate<BlobKey> isCatalog,
      CoordinatorCluster cluster,
      StandingWork work) {
    this.coordinator = coordinator;
    this.store = store;
    this.memberId = memberId;
    this.member = member;
    this.config = config;
    this.isCatalog = isCatalog;
    this.cluster = cluster;
    this.work = work;
    this.causes =
        new CoordinatorCauses(coordinator::statusOfEach, this::statusEvery, System::nanoTime);
    this.changes = new ArrayBlockingQueue<>(config.reportsMax());
    this.holdings = new Holdoff("holdings", config.reportEvery());
    this.thread = Thread.ofPlatform().daemon().name("coordinator-link").unstarted(this::run);
  }

  void start() {
    store.addListener(this);
    cluster.onNewer(this::newerHeard);
    thread.start();
    causes.start();
  }

  /** The coordinator as last heard; null before the first answer. */
  @Nullable CoordinatorStatus status() {
    return status;
  }

  /** The same for people. */
  CoordinatorState state() {
    CoordinatorStatus last = status;
    return new CoordinatorState(
        isAvailable,
        last == null ? 0 : last.term(),
        last == null ? 0 : last.appliedIndex(),
        last == null ? "" : last.leaderId(),
        last == null ? 0 : last.group().size(),
        last != null && last.group().hasMajority(),
        last == null ? List.of() : last.group().silent(),
        last == null ? 0 : last.members(),
        cluster.view().epoch(),
        last == null ? CoordinatorStatus.Used.NONE : last.used());
  }

  /** What each coordinator found amiss at itself; may wait for a second. */
  List<CoordinatorCause> causes() {
    return causes.causes();
  }

  /** Why the last call was not answered, or what it refused to take; empty when all is well. */
  String problem() {
    return problem.isEmpty() ? holdings.problem() : problem;
  }

  @Override
  public void onSealed(SealedInfo info) {
    if (info.sizeBytes() >= HOLDING_BYTES_MIN || isCatalog.test(info.key())) {
      note(new Change(info.key(), true));
    }
  }

  /**
   * A catalog that was sealed before any snapshot named it. Told at once: whoever reads the dataset
   * on another member waits for it.
   */
  void catalogMade(BlobKey key) {
    note(new Change(key, true));
    wake();
  }

  @Override
  public void onGone(BlobKey key, boolean whole) {
    if (whole) {
      note(new Change(key, false));
    }
  }

  @Override
  public long knownEpoch() {
    return cluster.view().epoch();
  }

  @Override
  public void members(MemberChange change) {
    cluster.change(change);
  }

  @Override
  public void epoch(long epoch) {
    log.debug("epoch={}", epoch);
    if (cluster.view().epoch() < epoch) {
      mustAskMembers.set(true);
      wake();
    }
  }

  /** A member's word changes nothing here; it has the coordinator asked. */
  private void newerHeard(long epoch) {
    if (epoch > cluster.view().epoch() && hints.take(System.nanoTime())) {
      mustAskEpoch.set(true);
      wake();
    }
  }

  @Override
  public void work(long version) {
    work.version(version);
  }

  @Override
  public void ended(LarderException cause) {
    log.info("the coordinator's stream ended code={}", cause.code());
    mustTellAll.set(true);
  }

  @Override
  public void close() {
    causes.close();
    isClosing = true;
    wake();
    try {
      thread.join(CLOSE_WAIT);
      if (thread.isAlive()) {
        log.warn("the coordinator did not answer in time; reports go on at the next start");
        thread.interrupt();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void wake() {
    if (!wakeUps.offer(true)) {
      log.trace("another call for a round is waiting already");
    }
  }

  private void note(Change change) {
    if (!changes.offer(change)) {
      mustTellAll.set(true);
    }
  }

  private void run() {
    long delayMillis = config.reportEvery().toMillis();
    long askStatusAt = System.nanoTime();
    boolean isLast = false;
    while (true) {
      try {
        tell();
        boolean isHinted = mustAskEpoch.getAndSet(false);
        if (isHinted || System.nanoTime() - askStatusAt >= 0) {
          CoordinatorStatus heard = coordinator.status();
          status = heard;
          causes.heard(heard);
          boolean isNewer = heard.epoch() > cluster.view().epoch();
          if (isHinted) {
            hints.answered(isNewer);
          }
          if (isNewer) {
            askMembers();
          }
          askStatusAt = System.nanoTime() + statusEvery().toNanos();
        }
        isAvailable = true;
        problem = "";
        delayMillis = config.reportEvery().toMillis();
      } catch (LarderException e) {
        dropStream();
        boolean isFirst = problem.isEmpty();
        problem = String.valueOf(e.getMessage());
        if (isFirst) {
          log.warn("coordinator not reached code={}: {}", e.code(), e.getMessage());
        }
        isAvailable = false;
        delayMillis = Math.min(RETRY_MAX.toMillis(), 2 * delayMillis);
        if (e.code() == ErrorCode.CANCELLED) {
          break;
        }
      } catch (RuntimeException e) {
        log.error("reporting broke; going on", e);
        dropStream();
      }
      if (isLast) {
        break;
      }
      isLast = isClosing(delayMillis);
    }
    leaveDrained();
    dropStream();
  }

  /**
   * Who was drained and ends does not come back: nobody needs to wait for it. One that still has to
   * hand over stays in the list, so that it goes on with that if it is back in time.
   */
  private void leaveDrained() {
    MemberInfo known = cluster.members().get(memberId);
    if (known == null || known.state() != MemberState.DRAINING || !isAvailable) {
      return;
    }
    if (!work.progress().handOver().map(HandOver::isDone).orElse(false)) {
      log.warn("ends before all is handed over; goes on with it after a start in time");
      return;
    }
    try {
      coordinator.leave(memberId);
      log.info("left the cluster, as this node was drained id={}", memberId);
    } catch (LarderException e) {
      log.warn("the coordinator removes this drained node after its deadline", e);
    }
  }

  /** Waits for the next round, which an unknown epoch brings about at once. */
  private boolean isClosing(long millis) {
    try {
      wakeUps.poll(millis, TimeUnit.MILLISECONDS);
      return isClosing;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return true;
    }
  }

  /**
   * Many nodes ask less often each, so that the coordinator is asked some hundred times a second.
   */
  private Duration statusEvery() {
    CoordinatorStatus heard = status;
    long millis = Math.max(STATUS_EVERY.toMillis(), heard == null ? 0 : 3 * heard.members());
    return Duration.ofMillis(Math.min(millis, STATUS_EVERY_MAX.toMillis()));
  }

  private void tell() {
    Attendance old = attendance;
    if (old != null && old.isDue()) {
      dropStream();
    }
    Attendance open = attendance;
    boolean isAllDue = mustTellAll.get() && holdings.isDue();
    if (open == null || isAllDue) {
      dropStream();
      // It may have been removed meanwhile; who is known with the same facts changes nothing.
      coordinator.join(member.get());
      open = coordinator.attend(memberId, this);
      attendance = open;
    }
    try {
      if (isAllDue) {
        tellAll(open);
        holdings.passed();
      } else {
        tellChanges(open);
      }
    } catch (LarderException e) {
      if (!isRefused(e.code())) {
        throw e;
      }
      // The coordinator is there and takes signs of life; what it refused waits by itself.
      holdings.refused(e);
      dropStream();
      mustTellAll.set(true);
    }
    if (mustAskMembers.getAndSet(false)) {
      askMembers();
    }
  }

  private static boolean isRefused(ErrorCode code) {
    return code == ErrorCode.STORE_FULL || code == ErrorCode.STORE_IO || code == ErrorCode.TOO_MANY;
  }

  private void askMembers() {
    try {
      cluster.list(coordinator.members());
    } catch (LarderException e) {
      mustAskMembers.set(true);
      throw e;
    }
  }

  private void tellAll(Attendance open) {
    mustTellAll.set(false);
    // What changes from here on is told after the whole; telling a thing twice does no harm.
    changes.clear();
    List<BlobKey> held = new ArrayList<>();
    store.forEach(info -> {
      if (info.state() == State.SEALED
          && (info.sizeBytes() >= HOLDING_BYTES_MIN || isCatalog.test(info.key()))) {
        held.add(info.key());
      }
    });
    NodeProgress progress = work.progress();
    report(
        open,
        new HoldingReport(held, List.of(), true, store.stats().usedBytes(), Optional.of(progress)));
    saidProgress(progress);
  }

  /** What is to be said of work now: nothing where it stands as was said. */
  private Optional<NodeProgress> progressNews() {
    NodeProgress now = work.progress();
    boolean isNew = !now.equals(said);
    boolean isDue =
        !outline(now).equals(outline(said))
            || System.nanoTime() - saidNanos >= progressEvery().toNanos();
    return isNew && isDue ? Optional.of(now) : Optional.empty();
  }

  /** Who is done or failed is said at once, how far the others are only now and then. */
  private static List<Object> outline(NodeProgress progress) {
    List<Object> out = new ArrayList<>(progress.handOver().stream().toList());
    progress.warmUps().forEach(each -> out.add(each.warmUpId() + each.state()));
    return out;
  }

  private Duration progressEvery() {
    CoordinatorStatus heard = status;
    long members = heard == null ? 0 : heard.members();
    return Duration.ofMillis(Math.max(PROGRESS_EVERY.toMillis(), members));
  }

  private void saidProgress(NodeProgress progress) {
    said = progress;
    saidNanos = System.nanoTime();
  }

  private void report(Attendance open, HoldingReport report) {
    open.report(report);
    reportedNanos = System.nanoTime();
  }

  private void tellChanges(Attendance open) {
    List<Change> batch = new ArrayList<>();
    boolean silent = System.nanoTime() - reportedNanos >= config.heartbeatEvery().toNanos();
    // A sign of life says all of it again: a leader that is new may have missed it.
    Optional<NodeProgress> news = silent ? Optional.of(work.progress()) : progressNews();
    if (!mustTellAll.get()) {
      changes.drainTo(batch);
    }
    if (batch.isEmpty() && !silent && news.isEmpty()) {
      return;
    }
    java.util.LinkedHashMap<BlobKey, Boolean> last = new java.util.LinkedHashMap<>();
    batch.forEach(change -> last.put(change.key(), change.isHeld()));
    List<BlobKey> held = new ArrayList<>();
    List<BlobKey> gone = new ArrayList<>();
    for (Map.Entry<BlobKey, Boolean> each : last.entrySet()) {
      (each.getValue() ? held : gone).add(each.getKey());
    }
    try {
      report(open, new HoldingReport(held, gone, false, store.stats().usedBytes(), news));
      news.ifPresent(this::saidProgress);
    } catch (LarderException e) {
      mustTellAll.set(true);
      throw e;
    }
  }

  private void dropStream() {
    Attendance open = attendance;
    attendance = null;
    if (open != null) {
      open.close();
      mustTellAll.set(true);
    }
  }
}
