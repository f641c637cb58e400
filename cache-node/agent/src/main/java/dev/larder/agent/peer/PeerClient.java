package dev.larder.agent.peer;

import dev.larder.agent.fill.Members.MemberRead;
import dev.larder.agent.fill.Members.SealedDigests;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.EOFException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Requests to members' peer doors over kept connections, at most {@code peer.per-member-max} to
 * each and a few more for asks and reports. A kept connection that fails or stays silent says
 * nothing of the member: the request goes out once more on a fresh one.
 *
 * <p><b>Threads:</b> any, best virtual ones: calls wait for the network. Interrupting a virtual
 * thread ends its call with CANCELLED. <b>Errors:</b> those of {@link
 * dev.larder.agent.fill.Members#open}.
 */
final class PeerClient implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(PeerClient.class);

  /** Asks and reports must not wait for ranges, which last. */
  private static final int TALKS_PER_MEMBER = 4;

  private static final byte[] EMPTY = {};

  /** Twice what the asks and reports of one message can be answered. */
  private static final int ANSWER_BYTES_MAX = 1 << 20;

  private static final int FAULT_BYTES_MAX = 64 << 10;

  private final PeerConfig config;
  private final @Nullable PeerTls tls;
  private final RateCap download;
  private final Map<MemberDoor, ConnectionPool> ranges = new ConcurrentHashMap<>();
  private final Map<MemberDoor, ConnectionPool> talks = new ConcurrentHashMap<>();

  /** Answers that are held back must not keep others waiting. */
  private final Map<MemberDoor, ConnectionPool> watches = new ConcurrentHashMap<>();

  private final ScheduledThreadPoolExecutor clock;

  /** A client; {@code tls} is null where {@code peer.tls} is off. */
  PeerClient(PeerConfig config, @Nullable PeerTls tls) {
    this.config = config;
    this.tls = tls;
    this.download = new RateCap(config.downloadMax());
    this.clock =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name("peer-client-clock").factory());
    // What was in time must not hold its connection's buffers until it would have been late.
    clock.setRemoveOnCancelPolicy(true);
  }

  /** Begins to close connections that nobody uses. */
  void start() {
    long period = Math.max(1, config.idleTimeout().toMillis() / 4);
    clock.scheduleWithFixedDelay(this::closeIdle, period, period, TimeUnit.MILLISECONDS);
  }

  /** Sends a message and waits for the answer, {@code holdMillis} longer than the deadline. */
  byte[] post(MemberDoor to, String path, byte[] body, int holdMillis) {
    String head =
        "POST "
            + path
            + " HTTP/1.1\r\nHost: "
            + to
            + "\r\nContent-Length: "
            + body.length
            + "\r\n\r\n";
    int answerMax = Math.max(ANSWER_BYTES_MAX, config.bodyMaxBytes());
    ConnectionPool pool =
        holdMillis > 0
            ? pool(watches, to, config.perMemberMax())
            : pool(talks, to, TALKS_PER_MEMBER);
    return request(
        pool,
        to,
        (connection, firstByteMillis) -> {
          long patience = firstByteMillis + holdMillis;
          // Sockets have no deadline for writing; a member that takes nothing is cut off.
          ScheduledFuture<?> cut = cutAfter(2 * patience, connection);
          try {
            connection.waitAtMost(patience);
            connection.send(head, body);
            PeerConnection.Head answer = connection.readHead();
            byte[] content =
                connection.readAll(answer, answer.status() == 200 ? answerMax : FAULT_BYTES_MAX);
            return answer.status() == 200
                ? Finished.with(content)
                : Finished.failed(fault(to, answer.status(), content));
          } finally {
            cut.cancel(false);
          }
        });
  }

  /**
   * Digests of a blob that a member has sealed; empty when it has not.
   *
   * @param stripeCount of the blob; digests of more stripes are no answer
   * @param isListKnown whether those of the stripes need not be told again
   */
  Optional<SealedDigests> digests(
      MemberDoor to, BlobKey key, int stripe, int stripeCount, boolean isListKnown) {
    String head =
        "GET /peer/v1/blobs/"
            + key
            + "/digests?stripe="
            + stripe
            + " HTTP/1.1\r\nHost: "
            + to
            + (isListKnown ? "\r\n" + DoorConnection.BLOCKS_ONLY + ": 1" : "")
            + "\r\n\r\n";
    return request(
        pool(talks, to, TALKS_PER_MEMBER),
        to,
        (connection, firstByteMillis) -> {
          ScheduledFuture<?> cut = cutAfter(2 * firstByteMillis, connection);
          try {
            connection.waitAtMost(firstByteMillis);
            connection.send(head, EMPTY);
            PeerConnection.Head answer = connection.readHead();
            int max =
                answer.status() == 200 ? Wire.sealedDigestsBytes(stripeCount) : FAULT_BYTES_MAX;
            byte[] content = connection.readAll(answer, max);
            return switch (answer.status()) {
              case 200 -> Finished.with(Optional.of(Wire.readSealedDigests(content)));
              case 404 -> Finished.with(Optional.<SealedDigests>empty());
              default -> Finished.failed(fault(to, answer.status(), content));
            };
          } finally {
            cut.cancel(false);
          }
        });
  }

  /** Asks for a range. */
  MemberRead open(MemberDoor to, BlobKey key, long offset, long length) {
    String range = "bytes=" + offset + "-" + (offset + length - 1);
    String head =
        "GET /peer/v1/blobs/"
            + key
            + " HTTP/1.1\r\nHost: "
            + to
            + "\r\nRange: "
            + range
            + "\r\n\r\n";
    ConnectionPool pool = pool(ranges, to, config.perMemberMax());
    return request(
        pool,
        to,
        (connection, firstByteMillis) -> {
          PeerConnection.Head answer;
          ScheduledFuture<?> cut = cutAfter(2 * firstByteMillis, connection);
          try {
            connection.waitAtMost(firstByteMillis);
            connection.send(head, EMPTY);
            answer = connection.readHead();
            if (answer.status() != 206) {
              byte[] content = connection.readAll(answer, FAULT_BYTES_MAX);
              return Finished.failed(fault(to, answer.status(), content));
            }
            connection.waitAtMost(config.progressDeadline().toMillis());
          } finally {
            cut.cancel(false);
          }
          return new Finished<>(
              new RangeRead(
                  pool,
                  connection,
                  answer,
                  new RangeRead.Asked(offset, length),
                  download,
                  new RangeRead.Patience(config.progressDeadline().toNanos(), clock)),
              null,
              false);
        });
  }

  @Override
  public void close() {
    clock.shutdownNow();
    ranges.values().forEach(ConnectionPool::close);
    talks.values().forEach(ConnectionPool::close);
    watches.values().forEach(ConnectionPool::close);
  }

  private interface Exchange<T> {
    Finished<T> run(PeerConnection connection, long firstByteMillis) throws IOException;
  }

  /** A result or the member's fault, and whether the connection is free again. */
  private record Finished<T>(@Nullable T result, @Nullable LarderException fault, boolean isFree) {
    static <T> Finished<T> with(T result) {
      return new Finished<>(result, null, true);
    }

    static <T> Finished<T> failed(LarderException fault) {
      return new Finished<>(null, fault, true);
    }

    T get() {
      if (result == null) {
        throw fault == null ? new IllegalStateException("neither result nor fault") : fault;
      }
      return result;
    }
  }

  private <T> T request(ConnectionPool pool, MemberDoor to, Exchange<T> exchange) {
    if (clock.isShutdown()) {
      throw closed();
    }
    pool.enter();
    boolean isKept = false;
    try {
      PeerConnection idle = pool.take();
      Finished<T> finished = idle == null ? null : onKept(pool, to, idle, exchange);
      if (finished == null) {
        finished = onFresh(pool, to, exchange);
      }
      isKept = !finished.isFree();
      return finished.get();
    } finally {
      if (!isKept) {
        pool.leave();
      }
    }
  }

  /** Null when the connection was of no use: closed as idle, or cut somewhere on the way. */
  private <T> @Nullable Finished<T> onKept(
      ConnectionPool pool, MemberDoor to, PeerConnection connection, Exchange<T> exchange) {
    try {
      Finished<T> finished = run(pool, connection, exchange, config.keptPatience().toMillis());
      LarderException fault = finished.fault();
      // The member no longer believes what this connection began with; what is shown now may do.
      boolean isStale =
          fault != null && fault.code() == ErrorCode.UNAUTHENTICATED && !connection.isKept();
      return isStale ? null : finished;
    } catch (IOException e) {
      checkInterrupted(e);
      // What cut this one off, a firewall that forgot or a link that moved, cut off the idle ones.
      pool.dropIdle();
      log.info(
          "a kept connection to the member at {} is of no use, trying a fresh one: {}",
          to,
          e.toString());
      return null;
    }
  }

  private <T> Finished<T> onFresh(ConnectionPool pool, MemberDoor to, Exchange<T> exchange) {
    PeerConnection connection = null;
    try {
      connection = PeerConnection.open(to, config, tls, clock);
      return run(pool, connection, exchange, config.progressDeadline().toMillis());
    } catch (SocketTimeoutException e) {
      pool.foundSilent();
      throw new LarderException(
          connection == null ? ErrorCode.AGENT_UNAVAILABLE : ErrorCode.DEADLINE,
          "member at " + to + " is silent",
          e);
    } catch (IOException e) {
      checkInterrupted(e);
      throw new LarderException(
          ErrorCode.AGENT_UNAVAILABLE, "member at " + to + ": " + e.getMessage(), e);
    }
  }

  private static <T> Finished<T> run(
      ConnectionPool pool, PeerConnection connection, Exchange<T> exchange, long firstByteMillis)
      throws IOException {
    boolean isAnswered = false;
    try {
      Finished<T> finished = exchange.run(connection, firstByteMillis);
      isAnswered = true;
      if (finished.isFree() && connection.isKept()) {
        pool.give(connection);
      } else if (finished.isFree()) {
        connection.abort();
      }
      return finished;
    } finally {
      if (!isAnswered) {
        connection.abort();
      }
    }
  }

  private ScheduledFuture<?> cutAfter(long millis, PeerConnection connection) {
    try {
      return clock.schedule(connection::abort, millis, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      connection.abort();
      throw closed();
    }
  }

  private static LarderException closed() {
    return new LarderException(ErrorCode.CLOSED, "the node is leaving its cluster");
  }

  /**
   * Whether a member that was there took no more connections or requests: asking again in a moment
   * may do. A member that is gone does not even take a connection.
   */
  static boolean isBusy(LarderException e) {
    if (e.code() == ErrorCode.TOO_MANY) {
      return true;
    }
    for (Throwable cause = e.getCause(); cause != null; cause = cause.getCause()) {
      if (cause instanceof ConnectException) {
        return false;
      }
      if (cause instanceof EOFException || cause instanceof SocketException) {
        return e.code() == ErrorCode.AGENT_UNAVAILABLE;
      }
    }
    return false;
  }

  static void checkInterrupted(IOException e) {
    if (Thread.currentThread().isInterrupted()) {
      throw new LarderException(ErrorCode.CANCELLED, "interrupted while talking to a member", e);
    }
  }

  private static LarderException fault(MemberDoor from, int status, byte[] content) {
    ErrorCode code =
        switch (status) {
          case 403 -> ErrorCode.UNAUTHENTICATED;
          case 404 -> ErrorCode.UNKNOWN_BLOB;
          case 503 -> ErrorCode.TOO_MANY;
          case 416 -> ErrorCode.BAD_RANGE;
          default -> ErrorCode.AGENT_UNAVAILABLE;
        };
    String why = new String(content, 0, Math.min(content.length, 200), StandardCharsets.UTF_8);
    return new LarderException(code, "member at " + from + " answers " + status + " " + why);
  }

  private ConnectionPool pool(Map<MemberDoor, ConnectionPool> pools, MemberDoor to, int max) {
    return pools.computeIfAbsent(
        to, any -> new ConnectionPool(max, config.progressDeadline().toMillis()));
  }

  private void closeIdle() {
    // Sooner than the member does it, so that few requests find a closed connection.
    long before = System.nanoTime() - config.idleTimeout().toNanos() / 2;
    ranges.values().removeIf(pool -> pool.closeIdle(before));
    talks.values().removeIf(pool -> pool.closeIdle(before));
    watches.values().removeIf(pool -> pool.closeIdle(before));
  }
}
