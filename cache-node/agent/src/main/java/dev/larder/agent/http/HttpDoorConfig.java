package dev.larder.agent.http;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.Set;

/**
 * How the front door is set up.
 *
 * @param host {@code http.host}: address to bind
 * @param port {@code http.port}: 0 takes a free one
 * @param hostsAllowed {@code http.hosts-allowed}: names accepted in {@code Host} beside loopback's
 * @param connectionsMax {@code http.connections-max}: open connections; more are answered 503
 * @param eventLoops {@code http.event-loops}: threads that read and write sockets
 * @param workers {@code http.workers}: threads for calls that wait
 * @param workerQueueMax {@code http.worker-queue-max}: requests waiting for a worker; more are
 *     answered 429
 * @param streamsMax {@code http.streams-max}: listings and refreshes streamed at once
 * @param lineBytesMax {@code http.request-line-max}: longest request line
 * @param headerBytesMax {@code http.headers-max}: all header fields of a request
 * @param bodyBytesMax {@code http.body-max}: a request's JSON
 * @param idleTimeout {@code http.idle-timeout}: from accept or the last answer until a request is
 *     there complete
 * @param stallTimeout {@code http.stall-timeout}: longest time a reader takes no byte of an answer
 * @param spanBytesMax {@code http.span-max}: bytes asked from a blob at once
 * @param drainTimeout {@code http.drain-timeout}: how long a close lets answers in progress go on
 */
public record HttpDoorConfig(
    String host,
    int port,
    Set<String> hostsAllowed,
    int connectionsMax,
    int eventLoops,
    int workers,
    int workerQueueMax,
    int streamsMax,
    int lineBytesMax,
    int headerBytesMax,
    int bodyBytesMax,
    Duration idleTimeout,
    Duration stallTimeout,
    long spanBytesMax,
    Duration drainTimeout) {

  /** Checks every bound; BAD_CONFIG names the key. */
  public HttpDoorConfig {
    hostsAllowed = Set.copyOf(hostsAllowed);
    check("http.port", port, 0, 65535);
    check("http.connections-max", connectionsMax, 1, 1 << 20);
    check("http.event-loops", eventLoops, 1, 256);
    check("http.workers", workers, 1, 4096);
    check("http.worker-queue-max", workerQueueMax, 1, 1 << 20);
    check("http.streams-max", streamsMax, 1, 4096);
    check("http.request-line-max", lineBytesMax, 256, 1 << 20);
    check("http.headers-max", headerBytesMax, 256, 1 << 20);
    check("http.body-max", bodyBytesMax, 256, 16 << 20);
    check("http.span-max", spanBytesMax, 1, 1L << 40);
    check("http.idle-timeout", idleTimeout.toMillis(), 1, Integer.MAX_VALUE);
    check("http.stall-timeout", stallTimeout.toMillis(), 1, Integer.MAX_VALUE);
    check("http.drain-timeout", drainTimeout.toMillis(), 0, Integer.MAX_VALUE);
  }

  /**
   * Defaults: 127.0.0.1, 1024 connections. 64 workers, as a worker mostly waits for an origin; a
   * request line holds a path of 4 KiB percent-encoded; 64 MiB spans keep the hand-over between
   * threads below 0.1 % of the time to send one; 5 s of draining leave a container's usual 30 s of
   * grace for the rest.
   */
  public static HttpDoorConfig defaults(int port) {
    return new HttpDoorConfig(
        "127.0.0.1",
        port,
        Set.of(),
        1024,
        Math.clamp(Runtime.getRuntime().availableProcessors(), 2, 8),
        64,
        1024,
        16,
        16 << 10,
        16 << 10,
        64 << 10,
        Duration.ofSeconds(60),
        Duration.ofSeconds(60),
        64L << 20,
        Duration.ofSeconds(5));
  }

  private static void check(String key, long value, long min, long max) {
    if (value < min || value > max) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, key + ": " + value + " is not between " + min + " and " + max);
    }
  }
}
