package dev.larder.coordinator.service;

import dev.larder.coordinator.CoordinatorConfig;
import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.api.Batches;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorPeer;
import dev.larder.coordinator.api.CoordinatorStatus;
import dev.larder.coordinator.api.DatasetDefinition;
import dev.larder.coordinator.api.DatasetList;
import dev.larder.coordinator.api.HoldingReport;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberList;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.NewSnapshot;
import dev.larder.coordinator.api.NewWarmUp;
import dev.larder.coordinator.api.PathPin;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.api.SnapshotDefinition;
import dev.larder.coordinator.api.WarmUpJob;
import dev.larder.coordinator.api.WarmUpOverview;
import dev.larder.coordinator.api.Work;
import dev.larder.coordinator.logic.GroupChange;
import dev.larder.coordinator.logic.MemberWatch;
import dev.larder.coordinator.logic.Outcome;
import dev.larder.coordinator.logic.Queries;
import dev.larder.coordinator.logic.Record;
import dev.larder.coordinator.raft.RaftNode;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.PathGlob;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The coordinator for callers of this process, and the core behind the gRPC door: checks a request,
 * gives it time and ids, has it applied. Closing it does nothing: the server owns what is beneath.
 */
public final class LocalCoordinator implements CoordinatorClient {
  private static final Logger log = LoggerFactory.getLogger(LocalCoordinator.class);

  private final RaftNode node;
  private final Limits limits;
  private final InstantSource clock;
  private final EpochNotices notices;
  private final MemberWatch watch;
  private final SpaceCheck space;
  private final StatusReport report;
  private final WorkBoard board;

  /** All parts stay the caller's. */
  public LocalCoordinator(
      RaftNode node,
      Limits limits,
      InstantSource clock,
      EpochNotices notices,
      MemberWatch watch,
      SpaceCheck space,
      StatusReport report) {
    this.node = node;
    this.limits = limits;
    this.clock = clock;
    this.notices = notices;
    this.watch = watch;
    this.space = space;
    this.report = report;
    this.board = new WorkBoard(limits.warmUps().reportsMax());
  }

  @Override
  public long join(MemberInfo member) {
    Checks.member(member);
    admit(
        queries ->
            queries.counts().members() >= limits.membersMax() && !queries.isMember(member.id()),
        "members",
        "coordinator.members-max",
        limits.membersMax());
    sawKnown(member.id());
    // Who was deposed and does not know it yet must not say that one is a member who has left.
    boolean hasJoined =
        node.isLeader()
            && node.readLocal(queries -> queries.hasJoined(member))
            && node.readLinear(queries -> queries.hasJoined(member), limits.requestTimeout());
    long epoch =
        hasJoined
            ? presentEpoch()
            : change(List.of(member.joinedAt(now())), List.of(), List.of(), List.of());
    watch.seen(member.id());
    return epoch;
  }

  @Override
  public long leave(String memberId) {
    Checks.memberId(memberId);
    long epoch = change(List.of(), List.of(memberId), List.of(), List.of());
    watch.forget(memberId);
    board.forget(memberId);
    return epoch;
  }

  /** Whether a member's stream is open at this coordinator. */
  boolean isAttending(String memberId) {
    return notices.hears(memberId);
  }

  @Override
  public long drain(String memberId, boolean undo) {
    Checks.memberId(memberId);
    List<String> one = List.of(memberId);
    return change(List.of(), List.of(), undo ? List.of() : one, undo ? one : List.of());
  }

  /** A sign of life counts whether or not what came with it can be made durable. */
  private void sawKnown(String memberId) {
    if (node.isLeader() && node.readLocal(queries -> queries.isMember(memberId))) {
      watch.seen(memberId);
    }
  }

  /** Whether changes are refused for want of room; nobody is taken for gone meanwhile. */
  boolean isFull() {
    boolean full = space.isFull();
    if (full) {
      watch.stopped();
    }
    return full;
  }

  /** Makes what the watch of members found durable. */
  void change(MemberWatch.Due due) {
    expect(
        Outcome.Epoch.class,
        new Record.ChangeMembers(
            List.of(), due.gone(), List.of(), List.of(), due.stable(), due.publish(), now()));
    due.gone().forEach(watch::forget);
    due.gone().forEach(board::forget);
    if (!due.gone().isEmpty()) {
      notices.end(
          due.gone(),
          new LarderException(
              ErrorCode.CLOSED, "the member was silent for coordinator.member-deadline"));
    }
  }

  /** Changes members, and the epoch too where the last one is old enough. */
  private long change(
      List<MemberInfo> join, List<String> leave, List<String> drain, List<String> undrain) {
    boolean publish = node.isLeader() && watch.takeEpoch();
    return expect(
            Outcome.Epoch.class,
            new Record.ChangeMembers(join, leave, drain, undrain, List.of(), publish, now()))
        .epoch();
  }

