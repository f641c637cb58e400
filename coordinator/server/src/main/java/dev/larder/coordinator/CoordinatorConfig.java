package dev.larder.coordinator;

import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.raft.RocksLimits;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * How a coordinator is set up. The constructor checks: BAD_CONFIG names the key.
 *
 * @param directory {@code coordinator.directory}: holds log, snapshots and state
 * @param id {@code coordinator.id}: this coordinator's id, stable
 * @param listen {@code coordinator.listen}: host:port of the gRPC door, port 0 for any
 * @param raftListen {@code coordinator.raft-listen}: host:port of the Raft door, port 0 for any
 *     (alone only)
 * @param advertise {@code coordinator.advertise}: host:port under which others reach the gRPC door;
 *     empty for what it listens on
 * @param peers {@code coordinator.peers}: id to host:port of all coordinators' Raft doors; empty
 *     when this one is alone
 * @param join {@code coordinator.join}: whether it waits to be taken into a running group, as a new
 *     one; it may then name no peers
 * @param tls {@code coordinator.tls}: what this process shows and trusts, on both doors
 * @param limits bounds, see {@link Limits}
 */
public record CoordinatorConfig(
    Path directory,
    String id,
    String listen,
    String raftListen,
    String advertise,
    SortedMap<String, String> peers,
    boolean join,
    TlsMaterial tls,
    Limits limits) {
  private static final Pattern ID = Pattern.compile("[A-Za-z0-9._-]{1,64}");
  private static final int PEERS_MAX = 5;

  /** Checks all values. */
  public CoordinatorConfig {
    if (!ID.matcher(id).matches()) {
      throw bad("coordinator.id", "must be 1 to 64 letters, digits, '.', '_' or '-'");
    }
    hostPort("coordinator.listen", listen);
    int raftPort = Integer.parseInt(hostPort("coordinator.raft-listen", raftListen)[1]);
    if (!advertise.isEmpty()) {
      hostPort("coordinator.advertise", advertise);
    }
    peers = new TreeMap<>(peers);
    if (join && !peers.isEmpty()) {
      throw bad(
          "coordinator.peers", "must be empty with coordinator.join: it is told who they are");
    }
    if (join && raftPort == 0) {
      throw bad("coordinator.raft-listen", "must have a fixed port with coordinator.join");
    }
    for (Map.Entry<String, String> peer : peers.entrySet()) {
      hostPort("coordinator.peers", peer.getValue());
    }
    if (!peers.isEmpty()) {
      if (peers.size() % 2 == 0 || peers.size() > PEERS_MAX) {
        throw bad("coordinator.peers", "must name 1, 3 or 5 coordinators, names " + peers.size());
      }
      if (!peers.containsKey(id)) {
        throw bad("coordinator.peers", "must name coordinator.id \"" + id + "\" too");
      }
      if (raftPort == 0 && peers.size() > 1) {
        throw bad("coordinator.raft-listen", "must have a fixed port where there are peers");
      }
    }
  }

  /** A lone coordinator on loopback with free ports, as in development mode. */
  public static CoordinatorConfig alone(Path directory, TlsMaterial tls, Limits limits) {
    return new CoordinatorConfig(
        directory, "c1", "127.0.0.1:0", "127.0.0.1:0", "", new TreeMap<>(), false, tls, limits);
  }

  /** The peers, this one alone where none are named; nobody where it joins. */
  SortedMap<String, String> group() {
    return peers.isEmpty() && !join ? new TreeMap<>(Map.of(id, raftListen)) : peers;
  }

  /** Host and port of a checked address; an IPv6 host without its brackets. */
  public static String[] hostPort(String key, String text) {
    int colon = text.lastIndexOf(':');
    String host = colon < 0 ? "" : text.substring(0, colon);
    String port = text.substring(colon + 1);
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
    }
    if (host.isEmpty()
        || port.isEmpty()
        || port.length() > 5
        || !port.chars().allMatch(ch -> ch >= '0' && ch <= '9')
        || Integer.parseInt(port) > 65_535) {
      throw bad(key, "must be host:port, got \"" + text + "\"");
    }
    return new String[] {host, port};
  }

  static LarderException bad(String key, String rule) {
    return new LarderException(ErrorCode.BAD_CONFIG, key + " " + rule);
  }

  /**
   * Bounds.
   *
   * @param requestTimeout {@code coordinator.request-timeout}: longest a request waits for a
   *     majority
   * @param startTimeout {@code coordinator.start-timeout}: longest wait for a leader at start
   * @param closeTimeout {@code coordinator.close-timeout}: longest wait for requests at the end
   * @param electionTimeout {@code coordinator.election-timeout}: silence after which a follower
   *     asks for votes; a pause of the JVM longer than this deposes the leader
   * @param snapshotEvery {@code coordinator.snapshot-every}: log entries between snapshots
   * @param freeSpaceMinBytes {@code coordinator.free-space-min}: below it the log does not start
   * @param rocks {@code coordinator.block-cache}, {@code coordinator.write-buffer}, {@code
   *     coordinator.open-files-max}, {@code coordinator.read-threads}
   * @param connectionsMax {@code coordinator.connections-max}: open connections of the gRPC door;
   *     one more is closed unanswered
   * @param requestsMax {@code coordinator.requests-max}: requests worked on at once
   * @param streamsMax {@code coordinator.streams-max}: agents attending
   * @param batchMax {@code coordinator.batch-max}: keys or roots in one request
   * @param membersMax {@code coordinator.members-max}
   * @param datasetsMax {@code coordinator.datasets-max}
   * @param snapshotsMax {@code coordinator.snapshots-max}: per dataset
   * @param pinsMax {@code coordinator.pins-max}
   * @param expiryInterval {@code coordinator.expiry-interval}: between searches for ended pins
   * @param fleet when members come and go, see {@link Fleet}
   * @param warmUps bounds of warm-ups over nodes, see {@link WarmUps}
   * @param disputes bounds where members do not agree on a root, see {@link Disputes}
   * @param rows bounds of what only grows with what was cached, see {@link Rows}
   */
  public record Limits(
      Duration requestTimeout,
      Duration startTimeout,
      Duration closeTimeout,
      Duration electionTimeout,
      long snapshotEvery,
      long freeSpaceMinBytes,
      RocksLimits rocks,
      int connectionsMax,
      int requestsMax,
      int streamsMax,
      int batchMax,
      int membersMax,
      int datasetsMax,
      int snapshotsMax,
      int pinsMax,
      Duration expiryInterval,
      Fleet fleet,
      WarmUps warmUps,
      Disputes disputes,
      Rows rows) {
    private static final long MIB = 1L << 20;
    // Roots take up to 240 bytes on the wire and must fit one 4 MiB message and one log append.
    public static final int BATCH_MAX = 10_000;

    /** Checks all values. */
    public Limits {
      positive("coordinator.request-timeout", requestTimeout);
      positive("coordinator.start-timeout", startTimeout);
      positive("coordinator.close-timeout", closeTimeout);
      positive("coordinator.election-timeout", electionTimeout);
      positive("coordinator.expiry-interval", expiryInterval);
      positive("coordinator.snapshot-every", snapshotEvery);
      if (freeSpaceMinBytes < 0) {
        throw bad("coordinator.free-space-min", "must not be negative");
      }
      positive("coordinator.block-cache", rocks.blockCacheBytes());
      positive("coordinator.write-buffer", rocks.writeBufferBytes());
      positive("coordinator.open-files-max", rocks.openFilesMax());
      positive("coordinator.read-threads", rocks.readThreads());
      positive("coordinator.connections-max", connectionsMax);
      positive("coordinator.requests-max", requestsMax);
      positive("coordinator.streams-max", streamsMax);
      positive("coordinator.batch-max", batchMax);
      if (batchMax > BATCH_MAX) {
        throw bad("coordinator.batch-max", "must be at most " + BATCH_MAX + ", is " + batchMax);
      }
      positive("coordinator.members-max", membersMax);
      positive("coordinator.datasets-max", datasetsMax);
      positive("coordinator.snapshots-max", snapshotsMax);
      positive("coordinator.pins-max", pinsMax);
    }

    /** With warm-ups, disputes and rows as they are by default. */
    public Limits(
        Duration requestTimeout,
        Duration startTimeout,
        Duration closeTimeout,
        Duration electionTimeout,
        long snapshotEvery,
        long freeSpaceMinBytes,
        RocksLimits rocks,
        int connectionsMax,
        int requestsMax,
        int streamsMax,
        int batchMax,
        int membersMax,
        int datasetsMax,
        int snapshotsMax,
        int pinsMax,
        Duration expiryInterval,
        Fleet fleet) {
      this(
          requestTimeout,
          startTimeout,
          closeTimeout,
          electionTimeout,
          snapshotEvery,
          freeSpaceMinBytes,
          rocks,
          connectionsMax,
          requestsMax,
          streamsMax,
          batchMax,
          membersMax,
          datasetsMax,
          snapshotsMax,
          pinsMax,
          expiryInterval,
          fleet,
          WarmUps.defaults(),
          Disputes.defaults(),
          Rows.defaults());
    }

    /** Defaults, each explained in the module's README. */
    public static Limits defaults() {
      return new Limits(
          Duration.ofSeconds(10),
          Duration.ofSeconds(30),
          Duration.ofSeconds(5),
          Duration.ofSeconds(1),
          20_000,
          1024 * MIB,
          new RocksLimits(16 * MIB, 16 * MIB, 256, 4),
          24_000,
          256,
          20_000,
          5_000,
          20_000,
          10_000,
          1_000,
          10_000,
          Duration.ofSeconds(30),
          Fleet.defaults(),
          WarmUps.defaults(),
          Disputes.defaults(),
          Rows.defaults());
    }

    private static void positive(String key, Duration value) {
      if (value.isNegative() || value.isZero()) {
        throw bad(key, "must be longer than 0, is " + value);
      }
    }

    private static void positive(String key, long value) {
      if (value < 1) {
        throw bad(key, "must be at least 1, is " + value);
      }
    }
  }

  /**
   * When members come and go.
   *
   * @param memberDeadline {@code coordinator.member-deadline}: absence after which a member is
   *     removed; a restart must be shorter
   * @param stableAfter {@code coordinator.stable-after}: presence after which a newcomer tracks
   * @param epochInterval {@code coordinator.epoch-interval}: least time between two member lists
   */
  public record Fleet(Duration memberDeadline, Duration stableAfter, Duration epochInterval) {
    /** Checks all values. */
    public Fleet {
      Limits.positive("coordinator.member-deadline", memberDeadline);
      if (stableAfter.isNegative()) {
        throw bad("coordinator.stable-after", "must not be negative");
      }
      if (epochInterval.isNegative()) {
        throw bad("coordinator.epoch-interval", "must not be negative");
      }
    }

    /** A minute of absence, a minute until it tracks, a list a second. */
    public static Fleet defaults() {
      return new Fleet(Duration.ofMinutes(1), Duration.ofMinutes(1), Duration.ofSeconds(1));
    }
  }

  /**
   * Bounds of warm-ups over nodes.
   *
   * @param standingMax {@code coordinator.warm-ups-max}: those that stand
   * @param keptMax {@code coordinator.warm-ups-kept-max}: ended ones remembered
   * @param globMax {@code coordinator.warm-up-glob-max}: longest path or glob, in characters
   * @param lasts {@code coordinator.warm-up-lasts}: how long one stands that names no time
   * @param reportsMax {@code coordinator.warm-up-reports-max}: warm-ups of nodes whose progress the
   *     leader remembers
   */
  public record WarmUps(int standingMax, int keptMax, int globMax, Duration lasts, int reportsMax) {
    /** Checks all values. */
    public WarmUps {
      Limits.positive("coordinator.warm-ups-max", standingMax);
      if (keptMax < 0) {
        throw bad("coordinator.warm-ups-kept-max", "must not be negative");
      }
      Limits.positive("coordinator.warm-up-glob-max", globMax);
      Limits.positive("coordinator.warm-up-lasts", lasts);
      Limits.positive("coordinator.warm-up-reports-max", reportsMax);
    }

    /** 200 that stand for a day each, 100 remembered, 4,096 characters, 200,000 reports. */
    public static WarmUps defaults() {
      return new WarmUps(200, 100, 4096, Duration.ofDays(1), 200_000);
    }
  }

  /**
   * Bounds where members do not agree on a root.
   *
   * @param openMax {@code coordinator.disputes-max}: open at once; beyond it the later copy is set
   *     aside and the first root stands
   * @param keptMax {@code coordinator.disputes-kept-max}: ended ones remembered, for members that
   *     were away
   * @param readFor {@code coordinator.dispute-read-time}: after which another member is asked to
   *     read; who answers later is heard all the same
   * @param lasts {@code coordinator.dispute-lasts}: after which it is given up and no root stands
   */
  public record Disputes(int openMax, int keptMax, Duration readFor, Duration lasts) {
    /** Checks all values. */
    public Disputes {
      Limits.positive("coordinator.disputes-max", openMax);
      if (keptMax < 0) {
        throw bad("coordinator.disputes-kept-max", "must not be negative");
      }
      Limits.positive("coordinator.dispute-read-time", readFor);
      Limits.positive("coordinator.dispute-lasts", lasts);
    }

    /** 200 that are open for a day at most, 100 remembered, five minutes to read. */
    public static Disputes defaults() {
      return new Disputes(200, 100, Duration.ofMinutes(5), Duration.ofDays(1));
    }
  }

  /**
   * Bounds of rows that come with what nodes cache and with datasets that go.
   *
   * @param rootsMax {@code coordinator.roots-max}: recorded roots; beyond it new ones are refused
   * @param placementsMax {@code coordinator.placements-max}: pairs of blob and member; beyond it
   *     reports that would add some are refused
   * @param tombstonesMax {@code coordinator.tombstones-max}: names of deleted datasets; beyond it
   *     the one that went first is forgotten
   */
  public record Rows(long rootsMax, long placementsMax, int tombstonesMax) {
    /** Checks all values. */
    public Rows {
      Limits.positive("coordinator.roots-max", rootsMax);
      Limits.positive("coordinator.placements-max", placementsMax);
      Limits.positive("coordinator.tombstones-max", tombstonesMax);
    }

    /** Twenty million roots, thirty million placements, ten thousand names. */
    public static Rows defaults() {
      return new Rows(20_000_000, 30_000_000, 10_000);
    }
  }
}
