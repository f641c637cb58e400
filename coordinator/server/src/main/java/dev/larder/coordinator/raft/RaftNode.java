package dev.larder.coordinator.raft;

import dev.larder.coordinator.api.NotLeader;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.logic.Outcome;
import dev.larder.coordinator.logic.OutcomeCodec;
import dev.larder.coordinator.logic.Queries;
import dev.larder.coordinator.logic.Record;
import dev.larder.coordinator.logic.RecordCodec;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.apache.ratis.client.RaftClient;
import org.apache.ratis.conf.Parameters;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.grpc.GrpcConfigKeys;
import org.apache.ratis.grpc.GrpcTlsConfig;
import org.apache.ratis.protocol.ClientId;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftClientRequest;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.protocol.SetConfigurationRequest;
import org.apache.ratis.retry.RetryPolicies;
import org.apache.ratis.server.DivisionInfo;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.raftlog.RaftLog;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.thirdparty.com.google.protobuf.UnsafeByteOperations;
import org.apache.ratis.util.LifeCycle;
import org.apache.ratis.util.TimeDuration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One peer of the coordinator's Raft group: takes records where it leads, answers linearizable and
 * local reads wherever it is.
 *
 * <p><b>Threads:</b> any; {@link #submit} and {@link #readLinear} block up to their deadline.
 * <b>Errors:</b> COORDINATOR_UNAVAILABLE (no leader, no majority; the record may still be applied),
 * DEADLINE, CANCELLED, CLOSED, STORE_*.
 */
public final class RaftNode implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(RaftNode.class);
  private static final RaftGroupId GROUP =
      RaftGroupId.valueOf(
          UUID.nameUUIDFromBytes("larder-coordinator-1".getBytes(StandardCharsets.UTF_8)));

  /** Between two looks whether a leader is still heard. */
  private static final long CONFIRM_PAUSE_NANOS = 3_000_000;

  private static final int LEADER_TRIES = 5;

  /** Which state a read answers from that asks for the state as of now. */
  public enum Reads {
    /**
     * One that has every change acknowledged before: the leader asks a majority whether it leads.
     */
    LINEAR,
    /** What is at hand, however old. No setting leads here: a test proves that it is noticed. */
    AT_HAND
  }

  private final RaftServer server;
  private final CoordinatorStateMachine machine;
  private final RaftProperties properties;
  private final Parameters parameters;
  private final String host;
  private final ReadPool reads;
  private final long electionMillis;
  private final Reads freshness;
  private final ClientId clientId = ClientId.randomId();
  private final AtomicLong calls = new AtomicLong();
  private final AtomicBoolean closed = new AtomicBoolean();
  private final GroupCommit commits = new GroupCommit(this::append);

  private RaftNode(
      RaftServer server,
      CoordinatorStateMachine machine,
      RaftProperties properties,
      Parameters parameters,
      RaftConfig config,
      Reads freshness) {
    this.freshness = freshness;
    this.host = config.host();
    this.electionMillis = config.electionTimeout().toMillis();
    this.reads = new ReadPool(config.rocks().readThreads());
    this.server = server;
    this.machine = machine;
    this.properties = properties;
    this.parameters = parameters;
  }

  /**
   * Opens log and state, binds the port, and waits until there is a leader. Where there are others
   * and no leader comes, it goes on without: reads are answered, and one may come later.
   *
   * @param tls for peers; must trust coordinators only
   * @param events told of epochs and leaders; must not block
   * @param startTimeout longest wait for a leader
   * @param freshness LINEAR, outside of tests
   */
  public static RaftNode start(
      RaftConfig config,
      TlsMaterial tls,
      RaftEvents events,
      Duration startTimeout,
      Reads freshness) {
    boolean alone = config.alone();
    CoordinatorStateMachine machine =
        new CoordinatorStateMachine(
            config.directory().resolve("state"), config.rocks(), alone, events);
    RaftProperties properties = RaftSettings.of(config);
    Parameters parameters = new Parameters();
    GrpcConfigKeys.TLS.setConf(parameters, new GrpcTlsConfig(tls.keys(), tls.trust(), true));
    AtomicReference<@Nullable RaftServer> built = new AtomicReference<>();
    GrpcConfigKeys.Server.setServicesCustomizer(
        parameters, new CommitGuard(() -> division(built.get()), machine::diverged));
    // One that joins must not know the group, or it would vote before it has the log.
    RaftGroup group = RaftGroup.valueOf(GROUP, peers(config.peers()));
    RaftServer server = null;
    try {
      Path storage = Files.createDirectories(config.directory().resolve("raft"));
      boolean known = Files.isDirectory(storage.resolve(GROUP.getUuid().toString()));
      server =
          RaftServer.newBuilder()
              .setServerId(RaftPeerId.valueOf(config.id()))
              .setGroup(group)
              .setStateMachine(machine)
              .setOption(
                  known ? RaftStorage.StartupOption.RECOVER : RaftStorage.StartupOption.FORMAT)
              .setProperties(properties)
              .setParameters(parameters)
              .build();
      built.set(server);
      server.start();
      RaftNode node = new RaftNode(server, machine, properties, parameters, config, freshness);
      node.checkLog(alone);
      node.awaitLeader(config, startTimeout);
      node.commits.start();
      return node;
    } catch (IOException | ExecutionException | RuntimeException e) {
      closeQuietly(server, machine);
      throw fault("the coordinator cannot start", e);
    } catch (TimeoutException e) {
      closeQuietly(server, machine);
      throw new LarderException(
          ErrorCode.COORDINATOR_UNAVAILABLE,
          "no coordinator was elected leader within "
              + startTimeout
              + " (coordinator.start-timeout)",
          e);
    } catch (InterruptedException e) {
      closeQuietly(server, machine);
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted while the coordinator starts", e);
    }
  }

  private static RaftServer.@Nullable Division division(@Nullable RaftServer server) {
    try {
      return server == null ? null : server.getDivision(GROUP);
    } catch (IOException e) {
      log.debug("there is no group yet", e);
      return null;
    }
  }

  private void awaitLeader(RaftConfig config, Duration wait)
      throws InterruptedException, ExecutionException, TimeoutException {
    if (config.peers().isEmpty() && server().getRaftConf().getCurrentPeers().isEmpty()) {
      log.info("coordinator waits to be taken into a group id={}", config.id());
      return;
    }
    try {
      machine.leaderKnown().get(wait.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      if (config.alone()) {
        throw e;
      }
      log.warn(
          "no leader within coordinator.start-timeout={}; reads go on, changes wait for a majority",
          wait);
    }
  }

  /**
   * The state must be this log's; alone, nobody can bring entries that it has and the log has lost.
   */
  private void checkLog(boolean alone) throws IOException {
    RaftLog beside = server.getDivision(GROUP).getRaftLog();
    machine.compare(beside);
    TermIndex last = beside.getLastEntryTermIndex();
    long applied = machine.state().applied().index();
    boolean logIsBehind = last != null && last.getIndex() < applied;
    if (alone && logIsBehind) {
      throw new LarderException(
          ErrorCode.STORE_CORRUPT,
          "the coordinator's log ends at entry "
              + last.getIndex()
              + ", before its state ("
              + applied
              + "); restore coordinator/ from a backup, or move it away to start with no datasets");
    }
  }

  /** The address the Raft port is bound to. */
  public InetSocketAddress address() {
    // Ratis answers the wildcard whatever it is bound to; only the port is its own knowledge.
    return new InetSocketAddress(host, server.getServerRpc().getInetSocketAddress().getPort());
  }

  /**
   * Makes a record durable on a majority and answers what applying it gave.
   *
   * @throws LarderException COORDINATOR_UNAVAILABLE caused by {@link NotLeader} where another leads
   */
  public Outcome submit(Record record, Duration deadline) {
    if (!record.canShareAnEntry()) {
      return append(RecordCodec.encode(record), deadline);
    }
    checkLeads();
    return commits.submit(record, deadline);
  }

  private Outcome append(byte[] record, Duration deadline) {
    Message message = message(record);
    long call = calls.incrementAndGet();
    RaftClientReply reply =
        untilAnswered(
            deadline,
            () -> {
              checkLeads();
              return local(message, RaftClientRequest.writeRequestType(), call);
            });
    return OutcomeCodec.decode(reply.getMessage().getContent().toByteArray());
  }

  /** Sends a record to whoever leads; for what a coordinator says of itself, not for callers. */
  public Outcome submitAnywhere(Record record) throws IOException {
    try (RaftClient client =
        RaftClient.newBuilder()
            .setProperties(properties)
            .setParameters(parameters)
            .setRetryPolicy(
                RetryPolicies.retryUpToMaximumCountWithFixedSleep(
                    LEADER_TRIES, TimeDuration.valueOf(1, TimeUnit.SECONDS)))
            .setRaftGroup(RaftGroup.valueOf(GROUP, server().getRaftConf().getCurrentPeers()))
            .build()) {
      RaftClientReply reply = client.io().send(message(RecordCodec.encode(record)));
      if (!reply.isSuccess()) {
        throw new IOException(reply.getException());
      }
      return OutcomeCodec.decode(reply.getMessage().getContent().toByteArray());
    }
  }

  private static Message message(byte[] record) {
    return Message.valueOf(UnsafeByteOperations.unsafeWrap(record));
  }

  /** Refuses at once where another leads; while nobody does, somebody soon will. */
  private void checkLeads() {
    String leader = leaderId();
    if (!leader.isEmpty() && !leader.equals(id())) {
      throw notLeader(leader);
    }
  }

  /** The fault of a request that only the leader can answer. */
  public LarderException notLeader() {
    return notLeader(leaderId());
  }

  private LarderException notLeader(String leader) {
    String door = "";
    try {
      door = readLocal(Queries::coordinators).getOrDefault(leader, "");
    } catch (LarderException e) {
      log.debug("no door of the leader is known", e);
    }
    return new LarderException(
        ErrorCode.COORDINATOR_UNAVAILABLE,
        leader.isEmpty()
            ? "no coordinator leads at the moment"
            : "coordinator " + leader + " leads, this one does not",
        new NotLeader(door));
  }

  /** Reads the state as of now: every change acknowledged before the call is in it. */
  public <T> T readLinear(Function<Queries, T> query, Duration deadline) {
    if (freshness == Reads.LINEAR) {
      long end = System.nanoTime() + deadline.toNanos();
      boolean isConfirmed = false;
      while (!isConfirmed) {
        boolean led = RaftMembers.leads(server());
        new RaftCalls(closed::get)
            .untilAnswered(
                deadline,
                end,
                () ->
                    local(
                        Message.EMPTY,
                        RaftClientRequest.readRequestType(),
                        calls.incrementAndGet()));
        // Ratis 3.2.2 (ReadIndexHeartbeats.addAppendEntriesListener) asks nobody where an earlier
        // read at the same commit was confirmed: a deposed leader that does not know it yet would
        // answer by what it has.
        isConfirmed = RaftMembers.leads(server()) ? isHeardLately() : !led;
        if (!isConfirmed) {
          LockSupport.parkNanos(CONFIRM_PAUSE_NANOS);
        }
      }
    }
    return readLocal(query);
  }

  /**
   * Whether nobody else can lead: a majority heard this one so lately that none of them gives its
   * vote to another yet, an answer's way of a quarter of their patience included.
   */
  private boolean isHeardLately() {
    return RaftMembers.isHeardWithin(server(), electionMillis * 3 / 4);
  }

  /** Reads the state this server has, which may be behind; on a platform thread. */
  public <T> T readLocal(Function<Queries, T> query) {
    try {
      return reads.call(() -> machine.state().query(query));
    } catch (LarderException e) {
      if (e.code() == ErrorCode.CLOSED && hasEnded()) {
        throw new LarderException(
            ErrorCode.COORDINATOR_UNAVAILABLE,
            machine.hasDiverged()
                ? "this coordinator's state is not what the others have, its log says why; replace it"
                : "this coordinator ended by itself, its log says why; start its process again",
            e);
      }
      if (e.code() == ErrorCode.CLOSED && !closed.get()) {
        throw new LarderException(
            ErrorCode.COORDINATOR_UNAVAILABLE, "the state is being replaced by a snapshot", e);
      }
      throw e;
    }
  }

  /**
   * The threads on which {@link #readLocal} changes no thread, or others while calls wait there.
   */
  public Executor readersOrElse(Executor others) {
    return reads.orElse(others);
  }

  /** Reads and lookups that wait for a thread. */
  public int readsWaiting() {
    return reads.waiting();
  }

  /** This peer's id. */
  public String id() {
    return server.getId().toString();
  }

  /** Who is in the group and how they do. */
  public RaftMembers members() {
    return RaftMembers.of(server());
  }

  /**
   * Changes the group and waits until the new ones have caught up.
   *
   * @param peers id to host:port of the Raft doors
   */
  public void changeGroup(SortedMap<String, String> peers, Duration deadline) {
    List<RaftPeer> list = peers(peers);
    long call = calls.incrementAndGet();
    untilAnswered(
        deadline,
        () -> {
          checkLeads();
          return server.setConfigurationAsync(
              new SetConfigurationRequest(
                  clientId,
                  server.getId(),
                  GROUP,
                  call,
                  SetConfigurationRequest.Arguments.newBuilder()
                      .setServersInNewConf(list)
                      .build()));
        });
  }

  /** Id of the leader, empty while there is none. */
  public String leaderId() {
    RaftPeerId leader = info().getLeaderId();
    return leader == null ? "" : leader.toString();
  }

  /** Whether this server leads and may answer. */
  public boolean isLeader() {
    return info().isLeaderReady();
  }

  /** Whether it ended without {@link #close}, after a fault it could not go on with. */
  public boolean hasEnded() {
    return !closed.get()
        && (server.getLifeCycleState().isClosingOrClosed()
            || server.getLifeCycleState() == LifeCycle.State.EXCEPTION
            || machine.hasEnded());
  }

  /**
   * Ends this peer, which counts as dead for the others, before its log breaks; {@link #hasEnded}
   * from then on. Its log and state stay good for the next start.
   */
  public void end(String why) {
    log.error("coordinator ends id={}: {}", id(), why);
    closeQuietly(server, machine);
  }

  /** The present term. */
  public long term() {
    return info().getCurrentTerm();
  }

  /** The last entry applied here. */
  public long appliedIndex() {
    return info().getLastAppliedIndex();
  }

  /** Bytes that the state's pools hold, by name. Platform threads only. */
  public Map<String, Long> figures() {
    return machine.figures();
  }

  /** Snapshots that were found damaged and are kept beside the others. */
  public int snapshotsSetAside() {
    return machine.snapshotsSetAside();
  }

  /** Native handles of the state that are open; 0 after {@link #close}. */
  public int openHandles() {
    return machine.openHandles();
  }

  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    commits.close();
    closeQuietly(server, machine);
    reads.close();
  }

  private CompletableFuture<RaftClientReply> local(
      Message message, RaftClientRequest.Type type, long call) throws IOException {
    return server.submitClientRequestAsync(
        RaftClientRequest.newBuilder()
            .setClientId(clientId)
            .setServerId(server.getId())
            .setGroupId(GROUP)
            .setCallId(call)
            .setMessage(message)
            .setType(type)
            .build());
  }

  private RaftClientReply untilAnswered(Duration deadline, Call call) {
    return new RaftCalls(closed::get).untilAnswered(deadline, call);
  }

  /** One attempt of a call to the group. */
  @FunctionalInterface
  interface Call {
    CompletableFuture<RaftClientReply> start() throws IOException;
  }

  private DivisionInfo info() {
    return server().getInfo();
  }

  private RaftServer.Division server() {
    try {
      return server.getDivision(GROUP);
    } catch (IOException e) {
      throw new LarderException(ErrorCode.CLOSED, "the coordinator is closed", e);
    }
  }

  private static List<RaftPeer> peers(SortedMap<String, String> peers) {
    return peers.entrySet().stream()
        .map(e -> RaftPeer.newBuilder().setId(e.getKey()).setAddress(e.getValue()).build())
        .toList();
  }

  private static void closeQuietly(@Nullable RaftServer server, CoordinatorStateMachine machine) {
    for (AutoCloseable part : server == null ? List.of(machine) : List.of(server, machine)) {
      try {
        part.close();
      } catch (Exception e) {
        log.warn("a part of the coordinator does not close part={}", part, e);
      }
    }
  }

  private static LarderException fault(String what, Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof LarderException known) {
        return known;
      }
    }
    return new LarderException(
        failure instanceof IOException ? ErrorCode.STORE_IO : ErrorCode.INTERNAL,
        what + ": " + failure.getMessage(),
        failure);
  }
}