  /** The epoch of the list that says what is known now. */
  private long presentEpoch() {
    return node.readLocal(queries -> queries.epoch() + (queries.isUnpublished() ? 1 : 0));
  }

  @Override
  public MemberList members() {
    MemberList list = node.readLinear(Queries::members, limits.requestTimeout());
    Instant now = now();
    return new MemberList(
        list.epoch(),
        list.members().stream()
            .map(m -> watch.silence(m.id()).map(time -> m.seenAt(now.minus(time))).orElse(m))
            .toList(),
        board.handOvers(),
        board.usedBytes());
  }

  @Override
  public Attendance attend(String memberId, AttendanceListener listener) {
    Checks.memberId(memberId);
    if (!node.isLeader()) {
      throw node.notLeader();
    }
    EpochNotices.Ticket ticket =
        notices.add(
            memberId,
            listener,
            node.readLocal(Queries::epoch),
            node.readLocal(Queries::workVersion));
    if (ticket == null) {
      throw new LarderException(ErrorCode.CLOSED, "the coordinator is closed");
    }
    return new Attendance() {
      @Override
      public void report(HoldingReport report) {
        LocalCoordinator.this.report(memberId, report);
      }

      @Override
      public void close() {
        notices.remove(ticket);
      }
    };
  }

  /** Ends all streams: members must be where their leader is. */
  void endStreams() {
    board.clear();
    notices.end(node.notLeader(), false);
  }

  /** Makes a report durable, in batches; one that says nothing new is a sign of life. */
  void report(String memberId, HoldingReport report) {
    Checks.memberId(memberId);
    if (!node.isLeader()) {
      throw node.notLeader();
    }
    boolean isKnown = node.readLocal(queries -> queries.isKnown(memberId, report));
    // A whole list is an answer for what is held; a sign of life is soft, and many.
    if (isKnown && report.complete()) {
      isKnown =
          node.readLinear(queries -> queries.isKnown(memberId, report), limits.requestTimeout());
    }
    if (isKnown) {
      seen(memberId, report);
      return;
    }
    sawKnown(memberId);
    for (HoldingReport part : Batches.of(report, limits.batchMax())) {
      RowBounds.checkPlacements(node, limits.rows(), memberId, part.nowHolding());
      expect(
          Outcome.Removed.class,
          new Record.Holdings(memberId, part.nowHolding(), part.gone(), part.complete()));
    }
    seen(memberId, report);
  }

  private void seen(String memberId, HoldingReport report) {
    watch.seen(memberId);
    board.used(memberId, report.usedBytes());
    report.progress().ifPresent(progress -> board.said(memberId, progress));
  }

  @Override
  public DatasetDefinition createDataset(
      DatasetName name, String originUri, Map<String, String> originOptions) {
    return createDataset(name, originUri, originOptions, UUID.randomUUID().toString());
  }

  DatasetDefinition createDataset(
      DatasetName name, String originUri, Map<String, String> options, String requestId) {
    Checks.dataset(originUri, options, requestId);
    admit(
        queries ->
            queries.counts().datasets() >= limits.datasetsMax() && queries.dataset(name).isEmpty(),
        "datasets",
        "coordinator.datasets-max",
        limits.datasetsMax());
    return expect(
            Outcome.Defined.class,
            new Record.CreateDataset(name, originUri, options, now(), requestId))
        .dataset();
  }

  @Override
  public DatasetDefinition dataset(DatasetName name) {
    return node.readLinear(queries -> queries.dataset(name), limits.requestTimeout())
        .orElseThrow(() ->
            new LarderException(ErrorCode.UNKNOWN_DATASET, "there is no dataset \"" + name + "\""));
  }

  @Override
  public DatasetList datasetList() {
    return node.readLinear(Queries::datasetList, limits.requestTimeout());
  }

  @Override
  public Optional<DatasetList> datasetsSince(long revision) {
    return node.readLinear(
        queries ->
            revision != 0 && queries.datasetsRevision() == revision
                ? Optional.empty()
                : Optional.of(queries.datasetList()),
        limits.requestTimeout());
  }

  @Override
  public void deleteDataset(DatasetName name) {
    deleteDataset(name, UUID.randomUUID().toString());
  }

  void deleteDataset(DatasetName name, String requestId) {
    expect(Outcome.Removed.class, RowBounds.deletion(name, requestId, limits.rows()));
  }

  @Override
  public SnapshotDefinition addSnapshot(DatasetName dataset, NewSnapshot snapshot) {
    Checks.snapshot(snapshot);
    admit(
        queries ->
            queries.snapshotsOf(dataset) >= limits.snapshotsMax()
                && !queries.isNewest(dataset, snapshot),
        "snapshots of dataset \"" + dataset + "\"",
        "coordinator.snapshots-max",
        limits.snapshotsMax());
    return expect(Outcome.Added.class, new Record.AddSnapshot(dataset, snapshot)).snapshot();
  }

