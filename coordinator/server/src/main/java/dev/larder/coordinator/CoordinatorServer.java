package dev.larder.coordinator;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorStatus.Health;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.RoleTrust;
import dev.larder.coordinator.logic.MemberWatch;
import dev.larder.coordinator.logic.Queries;
import dev.larder.coordinator.raft.RaftConfig;
import dev.larder.coordinator.raft.RaftNode;
import dev.larder.coordinator.service.DoorNotice;
import dev.larder.coordinator.service.EpochNotices;
import dev.larder.coordinator.service.GrpcDoor;
import dev.larder.coordinator.service.LocalCoordinator;
import dev.larder.coordinator.service.MemberKeeper;
import dev.larder.coordinator.service.Refusals;
import dev.larder.coordinator.service.Roster;
import dev.larder.coordinator.service.SpaceCheck;
import dev.larder.coordinator.service.StatusReport;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running coordinator: state, Raft peer and gRPC door. Any thread.
 *
 * <p>Files: {@code LOCK}, {@code raft/} and {@code state/} below the configured directory.
 */
public final class CoordinatorServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(CoordinatorServer.class);

  private static final long ROOM_LOOK_SECONDS = 1;

  private final Deque<AutoCloseable> parts = new ArrayDeque<>();
  private final AtomicBoolean closed = new AtomicBoolean();
  private @Nullable RaftNode node;
  private @Nullable LocalCoordinator local;
  private @Nullable GrpcDoor door;
  private @Nullable SpaceCheck room;
  private @Nullable InstantSource clock;

  private CoordinatorServer() {}

  /**
   * Starts and returns when there is a leader and the door is open. Steps of this host's clock are
   * not believed at once ({@link SteadyClock}).
   *
   * @throws LarderException BAD_CONFIG, STORE_LOCKED, STORE_UNUSABLE, STORE_CORRUPT, STORE_IO,
   *     COORDINATOR_UNAVAILABLE (no leader in time); nothing is left open
   */
  public static CoordinatorServer start(CoordinatorConfig config) {
    return start(config, new SteadyClock(InstantSource.system(), System::nanoTime));
  }

  /** Starts with another clock. */
  public static CoordinatorServer start(CoordinatorConfig config, InstantSource clock) {
    return start(
        config,
        clock,
        System::nanoTime,
        () -> Files.getFileStore(config.directory()).getUsableSpace());
  }

  /** Starts with other clocks, {@code nanos} going forward only, and another disk. */
  public static CoordinatorServer start(
      CoordinatorConfig config, InstantSource clock, LongSupplier nanos, SpaceCheck.Space space) {
    return start(config, clock, nanos, space, RaftNode.Reads.LINEAR);
  }

  /** Starts with reads as fresh as a test wants them. */
  static CoordinatorServer start(
      CoordinatorConfig config,
      InstantSource clock,
      LongSupplier nanos,
      SpaceCheck.Space space,
      RaftNode.Reads freshness) {
    CoordinatorServer server = new CoordinatorServer();
    try {
      server.open(config, clock, nanos, space, freshness);
      return server;
    } catch (RuntimeException e) {
      server.close();
      throw e;
    }
  }

  private void open(
      CoordinatorConfig config,
      InstantSource clock,
      LongSupplier nanos,
      SpaceCheck.Space space,
      RaftNode.Reads freshness) {
    long began = System.nanoTime();
    this.clock = clock;
    CoordinatorConfig.Limits limits = config.limits();
    parts.push(lock(config.directory()));
    Roster roster = new Roster();
    String[] raft = CoordinatorConfig.hostPort("coordinator.raft-listen", config.raftListen());
    RaftConfig raftConfig =
        new RaftConfig(
            config.directory(),
            config.id(),
            raft[0],
            Integer.parseInt(raft[1]),
            config.group(),
            limits.electionTimeout(),
            limits.snapshotEvery(),
            limits.freeSpaceMinBytes(),
            limits.rocks());
    RaftNode started =
        RaftNode.start(
            raftConfig,
            RoleTrust.restrict(config.tls(), Set.of(Role.COORDINATOR)),
            roster,
            limits.startTimeout(),
            freshness);
    node = started;
    parts.push(started);
    MemberWatch watch =
        new MemberWatch(
            limits.fleet().memberDeadline(),
            limits.fleet().stableAfter(),
            limits.fleet().epochInterval(),
            nanos);
    EpochNotices notices = new EpochNotices(() -> started.readLocal(Queries::members));
    parts.push(notices);
    SpaceCheck room = new SpaceCheck(space, config.directory(), limits.freeSpaceMinBytes());
    this.room = room;
    Refusals refusals = new Refusals();
    StatusReport report =
        new StatusReport(
            started,
            limits.rows(),
            room,
            () -> new Health(clockOffSeconds(), started.snapshotsSetAside(), refusals.snapshot()));
    LocalCoordinator core =
        new LocalCoordinator(started, limits, clock, notices, watch, room, report);
    local = core;
    MemberKeeper keeper = new MemberKeeper(started, core, watch);
    parts.push(keeper);
    roster.tell(notices, keeper);
    parts.push(expiry(core, limits));
    if (!config.peers().isEmpty() || config.join()) {
      parts.push(watchRoom(started, room));
    }
    String[] listen = CoordinatorConfig.hostPort("coordinator.listen", config.listen());
    GrpcDoor opened =
        GrpcDoor.open(
            new InetSocketAddress(listen[0], Integer.parseInt(listen[1])),
            config.tls(),
            core,
            started::readersOrElse,
            started::isLeader,
            limits,
            refusals);
    door = opened;
    parts.push(opened);
    // Alone on a port of the moment, as in development mode, there is nobody to tell, now or ever.
    if (config.group().size() != 1 || Integer.parseInt(listen[1]) != 0) {
      parts.push(DoorNotice.start(started, advertised(config, opened), config.tls()));
    }
    parts.push(() ->
        notices.end(new LarderException(ErrorCode.CLOSED, "the coordinator is closing"), true));
    log.info(
        "coordinator ready id={} listen={} raft={} millis={}",
        config.id(),
        opened.address(),
        started.address(),
        TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began));
  }

  /** Where others reach the door: what it listens on, by this host's name where that is all. */
  private static String advertised(CoordinatorConfig config, GrpcDoor door) {
    if (!config.advertise().isEmpty()) {
      return config.advertise();
    }
    InetSocketAddress bound = door.address();
    String host = CoordinatorConfig.hostPort("coordinator.listen", config.listen())[0];
    if (bound.getAddress().isAnyLocalAddress()) {
      try {
        host = InetAddress.getLocalHost().getHostName();
      } catch (UnknownHostException e) {
        log.warn("this host has no name; set coordinator.advertise", e);
      }
    }
    return (host.contains(":") ? "[" + host + "]" : host) + ":" + bound.getPort();
  }

  /** The Raft peer; its own. */
  RaftNode node() {
    return running(node);
  }

  /** Where the gRPC door listens. */
  public InetSocketAddress address() {
    return running(door).address();
  }

  /** Where the Raft door listens. */
  public InetSocketAddress raftAddress() {
    return running(node).address();
  }

  /** The coordinator without a network in between; closing the client is of no effect. */
  public CoordinatorClient client() {
    return running(local);
  }

  /** Bytes of memory outside the heap by pool, as shown in metrics. Platform threads only. */
  public Map<String, Long> figures() {
    return running(node).figures();
  }

  /** Snapshots of its state that were found damaged and are kept beside the others. */
  public int snapshotsSetAside() {
    return running(node).snapshotsSetAside();
  }

  /** Bytes of room on its disk; -1 while not known. */
  public long usableBytes() {
    return running(room).usableBytes();
  }

  /**
   * Calls refused since it started, by reason: {@code role}, {@code name}, {@code certificate},
   * {@code busy}.
   */
  public Map<String, Long> refused() {
    return running(door).refused();
  }

  /** Whether changes are refused here for want of room on its disk. */
  public boolean isFull() {
    return running(room).isFull();
  }

  /** Seconds by which this host's clock is ahead of the one it counts by; 0 where it is that. */
  public double clockOffSeconds() {
    return running(clock) instanceof SteadyClock steady ? steady.offSeconds() : 0;
  }

  /** Whether it ended without {@link #close}; its log says whether to start it again. */
  public boolean hasEnded() {
    return running(node).hasEnded();
  }

  /** Native handles that are open; 0 after {@link #close}. */
  public int openHandles() {
    return node == null ? 0 : node.openHandles();
  }

  /** Ends everything in reverse order, within twice the close timeout; idempotent. */
  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    while (!parts.isEmpty()) {
      AutoCloseable part = parts.pop();
      try {
        part.close();
      } catch (Exception e) {
        log.warn("a part of the coordinator does not close part={}", part, e);
      }
    }
  }

  private <T> T running(@Nullable T part) {
    if (part == null) {
      throw new IllegalStateException("the coordinator did not start");
    }
    return part;
  }

  private static AutoCloseable expiry(LocalCoordinator core, CoordinatorConfig.Limits limits) {
    ScheduledExecutorService timer =
        Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("coordinator-expiry").factory());
    long millis = limits.expiryInterval().toMillis();
    timer.scheduleWithFixedDelay(
        () -> {
          try {
            core.expire();
          } catch (LarderException e) {
            log.warn("ended pins and warm-ups stay for now", e);
          }
        },
        millis,
        millis,
        TimeUnit.MILLISECONDS);
    return timer::shutdownNow;
  }

  /** A follower writes what its leader has it write: nobody asks whether there is room here. */
  private static AutoCloseable watchRoom(RaftNode node, SpaceCheck room) {
    ScheduledExecutorService timer =
        Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("coordinator-room").factory());
    timer.scheduleWithFixedDelay(
        () -> {
          if (room.isNearlyOut() && !node.hasEnded()) {
            node.end(
                "its disk has less than an eighth of coordinator.free-space-min; make room and start it"
                    + " again, the others go on meanwhile");
          }
        },
        ROOM_LOOK_SECONDS,
        ROOM_LOOK_SECONDS,
        TimeUnit.SECONDS);
    return timer::shutdownNow;
  }

  private static AutoCloseable lock(Path directory) {
    try {
      Files.createDirectories(directory);
      FileChannel channel =
          FileChannel.open(
              directory.resolve("LOCK"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      FileLock lock;
      try {
        lock = channel.tryLock();
      } catch (OverlappingFileLockException e) {
        lock = null;
      }
      if (lock == null) {
        channel.close();
        throw new LarderException(
            ErrorCode.STORE_LOCKED,
            "coordinator.directory " + directory + " is in use by another coordinator");
      }
      return channel;
    } catch (IOException e) {
      throw new LarderException(
          ErrorCode.STORE_UNUSABLE,
          "coordinator.directory " + directory + " cannot be used: " + e.getMessage(),
          e);
    }
  }
}
