package dev.larder.agent.peer;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;

/**
 * Bounds between nodes.
 *
 * @param listen {@code peer.listen}: host:port of the peer door; port 0 takes a free one; empty
 *     serves no peers
 * @param isPlain {@code peer.tls} is off: no check of who asks, for networks that see to that
 *     themselves
 * @param connectionsMax {@code peer.connections-max}: open connections of the door that ask for
 *     ranges; more are answered 503
 * @param requestsMax {@code peer.requests-max}: ranges the door serves at once, a thread each; more
 *     are answered 503
 * @param buffersMaxBytes {@code peer.buffers-max}: memory between disk and sockets of the door
 * @param bodyMaxBytes {@code peer.body-max}: an ask or a report
 * @param eventLoops {@code peer.event-loops}: threads that read, encrypt and write the door's
 *     sockets
 * @param idleTimeout {@code peer.idle-timeout}: a connection without a request for so long is
 *     closed, by either side
 * @param stallTimeout {@code peer.stall-timeout}: longest time a member takes no byte of an answer
 * @param perMemberMax {@code peer.per-member-max}: connections to one member
 * @param connectTimeout {@code peer.connect-timeout}: until a connection stands
 * @param progressDeadline {@code peer.progress-deadline}: a member that sends nothing for so long
 *     is left
 * @param demoteFor {@code peer.demote-for}: how long a member that failed is not asked for bytes
 * @param stripesMax {@code peer.stripes-max}: stripes this node reads or fetches at once, as far as
 *     trackers are told; also blobs whose loss is not told to trackers yet, and words about it on
 *     their way
 * @param uploadMax {@code peer.upload-max}: bytes a second to all members; 0 caps nothing
 * @param downloadMax {@code peer.download-max}: bytes a second from all members; 0 caps nothing
 * @param askConnectionsMax {@code peer.ask-connections-max}: open connections of the door that ask,
 *     report or want digests; more are answered and closed, and from twice as many on all closed
 * @param bodiesMaxBytes {@code peer.bodies-max}: bytes of asks and reports that all connections of
 *     the door took in and have not been read yet; more are answered 503
 */
public record PeerConfig(
    String listen,
    boolean isPlain,
    int connectionsMax,
    int requestsMax,
    long buffersMaxBytes,
    int bodyMaxBytes,
    int eventLoops,
    Duration idleTimeout,
    Duration stallTimeout,
    int perMemberMax,
    Duration connectTimeout,
    Duration progressDeadline,
    Duration demoteFor,
    int stripesMax,
    long uploadMax,
    long downloadMax,
    int askConnectionsMax,
    long bodiesMaxBytes) {

  /** Members that track a stripe over all zones, each when those before it are silent. */
  public static final int TRACKER_RANKS = 3;

  /** Leases of those ranks, beyond which nobody else is asked. */
  public static final int LEASES_MAX = 2;

  /** A connection of each of the members there may be. */
  private static final int ASK_CONNECTIONS_MAX = 20_000;

  /** 32 of the longest, or some of each of those members. */
  private static final long BODIES_MAX_BYTES = 32L << 20;

  /** Bytes of one buffer between disk and socket. */
  static final int BUFFER_BYTES = 256 << 10;

  /** Checks every bound; BAD_CONFIG names the key. */
  public PeerConfig {
    if (!listen.isEmpty() && !listen.matches("\\S+:\\d{1,5}")) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "peer.listen: \"" + listen + "\" is not host:port");
    }
    check("peer.connections-max", connectionsMax, 1, 1 << 20);
    check("peer.requests-max", requestsMax, 1, 4096);
    check("peer.buffers-max", buffersMaxBytes, 2L * BUFFER_BYTES, 1L << 40);
    check("peer.body-max", bodyMaxBytes, 16 << 10, 64 << 20);
    check("peer.event-loops", eventLoops, 1, 256);
    check("peer.idle-timeout", idleTimeout.toMillis(), 1, Integer.MAX_VALUE);
    check("peer.stall-timeout", stallTimeout.toMillis(), 1, Integer.MAX_VALUE);
    check("peer.per-member-max", perMemberMax, 1, 4096);
    check("peer.connect-timeout", connectTimeout.toMillis(), 1, Integer.MAX_VALUE);
    check("peer.progress-deadline", progressDeadline.toMillis(), 1, Integer.MAX_VALUE);
    check("peer.demote-for", demoteFor.toMillis(), 0, Integer.MAX_VALUE);
    check("peer.stripes-max", stripesMax, 1, 1 << 24);
    check("peer.upload-max", uploadMax, 0, Long.MAX_VALUE);
    check("peer.download-max", downloadMax, 0, Long.MAX_VALUE);
    check("peer.ask-connections-max", askConnectionsMax, 1, 1 << 20);
    // With less the longest would never be taken.
    check("peer.bodies-max", bodiesMaxBytes, bodyMaxBytes, 1L << 40);
  }

  /** With as many connections for asks as by default, and as much room for what they say. */
  public PeerConfig(
      String listen,
      boolean isPlain,
      int connectionsMax,
      int requestsMax,
      long buffersMaxBytes,
      int bodyMaxBytes,
      int eventLoops,
      Duration idleTimeout,
      Duration stallTimeout,
      int perMemberMax,
      Duration connectTimeout,
      Duration progressDeadline,
      Duration demoteFor,
      int stripesMax,
      long uploadMax,
      long downloadMax) {
    this(
        listen,
        isPlain,
        connectionsMax,
        requestsMax,
        buffersMaxBytes,
        bodyMaxBytes,
        eventLoops,
        idleTimeout,
        stallTimeout,
        perMemberMax,
        connectTimeout,
        progressDeadline,
        demoteFor,
        stripesMax,
        uploadMax,
        downloadMax,
        ASK_CONNECTIONS_MAX,
        Math.max(BODIES_MAX_BYTES, bodyMaxBytes));
  }

  /**
   * No door. 256 ranges at once are more than two readers each of a hundred stripes; five seconds
   * of silence are long for a member in the same cluster and short for a reader.
   */
  public static PeerConfig defaults() {
    return new PeerConfig(
        "",
        false,
        1024,
        256,
        32L << 20,
        1 << 20,
        Math.clamp(Runtime.getRuntime().availableProcessors(), 2, 8),
        Duration.ofSeconds(60),
        Duration.ofSeconds(30),
        16,
        Duration.ofSeconds(2),
        Duration.ofSeconds(5),
        Duration.ofSeconds(30),
        10_000,
        0,
        0);
  }

  /**
   * How long a kept connection may stay silent: what connecting anew leaves of the progress
   * deadline, but longer than the half of it within which a member says that it waits itself.
   */
  public Duration keptPatience() {
    long deadline = progressDeadline.toMillis();
    return Duration.ofMillis(
        Math.max(1, Math.max(deadline - connectTimeout.toMillis(), deadline * 5 / 8)));
  }

  /** A member that sends nothing for so long is told that more is to come, and asks again. */
  public Duration waitPatience() {
    return progressDeadline.dividedBy(2);
  }

  /** The host of {@code peer.listen}. */
  String host() {
    return Address.parse(listen).host();
  }

  /** The port of {@code peer.listen}. */
  int port() {
    return Address.parse(listen).port();
  }

  private static void check(String key, long value, long min, long max) {
    if (value < min || value > max) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, key + ": " + value + " is not between " + min + " and " + max);
    }
  }
}