  @Override
  public DatasetDefinition deleteSnapshots(DatasetName dataset, Collection<Long> numbers) {
    Checks.batch(numbers.size(), limits.batchMax());
    List<Long> ascending = numbers.stream().distinct().sorted().toList();
    ascending.forEach(Checks::snapshotNumber);
    return expect(Outcome.Defined.class, new Record.DeleteSnapshots(dataset, ascending)).dataset();
  }

  @Override
  public List<RecordedRoot> recordRoots(List<RecordedRoot> roots) {
    roots.forEach(Checks::root);
    List<RecordedRoot> conflicts = new ArrayList<>();
    for (List<RecordedRoot> batch : Batches.of(roots, limits.batchMax())) {
      conflicts.addAll(recordBatch(batch));
    }
    return conflicts;
  }

  private List<RecordedRoot> recordBatch(List<RecordedRoot> batch) {
    List<RecordedRoot> claims =
        new ArrayList<>(batch.stream().filter(root -> root.readAgainFor() != 0).toList());
    List<RecordedRoot> sealed = batch.stream().filter(root -> root.readAgainFor() == 0).toList();
    // Agents send again what they sealed; what is known needs no entry in the log.
    if (!node.readLocal(queries -> queries.hasAll(sealed))) {
      RowBounds.checkRoots(node, limits.rows(), sealed);
      List<RecordedRoot> standing =
          expect(Outcome.Conflicts.class, new Record.RecordRoots(sealed)).standing();
      Set<BlobKey> keys = new HashSet<>();
      standing.forEach(root -> keys.add(root.key()));
      sealed.stream().filter(root -> keys.contains(root.key())).forEach(claims::add);
    }
    if (claims.isEmpty()) {
      return List.of();
    }
    CoordinatorConfig.Disputes bounds = limits.disputes();
    List<RecordedRoot> against =
        expect(
                Outcome.Conflicts.class,
                new Record.DisputeRoots(claims, now(), bounds.openMax(), bounds.keptMax()))
            .standing();
    against.forEach(root ->
        log.warn("members do not agree on a root key={} by={}", root.key(), root.memberId()));
    return against;
  }

  @Override
  public Map<BlobKey, RecordedRoot> roots(Collection<BlobKey> keys) {
    Map<BlobKey, RecordedRoot> roots = new LinkedHashMap<>();
    for (List<BlobKey> batch : Batches.of(List.copyOf(keys), limits.batchMax())) {
      roots.putAll(node.readLinear(queries -> queries.roots(batch), limits.requestTimeout()));
    }
    return roots;
  }

  @Override
  public List<String> holders(BlobKey key) {
    return node.readLocal(queries -> queries.holders(key));
  }

  @Override
  public PathPin pin(NewPin pin, Duration ttl) {
    Checks.pin(pin, ttl);
    admit(
        queries -> queries.counts().pins() >= limits.pinsMax() && !queries.isPinned(pin),
        "pins",
        "coordinator.pins-max",
        limits.pinsMax());
    Instant now = now();
    NewPin wish = ttl.isZero() ? pin : pin.until(Optional.of(now.plus(ttl)));
    return expect(Outcome.Pinned.class, new Record.PutPin(UUID.randomUUID().toString(), wish, now))
        .pin();
  }

  @Override
  public boolean unpin(DatasetName dataset, long snapshot, String glob, String owner) {
    PathGlob.parse(glob);
    return expect(Outcome.Removed.class, new Record.RemovePin(dataset, snapshot, glob, owner))
            .count()
        > 0;
  }

  @Override
  public boolean movePin(NewPin pin, String toOwner) {
    Checks.memberId(toOwner);
    return expect(
                Outcome.Removed.class,
                new Record.MovePin(pin.dataset(), pin.snapshot(), pin.glob(), pin.owner(), toOwner))
            .count()
        > 0;
  }

  @Override
  public WarmUpJob warmUp(NewWarmUp wish) {
    CoordinatorConfig.WarmUps bounds = limits.warmUps();
    Checks.warmUp(wish, bounds.globMax());
    admit(
        queries -> queries.warmUpsStanding() >= bounds.standingMax(),
        "warm-ups",
        "coordinator.warm-ups-max",
        bounds.standingMax());
    Instant now = now();
    Optional<Instant> end =
        wish.ttl().isZero()
            ? wish.pinned() ? Optional.empty() : Optional.of(now.plus(bounds.lasts()))
            : Optional.of(now.plus(wish.ttl()));
    return expect(
            Outcome.WarmUp.class,
            new Record.PutWarmUp(
                wish.dataset(),
                wish.snapshot(),
                wish.glob(),
                wish.nodes(),
                wish.pinned(),
                now,
                end,
                wish.requestId().isEmpty() ? UUID.randomUUID().toString() : wish.requestId()))
        .job();
  }

