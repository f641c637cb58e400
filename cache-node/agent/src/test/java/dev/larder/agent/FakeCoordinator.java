package dev.larder.agent;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorPeer;
import dev.larder.coordinator.api.CoordinatorStatus;
import dev.larder.coordinator.api.DatasetDefinition;
import dev.larder.coordinator.api.DatasetList;
import dev.larder.coordinator.api.Dispute;
import dev.larder.coordinator.api.HoldingReport;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberList;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.NewSnapshot;
import dev.larder.coordinator.api.NewWarmUp;
import dev.larder.coordinator.api.NodeProgress;
import dev.larder.coordinator.api.NodeSelector;
import dev.larder.coordinator.api.PathPin;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.api.SnapshotDefinition;
import dev.larder.coordinator.api.WarmUpJob;
import dev.larder.coordinator.api.WarmUpOverview;
import dev.larder.coordinator.api.WarmUpProgress;
import dev.larder.coordinator.api.Work;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** A coordinator in memory that can be taken away. Any thread. */
public final class FakeCoordinator implements CoordinatorClient {
  private final Map<DatasetName, DatasetDefinition> datasets = new TreeMap<>();
  private final Set<DatasetName> deleted = new TreeSet<>(Comparator.comparing(DatasetName::text));
  private final Map<BlobKey, RecordedRoot> roots = new HashMap<>();
  private final List<PathPin> pins = new ArrayList<>();
  private final TreeSet<BlobKey> held = new TreeSet<>();
  private final List<MemberInfo> members = new ArrayList<>();
  private final Map<String, WarmUpJob> warmUps = new TreeMap<>();
  private final List<AttendanceListener> listeners = new ArrayList<>();
  private List<Dispute> disputes = List.of();
  private NodeProgress progress = NodeProgress.NONE;
  private DatasetList lastList = new DatasetList(List.of(), Set.of());
  private long listRevision = 1;
  private int listsSent;
  private long workVersion;
  private int pinsMade;
  private boolean isAway;
  private final Map<BlobKey, ErrorCode> refusedRoots = new HashMap<>();
  private boolean isHoldingRoots;
  private boolean isHoldingQuestions;
  private int rootsHeld;
  private int reports;
  private int attends;
  private boolean isOld;
  private long epoch;

  /** Whether calls fail from now on. */
  public synchronized void away(boolean away) {
    isAway = away;
  }

  private void check() {
    if (isAway) {
      throw new LarderException(ErrorCode.COORDINATOR_UNAVAILABLE, "away, as the test wished");
    }
  }

  /** Roots recorded. */
  public synchronized Map<BlobKey, RecordedRoot> recorded() {
    return Map.copyOf(roots);
  }

  /** What the one member holds. */
  public synchronized List<BlobKey> held() {
    return List.copyOf(held);
  }

  /** Records a root as another member would. */
  public synchronized void record(RecordedRoot root) {
    roots.put(root.key(), root);
  }

  @Override
  public synchronized long join(MemberInfo member) {
    check();
    if (members.stream().noneMatch(known -> known.id().equals(member.id()))) {
      members.add(member);
      epoch++;
    }
    return epoch;
  }

  @Override
  public synchronized long leave(String memberId) {
    check();
    members.removeIf(member -> member.id().equals(memberId));
    return ++epoch;
  }

  /** Takes one member out and another in, as happens while nobody looks. */
  public synchronized void leave(String memberId, String another) {
    members.removeIf(member -> member.id().equals(memberId));
    members.add(MemberInfo.joining(another, "", "", Map.of(), 1));
    epoch++;
  }

  @Override
  public synchronized MemberList members() {
    check();
    return new MemberList(epoch, members);
  }

