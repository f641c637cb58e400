package dev.larder.coordinator.raft;

import dev.larder.coordinator.logic.CoordinatorState;
import dev.larder.coordinator.logic.Outcome;
import dev.larder.coordinator.logic.OutcomeCodec;
import dev.larder.coordinator.logic.Position;
import dev.larder.coordinator.logic.Queries;
import dev.larder.coordinator.logic.Record;
import dev.larder.coordinator.logic.RecordCodec;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.RoleInfoProto;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftClientRequest;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftGroupMemberId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.raftlog.RaftLog;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.SnapshotInfo;
import org.apache.ratis.statemachine.StateMachineStorage;
import org.apache.ratis.statemachine.TransactionContext;
import org.apache.ratis.statemachine.impl.BaseStateMachine;
import org.apache.ratis.thirdparty.com.google.protobuf.UnsafeByteOperations;
import org.apache.ratis.util.LifeCycle;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Fits {@link CoordinatorState} to Ratis.
 *
 * <p>Ratis replays from its latest snapshot while the tables may be further: entries up to the
 * position the tables hold are passed over. A record that cannot be applied (disk fault, unknown
 * version) stops this server, because going on would make its state differ from the others'. So
 * does a sign that it does differ: an entry that was committed and is replaced in the log or sent
 * otherwise by the leader, or another term in the log where the tables were made.
 *
 * <p><b>Threads:</b> Ratis' updater applies, snapshots and reloads, the log's writers truncate;
 * {@link #state} from any.
 */
class CoordinatorStateMachine extends BaseStateMachine {
  private static final Logger log = LoggerFactory.getLogger(CoordinatorStateMachine.class);

  private final SnapshotDirectory snapshots = new SnapshotDirectory();
  private final StateRecovery recovery;
  private final boolean alone;
  private final RaftEvents events;
  private final SilentPeers silent = new SilentPeers(System::nanoTime);
  private final CompletableFuture<Void> leaderKnown = new CompletableFuture<>();
  private final AtomicBoolean hasDiverged = new AtomicBoolean();

  private volatile StateRecovery.@Nullable Recovered recovered;
  private volatile boolean isEnded;
  // The updater's own, except while Ratis initializes.
  private @Nullable Path segments;
  private volatile Position opened = Position.NONE;
  private volatile long tablesIndex = -1;

  CoordinatorStateMachine(Path tables, RocksLimits limits, boolean alone, RaftEvents events) {
    this.recovery = new StateRecovery(tables, snapshots, limits);
    this.alone = alone;
    this.events = events;
  }

  @Override
  public void initialize(RaftServer server, RaftGroupId group, RaftStorage storage)
      throws IOException {
    super.initialize(server, group, storage);
    getLifeCycle().startAndTransition(() -> load(storage), IOException.class);
  }

  private long committed() {
    RaftServer server = getServer().getNow(null);
    try {
      return server == null
          ? -1
          : server.getDivision(getGroupId()).getRaftLog().getLastCommittedIndex();
    } catch (IOException e) {
      log.debug("no log yet of which anything could be committed", e);
      return -1;
    }
  }

  private void load(RaftStorage storage) throws IOException {
    snapshots.init(storage);
    segments = storage.getStorageDir().getCurrentDir().toPath();
    load();
  }

  private void load() throws IOException {
    StateRecovery.Recovered open = recovery.open(Objects.requireNonNull(segments), alone);
    recovered = open;
    opened = open.state().applied();
    tablesIndex = opened.index();
    SnapshotInfo latest = snapshots.getLatestSnapshot();
    setLastAppliedTermIndex(latest == null ? null : latest.getTermIndex());
  }

  /** Done when a leader is known and, if it is this server, ready. */
  CompletableFuture<Void> leaderKnown() {
    return leaderKnown;
  }

  /** The state; CLOSED errors come from its store, and where it is not the group's. */
  CoordinatorState state() {
    if (hasDiverged.get()) {
      throw new LarderException(ErrorCode.CLOSED, "the state is not what the group has");
    }
    StateRecovery.Recovered open = recovered;
    if (open == null) {
      throw new IllegalStateException("the coordinator's state is not loaded");
    }
    return open.state();
  }

  /** See {@link RocksStateStore#figures}; empty before the start. */
  Map<String, Long> figures() {
    StateRecovery.Recovered open = recovered;
    return open == null ? Map.of() : open.store().figures();
  }

  /** Whether it ended because its state is not the group's, so that no start helps. */
  boolean hasDiverged() {
    return hasDiverged.get();
  }

  /** Whether Ratis closed it, as it also does after a fault in applying. */
  boolean hasEnded() {
    return isEnded;
  }

  /** Native handles that are open. */
  int openHandles() {
    StateRecovery.Recovered open = recovered;
    return open == null ? 0 : open.ledger().open();
  }

  @Override
  public TransactionContext startTransaction(RaftClientRequest request) throws IOException {
    TransactionContext context = super.startTransaction(request);
    try {
      RecordCodec.decode(request.getMessage().getContent().toByteArray());
    } catch (LarderException e) {
      context.setException(e);
    }
    return context;
  }

  @Override
  public CompletableFuture<Message> applyTransaction(TransactionContext context) {
    LogEntryProto entry = Objects.requireNonNull(context.getLogEntry());
    Message answer = Message.EMPTY;
    if (hasDiverged.get()) {
      log.debug("not applied, as the state is not the group's entry={}", entry.getIndex());
    } else if (entry.getIndex() > tablesIndex) {
      byte[] data = entry.getStateMachineLogEntry().getLogData().toByteArray();
      answer = apply(new Position(entry.getTerm(), entry.getIndex()), RecordCodec.decode(data));
      tablesIndex = entry.getIndex();
    } else {
      compare(entry.getTerm(), entry.getIndex());
    }
    updateLastAppliedTermIndex(entry.getTerm(), entry.getIndex());
    return CompletableFuture.completedFuture(answer);
  }

  @Override
  public void notifyTermIndexUpdated(long term, long index) {
    compare(term, index);
    super.notifyTermIndexUpdated(term, index);
  }

  /**
   * Same term and index in two logs, and all before is the same; else it is not what was applied.
   */
  private void compare(long term, long index) {
    if (index == opened.index() && term != opened.term()) {
      diverged(madeBy(opened, term));
    }
  }

  private static String madeBy(Position made, long term) {
    return "its tables were made by entry "
        + made.index()
        + " of term "
        + made.term()
        + ", its log has that entry of term "
        + term;
  }

  /**
   * Looks whether the tables were made by the log beside them; once, before others are served.
   *
   * @throws LarderException STORE_CORRUPT when they were not
   */
  void compare(RaftLog beside) {
    TermIndex there = opened.index() < 0 ? null : beside.getTermIndex(opened.index());
    if (there != null && there.getTerm() != opened.term()) {
      throw DivergenceMark.fault(madeBy(opened, there.getTerm()));
    }
  }

  /**
   * Entries from this one on are about to be replaced by the leader's: they must not be committed.
   * Called under the log's lock.
   */
  @Override
  public CompletableFuture<Void> truncate(long logIndex) {
    if (logIndex <= Math.max(tablesIndex, committed())) {
      diverged("entry " + logIndex + " was committed and is replaced in its log");
    }
    return CompletableFuture.completedFuture(null);
  }

  /**
   * Ends this server for good: nothing is read of the state, applied to it or made a snapshot of
   * from now on, and no later start goes on with it. Any thread, also one that holds Ratis' locks.
   */
  void diverged(String how) {
    if (!hasDiverged.compareAndSet(false, true)) {
      return;
    }
    isEnded = true;
    log.error("coordinator ends, its state is not what the others have: {}", how);
    try {
      recovery.diverged(how);
    } catch (IOException e) {
      log.error("and that could not be noted: do not start it again, replace it", e);
    }
    RaftServer ending = getServer().getNow(null);
    if (ending != null) {
      // Not here: it waits for those who wait for the caller's locks.
      Thread.ofPlatform()
          .name("coordinator-end")
          .start(() -> {
            try {
              ending.close();
            } catch (IOException e) {
              log.warn("the coordinator's server does not close", e);
            }
          });
    }
  }

  private Message apply(Position position, Record record) {
    boolean membership =
        record instanceof Record.Join
            || record instanceof Record.Leave
            || record instanceof Record.ChangeMembers;
    long before = membership ? state().query(Queries::epoch) : 0;
    boolean work = changesWork(record);
    long workBefore = work ? state().query(Queries::workVersion) : 0;
    Outcome outcome = state().apply(position, record);
    long after = membership ? state().query(Queries::epoch) : 0;
    if (after != before) {
      events.epoch(after);
    }
    long workAfter = work ? state().query(Queries::workVersion) : 0;
    if (workAfter != workBefore) {
      events.work(workAfter);
    }
    return Message.valueOf(UnsafeByteOperations.unsafeWrap(OutcomeCodec.encode(outcome)));
  }

  private static boolean changesWork(Record record) {
    return switch (record) {
      case Record.PutPin put -> true;
      case Record.RemovePin remove -> true;
      case Record.MovePin move -> true;
      case Record.ExpirePins expire -> true;
      case Record.PutWarmUp put -> true;
      case Record.EndWarmUps end -> true;
      case Record.DeleteDataset delete -> true;
      case Record.DeleteSnapshots delete -> true;
      case Record.DisputeRoots dispute -> true;
      case Record.TendDisputes tend -> true;
      default -> false;
    };
  }

  @Override
  public CompletableFuture<Message> query(Message request) {
    // Ratis calls this when the state is as new as the read asks; the caller then reads the tables.
    return CompletableFuture.completedFuture(Message.EMPTY);
  }

  @Override
  public long takeSnapshot() throws IOException {
    TermIndex position = getLastAppliedTermIndex();
    StateRecovery.Recovered open = recovered;
    if (hasDiverged.get()
        || open == null
        || position == null
        || position.getIndex() < tablesIndex) {
      return RaftLog.INVALID_LOG_INDEX;
    }
    Position at = new Position(position.getTerm(), position.getIndex());
    try {
      open.state().note(at);
      tablesIndex = at.index();
      snapshots.take(open.store(), at);
    } catch (LarderException e) {
      throw new IOException("no coordinator snapshot at " + at, e);
    }
    log.info("coordinator snapshot taken position={}", at);
    return at.index();
  }

  @Override
  public @Nullable SnapshotInfo getLatestSnapshot() {
    return hasDiverged.get() ? null : snapshots.getLatestSnapshot();
  }

  @Override
  public StateMachineStorage getStateMachineStorage() {
    return snapshots;
  }

  /** Snapshots that were found damaged and are kept beside the others. */
  int snapshotsSetAside() {
    return snapshots.setAside();
  }

  @Override
  public void pause() {
    // Ratis says so again with each part of a snapshot that it receives.
    if (getLifeCycleState() == LifeCycle.State.PAUSED) {
      return;
    }
    getLifeCycle().transition(LifeCycle.State.PAUSING);
    closeTables();
    getLifeCycle().transition(LifeCycle.State.PAUSED);
  }

  @Override
  public void reinitialize() throws IOException {
    snapshots.reload();
    load();
    if (getLifeCycleState() == LifeCycle.State.PAUSED) {
      getLifeCycle().transition(LifeCycle.State.STARTING);
      getLifeCycle().transition(LifeCycle.State.RUNNING);
    }
  }

  @Override
  public void notifyLeaderChanged(RaftGroupMemberId self, RaftPeerId leader) {
    if (!self.getPeerId().equals(leader)) {
      events.leads(false);
      if (leader != null) {
        leaderKnown.complete(null);
      }
    }
  }

  @Override
  public void notifyNotLeader(Collection<TransactionContext> pending) {
    events.leads(false);
  }

  @Override
  public void notifyFollowerSlowness(RoleInfoProto leader, RaftPeer follower) {
    silent.heardOf(follower.getId().toString(), follower.getAddress());
  }

  @Override
  public void notifyLeaderReady() {
    leaderKnown.complete(null);
    events.leads(true);
  }

  @Override
  public void close() throws IOException {
    isEnded = true;
    closeTables();
    super.close();
  }

  private void closeTables() {
    StateRecovery.Recovered open = recovered;
    if (open != null) {
      open.store().close();
    }
  }
}