  @Override
  public WarmUpJob cancelWarmUp(String id) {
    long number = Checks.warmUpNumber(id);
    return expect(
            Outcome.WarmUp.class, new Record.EndWarmUps(number, now(), limits.warmUps().keptMax()))
        .job();
  }

  @Override
  public List<WarmUpOverview> warmUps() {
    if (!node.isLeader()) {
      throw node.notLeader();
    }
    record Read(List<WarmUpJob> jobs, MemberList members) {}
    Read read =
        node.readLinear(
            queries -> new Read(queries.warmUps(), queries.members()), limits.requestTimeout());
    return read.jobs().reversed().stream()
        .map(job -> board.overview(job, read.members().members()))
        .toList();
  }

  @Override
  public Work work(String memberId) {
    Checks.memberId(memberId);
    return node.readLinear(queries -> queries.work(memberId, now()), limits.requestTimeout());
  }

  @Override
  public List<PathPin> pins() {
    return node.readLinear(queries -> queries.pins(now()), limits.requestTimeout());
  }

  @Override
  public CoordinatorStatus status() {
    return report.now(board.used());
  }

  @Override
  public List<CoordinatorPeer> coordinators() {
    Map<String, String> doors = node.readLocal(Queries::coordinators);
    return node.members().peers().stream()
        .map(peer ->
            new CoordinatorPeer(
                peer.id(),
                peer.address(),
                doors.getOrDefault(peer.id(), ""),
                peer.leads(),
                peer.silentMillis(),
                peer.lastIndex()))
        .toList();
  }

  @Override
  public List<CoordinatorPeer> replaceCoordinator(
      String removeId, String addId, String addRaftAddress) {
    if (!node.isLeader()) {
      throw node.notLeader();
    }
    SortedMap<String, String> now = new TreeMap<>();
    node.members().peers().forEach(peer -> now.put(peer.id(), peer.address()));
    if (!addId.isEmpty()) {
      Checks.coordinator(addId, addRaftAddress);
    }
    SortedMap<String, String> then = GroupChange.of(now, removeId, addId, addRaftAddress);
    if (!then.equals(now)) {
      space.check();
      node.changeGroup(then, limits.requestTimeout());
    }
    if (!removeId.isEmpty() && node.readLocal(Queries::coordinators).containsKey(removeId)) {
      expect(Outcome.Removed.class, new Record.PutCoordinator(removeId, ""));
    }
    return coordinators();
  }

  @Override
  public void close() {}

  /**
   * Has pins removed and warm-ups ended whose time is over, and disputes that nobody settled
   * tended; the leader's duty, and its clock's. The moment goes into the log, so that all
   * coordinators come to the same state.
   */
  public void expire() {
    Instant now = now();
    if (node.isLeader() && node.readLocal(queries -> queries.hasEndedPins(now))) {
      expect(Outcome.Removed.class, new Record.ExpirePins(now));
    }
    if (node.isLeader() && node.readLocal(queries -> queries.hasWarmUpsOver(now))) {
      expect(Outcome.Removed.class, new Record.EndWarmUps(0, now, limits.warmUps().keptMax()));
    }
    CoordinatorConfig.Disputes disputes = limits.disputes();
    Record.TendDisputes tend =
        new Record.TendDisputes(now, disputes.readFor(), disputes.lasts(), disputes.keptMax());
    if (node.isLeader() && node.readLocal(queries -> queries.hasDisputesDue(tend))) {
      expect(Outcome.Removed.class, tend);
    }
  }

  /** Bounds are checked on the state at hand: requests at the same time may pass one by a few. */
  private void admit(Predicate<Queries> full, String what, String key, long max) {
    if (node.readLocal(full::test)) {
      throw Checks.tooMany(what, key, max);
    }
  }

  private <T extends Outcome> T expect(Class<T> kind, Record record) {
    Outcome outcome;
    try {
      space.check();
      outcome = node.submit(record, limits.requestTimeout());
    } catch (LarderException e) {
      watch.stopped();
      throw e;
    }
    if (outcome instanceof Outcome.Refused(ErrorCode code, String message)) {
      throw new LarderException(code, message);
    }
    @Nullable T expected = kind.isInstance(outcome) ? kind.cast(outcome) : null;
    if (expected == null) {
      throw new LarderException(ErrorCode.INTERNAL, record + " was answered by " + outcome);
    }
    return expected;
  }

  /** Milliseconds, as the log keeps it: what is answered now reads the same later. */
  private Instant now() {
    return Instant.ofEpochMilli(clock.millis());
  }
}