  @Override
  public synchronized Attendance attend(String memberId, AttendanceListener notices) {
    check();
    notices.epoch(epoch);
    listeners.add(notices);
    notices.work(workVersion);
    attends++;
    isOld = false;
    return new Attendance() {
      @Override
      public boolean isDue() {
        synchronized (FakeCoordinator.this) {
          return isOld && listeners.contains(notices);
        }
      }

      @Override
      public void report(HoldingReport report) {
        synchronized (FakeCoordinator.this) {
          check();
          reports++;
          if (report.complete()) {
            held.clear();
          }
          held.addAll(report.nowHolding());
          report.gone().forEach(held::remove);
          progress = report.progress().orElse(progress);
        }
      }

      @Override
      public void close() {
        synchronized (FakeCoordinator.this) {
          listeners.remove(notices);
        }
      }
    };
  }

  @Override
  public synchronized DatasetDefinition createDataset(
      DatasetName name, String originUri, Map<String, String> originOptions) {
    check();
    if (datasets.containsKey(name)) {
      throw new LarderException(ErrorCode.ALREADY_EXISTS, name + " exists");
    }
    DatasetDefinition made =
        new DatasetDefinition(name, originUri, originOptions, Instant.now(), List.of(), 0);
    datasets.put(name, made);
    deleted.remove(name);
    return made;
  }

  @Override
  public synchronized DatasetDefinition dataset(DatasetName name) {
    check();
    DatasetDefinition found = datasets.get(name);
    if (found == null) {
      throw new LarderException(ErrorCode.UNKNOWN_DATASET, "no " + name);
    }
    return found;
  }

  @Override
  public synchronized DatasetList datasetList() {
    check();
    return new DatasetList(List.copyOf(datasets.values()), deleted);
  }

  @Override
  public synchronized Optional<DatasetList> datasetsSince(long revision) {
    DatasetList list = datasetList();
    if (!list.equals(lastList)) {
      lastList = list;
      listRevision++;
    }
    if (revision == listRevision) {
      return Optional.empty();
    }
    listsSent++;
    return Optional.of(new DatasetList(list.datasets(), list.deleted(), listRevision));
  }

  /** Lists of datasets that were fetched whole. */
  public synchronized int listsSent() {
    return listsSent;
  }

  @Override
  public synchronized void deleteDataset(DatasetName name) {
    dataset(name);
    datasets.remove(name);
    deleted.add(name);
    pins.removeIf(pin -> pin.pin().dataset().equals(name));
  }

  @Override
  public synchronized SnapshotDefinition addSnapshot(DatasetName name, NewSnapshot snapshot) {
    DatasetDefinition old = dataset(name);
    Optional<SnapshotDefinition> newest = old.newest();
    if (newest.isPresent() && newest.get().content().catalogKey().equals(snapshot.catalogKey())) {
      return newest.get();
    }
    SnapshotDefinition added = new SnapshotDefinition(old.lastSnapshot() + 1, snapshot);
    List<SnapshotDefinition> all = new ArrayList<>(old.snapshots());
    all.add(added);
    datasets.put(
        name,
        new DatasetDefinition(
            name, old.originUri(), old.originOptions(), old.createdAt(), all, added.number()));
    return added;
  }

  @Override
  public synchronized DatasetDefinition deleteSnapshots(
      DatasetName name, Collection<Long> numbers) {
    DatasetDefinition old = dataset(name);
    for (long number : numbers) {
      if (number == old.lastSnapshot()
          || pins.stream()
              .anyMatch(
                  pin -> pin.pin().dataset().equals(name) && pin.pin().snapshot() == number)) {
        throw new LarderException(ErrorCode.BAD_REQUEST, name + "@" + number + " stays");
      }
    }
    DatasetDefinition left =
        new DatasetDefinition(
            name,
            old.originUri(),
            old.originOptions(),
            old.createdAt(),
            old.snapshots().stream().filter(each -> !numbers.contains(each.number())).toList(),
            old.lastSnapshot());
    datasets.put(name, left);
    return left;
  }

  /** Has batches with this root refused, until {@link #takeRoot}. */
  public synchronized void refuseRoot(BlobKey key, ErrorCode code) {
    refusedRoots.put(key, code);
  }

  /** Refuses it no more. */
  public synchronized void takeRoot(BlobKey key) {
    refusedRoots.remove(key);
  }

