package dev.larder.agent.peer;

import dev.larder.agent.fill.Members.MemberRead;
import dev.larder.agent.fill.Members.SealedDigests;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Requests to members' peer doors over kept connections, at most {@code peer.per-member-max} to
 * each and a few more for asks and reports.
 *
 * <p><b>Threads:</b> any, best virtual ones: calls wait for the network. Interrupting a virtual
 * thread ends its call with CANCELLED. <b>Errors:</b> those of {@link
 * dev.larder.agent.fill.Members#open}.
 */
final class PeerClient implements AutoCloseable {
  /** Asks and reports must not wait for ranges, which last. */
  private static final int TALKS_PER_MEMBER = 4;

  private static final byte[] EMPTY = {};
  private static final int DIGESTS_BYTES_MAX = 512 << 20;

  private final PeerConfig config;
  private final @Nullable PeerTls tls;
  private final RateCap download;
  private final Map<Address, ConnectionPool> ranges = new ConcurrentHashMap<>();
  private final Map<Address, ConnectionPool> talks = new ConcurrentHashMap<>();

  /** Answers that are held back must not keep others waiting. */
  private final Map<Address, ConnectionPool> watches = new ConcurrentHashMap<>();

  private final ScheduledExecutorService clock =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("peer-client-clock").factory());

  /** A client; {@code tls} is null where {@code peer.tls} is off. */
  PeerClient(PeerConfig config, @Nullable PeerTls tls) {
    this.config = config;
    this.tls = tls;
    this.download = new RateCap(config.downloadMax());
  }

  /** Begins to close connections that nobody uses. */
  void start() {
    long period = Math.max(1, config.idleTimeout().toMillis() / 4);
    clock.scheduleWithFixedDelay(this::closeIdle, period, period, TimeUnit.MILLISECONDS);
  }

  /** Sends a message and waits for the answer, {@code holdMillis} longer than the deadline. */
  byte[] post(Address to, String path, byte[] body, int holdMillis) {
    String head =
        "POST "
            + path
            + " HTTP/1.1\r\nHost: "
            + to
            + "\r\nContent-Length: "
            + body.length
            + "\r\n\r\n";
    long patience = config.progressDeadline().toMillis() + holdMillis;
    ConnectionPool pool =
        holdMillis > 0
            ? pool(watches, to, config.perMemberMax())
            : pool(talks, to, TALKS_PER_MEMBER);
    return request(
        pool,
        to,
        connection -> {
          // Sockets have no deadline for writing; a member that takes nothing is cut off.
          ScheduledFuture<?> cut = cutAfter(2 * patience, connection);
          try {
            connection.waitAtMost(patience);
            connection.send(head, body);
            PeerConnection.Head answer = connection.readHead();
            byte[] content = connection.readAll(answer, DIGESTS_BYTES_MAX);
            return answer.status() == 200
                ? Finished.with(content)
                : Finished.failed(fault(to, answer.status(), content));
          } finally {
            cut.cancel(false);
          }
        });
  }

  /** Digests of a blob that a member has sealed; empty when it has not. */
  Optional<SealedDigests> digests(Address to, BlobKey key, int stripe) {
    String head =
        "GET /peer/v1/blobs/"
            + key
            + "/digests?stripe="
            + stripe
            + " HTTP/1.1\r\nHost: "
            + to
            + "\r\n\r\n";
    return request(
        pool(talks, to, TALKS_PER_MEMBER),
        to,
        connection -> {
          connection.waitAtMost(config.progressDeadline().toMillis());
          connection.send(head, EMPTY);
          PeerConnection.Head answer = connection.readHead();
          byte[] content = connection.readAll(answer, DIGESTS_BYTES_MAX);
          return switch (answer.status()) {
            case 200 -> Finished.with(Optional.of(Wire.readSealedDigests(content)));
            case 404 -> Finished.with(Optional.<SealedDigests>empty());
            default -> Finished.failed(fault(to, answer.status(), content));
          };
        });
  }

  /** Asks for a range. */
  MemberRead open(Address to, BlobKey key, long offset, long length) {
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
        connection -> {
          connection.waitAtMost(config.progressDeadline().toMillis());
          connection.send(head, EMPTY);
          PeerConnection.Head answer = connection.readHead();
          if (answer.status() != 206) {
            byte[] content = connection.readAll(answer, 64 << 10);
            return Finished.failed(fault(to, answer.status(), content));
          }
          return new Finished<>(
              new RangeRead(
                  pool,
                  connection,
                  answer,
                  new RangeRead.Asked(offset, length),
                  download,
                  config.progressDeadline().toNanos()),
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
    Finished<T> run(PeerConnection connection) throws IOException;
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

  private <T> T request(ConnectionPool pool, Address to, Exchange<T> exchange) {
    if (clock.isShutdown()) {
      throw closed();
    }
    pool.enter();
    boolean isKept = false;
    try {
      while (true) {
        PeerConnection connection = pool.take();
        boolean isFresh = connection == null;
        boolean isAnswered = false;
        try {
          if (connection == null) {
            connection = PeerConnection.open(to, config, tls);
          }
          Finished<T> finished = exchange.run(connection);
          isAnswered = true;
          if (finished.isFree()) {
            pool.give(connection);
          }
          isKept = !finished.isFree();
          return finished.get();
        } catch (SocketTimeoutException e) {
          drop(connection);
          throw new LarderException(
              isFresh && connection == null ? ErrorCode.AGENT_UNAVAILABLE : ErrorCode.DEADLINE,
              "member at " + to + " is silent",
              e);
        } catch (IOException e) {
          drop(connection);
          checkInterrupted(e);
          if (isFresh) {
            throw new LarderException(
                ErrorCode.AGENT_UNAVAILABLE, "member at " + to + ": " + e.getMessage(), e);
          }
          // The member may have closed an idle connection: the next one tells.
        } catch (LarderException e) {
          if (!isAnswered) {
            drop(connection);
          }
          throw e;
        }
      }
    } finally {
      if (!isKept) {
        pool.leave();
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

  static void checkInterrupted(IOException e) {
    if (Thread.currentThread().isInterrupted()) {
      throw new LarderException(ErrorCode.CANCELLED, "interrupted while talking to a member", e);
    }
  }

  private static void drop(@Nullable PeerConnection connection) {
    if (connection != null) {
      connection.abort();
    }
  }

  private static LarderException fault(Address from, int status, byte[] content) {
    ErrorCode code =
        switch (status) {
          case 404 -> ErrorCode.UNKNOWN_BLOB;
          case 503 -> ErrorCode.TOO_MANY;
          case 416 -> ErrorCode.BAD_RANGE;
          default -> ErrorCode.AGENT_UNAVAILABLE;
        };
    String why = new String(content, 0, Math.min(content.length, 200), StandardCharsets.UTF_8);
    return new LarderException(code, "member at " + from + " answers " + status + " " + why);
  }

  private ConnectionPool pool(Map<Address, ConnectionPool> pools, Address to, int max) {
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