  /** Whether calls that record roots last from now on, until it is false again. */
  public synchronized void holdRoots(boolean hold) {
    isHoldingRoots = hold;
    notifyAll();
  }

  /**
   * Whether nobody answers what roots are recorded from now on, as without a majority: a call lasts
   * 15 s and then fails.
   */
  public synchronized void holdQuestions(boolean hold) {
    isHoldingQuestions = hold;
    notifyAll();
  }

  private synchronized void awaitMajority() {
    long deadline = System.nanoTime() + Duration.ofSeconds(15).toNanos();
    try {
      while (isHoldingQuestions) {
        long left = deadline - System.nanoTime();
        if (left <= 0) {
          throw new LarderException(ErrorCode.COORDINATOR_UNAVAILABLE, "no majority");
        }
        wait(left / 1_000_000 + 1);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted", e);
    }
  }

  /** Calls that record roots and are held. */
  public synchronized int rootsHeld() {
    return rootsHeld;
  }

  /** Streams opened so far. */
  public synchronized int attends() {
    return attends;
  }

  /** The streams that stand are to be opened anew. */
  public synchronized void age() {
    isOld = true;
  }

  /** Reports so far, signs of life among them. */
  public synchronized int reports() {
    return reports;
  }

  @Override
  public synchronized List<RecordedRoot> recordRoots(List<RecordedRoot> news) {
    try {
      rootsHeld++;
      while (isHoldingRoots) {
        wait();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted", e);
    } finally {
      rootsHeld--;
    }
    check();
    for (RecordedRoot root : news) {
      ErrorCode code = refusedRoots.get(root.key());
      if (code != null) {
        throw new LarderException(code, "refused, as the test wished");
      }
    }
    List<RecordedRoot> standing = new ArrayList<>();
    for (RecordedRoot root : news) {
      RecordedRoot old = roots.putIfAbsent(root.key(), root);
      if (old != null && !old.root().equals(root.root())) {
        standing.add(old);
      }
    }
    return standing;
  }

  @Override
  public synchronized Map<BlobKey, RecordedRoot> roots(Collection<BlobKey> keys) {
    awaitMajority();
    check();
    Map<BlobKey, RecordedRoot> out = new HashMap<>(roots);
    out.keySet().retainAll(keys);
    return out;
  }

  @Override
  public synchronized List<String> holders(BlobKey key) {
    return held.contains(key) ? List.of(members.getLast().id()) : List.of();
  }

  @Override
  public synchronized PathPin pin(NewPin pin, Duration ttl) {
    dataset(pin.dataset());
    NewPin wish = ttl.isZero() ? pin : pin.until(Optional.of(Instant.now().plus(ttl)));
    pins.removeIf(old -> isSame(old.pin(), pin, pin.owner()));
    PathPin made = new PathPin("p" + ++pinsMade, wish, Instant.now());
    pins.add(made);
    tellWork();
    return made;
  }

  @Override
  public synchronized boolean unpin(DatasetName dataset, long snapshot, String glob, String owner) {
    check();
    NewPin which = new NewPin(dataset, snapshot, glob, Optional.empty());
    boolean found = pins.removeIf(pin -> isSame(pin.pin(), which, owner));
    tellWork();
    return found;
  }

  @Override
  public synchronized boolean movePin(NewPin pin, String toOwner) {
    check();
    Optional<PathPin> found =
        pins.stream().filter(each -> isSame(each.pin(), pin, pin.owner())).findFirst();
    found.ifPresent(old -> {
      NewPin is = old.pin();
      pins.remove(old);
      pins.add(
          new PathPin(
              old.id(),
              new NewPin(
                  is.dataset(),
                  is.snapshot(),
                  is.glob(),
                  is.expiresAt(),
                  toOwner,
                  is.files(),
                  is.bytes()),
              old.createdAt()));
      tellWork();
    });
    return found.isPresent();
  }

  private static boolean isSame(NewPin pin, NewPin other, String owner) {
    return pin.dataset().equals(other.dataset())
        && pin.snapshot() == other.snapshot()
        && pin.glob().equals(other.glob())
        && pin.owner().equals(owner);
  }

  /** Ends all pins that end at all, as when their time is over. */
  public synchronized void expirePins() {
    pins.removeIf(pin -> pin.pin().expiresAt().isPresent());
    tellWork();
  }

  @Override
  public synchronized WarmUpJob warmUp(NewWarmUp wish) {
    dataset(wish.dataset());
    WarmUpJob job =
        new WarmUpJob(
            "wu-" + (warmUps.size() + 1),
            wish.dataset(),
            wish.snapshot(),
            wish.glob(),
            wish.nodes(),
            wish.pinned(),
            Instant.now(),
            Optional.of(Instant.now().plus(wish.ttl())),
            WarmUpJob.State.STANDING,
            Optional.empty());
    warmUps.put(job.id(), job);
    tellWork();
    return job;
  }

  @Override
  public synchronized WarmUpJob cancelWarmUp(String id) {
    check();
    WarmUpJob old = warmUps.get(id);
    if (old == null) {
      throw new LarderException(ErrorCode.NO_SUCH_PATH, "no " + id);
    }
    WarmUpJob ended =
        new WarmUpJob(
            id,
            old.dataset(),
            old.snapshot(),
            old.glob(),
            old.nodes(),
            old.pinned(),
            old.createdAt(),
            old.expiresAt(),
            WarmUpJob.State.CANCELLED,
            Optional.of(Instant.now()));
    warmUps.put(id, ended);
    tellWork();
    return ended;
  }

  @Override
  public synchronized List<WarmUpOverview> warmUps() {
    check();
    return warmUps.values().stream()
        .map(job -> {
          Map<String, WarmUpProgress> nodes = new HashMap<>();
          NodeSelector.parse(job.nodes())
              .of(members, job.id())
              .forEach(id ->
                  nodes.put(
                      id,
                      progress.warmUps().stream()
                          .filter(each -> each.warmUpId().equals(job.id()))
                          .findFirst()
                          .orElse(WarmUpProgress.unheard(job.id()))));
          return new WarmUpOverview(job, nodes);
        })
        .toList();
  }

  @Override
  public synchronized Work work(String memberId) {
    check();
    return new Work(
        workVersion,
        warmUps.values().stream().filter(WarmUpJob::isStanding).toList(),
        pins.stream().filter(pin -> pin.pin().owner().equals(memberId)).toList(),
        disputes);
  }

  /** What members do not agree on from now on. */
  public synchronized void disputes(Dispute... now) {
    disputes = List.of(now);
    tellWork();
  }

  private void tellWork() {
    workVersion++;
    listeners.forEach(listener -> listener.work(workVersion));
  }

  @Override
  public synchronized List<PathPin> pins() {
    check();
    return List.copyOf(pins);
  }

  @Override
  public synchronized CoordinatorStatus status() {
    check();
    return new CoordinatorStatus(
        "fake",
        1,
        1,
        epoch,
        members.size(),
        datasets.size(),
        0,
        0,
        0,
        0,
        CoordinatorStatus.Disputes.NONE,
        List.of(),
        new CoordinatorStatus.Group("fake", 1, 1, true, List.of()),
        CoordinatorStatus.Used.NONE,
        CoordinatorStatus.Health.NONE);
  }

  @Override
  public synchronized long drain(String memberId, boolean undo) {
    check();
    return members.size();
  }

  @Override
  public synchronized List<CoordinatorPeer> coordinators() {
    check();
    return List.of(new CoordinatorPeer("fake", "fake:2", "fake:1", true, 0, 7));
  }

  @Override
  public List<CoordinatorPeer> replaceCoordinator(
      String removeId, String addId, String addRaftAddress) {
    throw new LarderException(ErrorCode.UNSUPPORTED, "there is one");
  }

  @Override
  public void close() {
    // Memory only.
  }
}
