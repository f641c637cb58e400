package dev.larder.agent.peer;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Connections to one member: at most so many at work, the idle ones kept. Any thread. */
final class ConnectionPool {
  private final Semaphore places;
  private final int placesMax;
  private final long patienceMillis;
  private final ArrayDeque<PeerConnection> idle = new ArrayDeque<>();
  private boolean isClosed;
  private volatile @Nullable Long silentAtNanos;

  ConnectionPool(int placesMax, long patienceMillis) {
    this.placesMax = placesMax;
    this.places = new Semaphore(placesMax);
    this.patienceMillis = patienceMillis;
  }

  /**
   * Takes a place, for which {@link #leave} is owed. TOO_MANY when none becomes free in time,
   * AGENT_UNAVAILABLE when the member was found silent meanwhile: whoever queued behind those who
   * found it need not find it again.
   */
  void enter() {
    long began = System.nanoTime();
    boolean isIn;
    try {
      isIn = places.tryAcquire(patienceMillis, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted while waiting for a member", e);
    }
    Long silentAt = silentAtNanos;
    if (silentAt != null && silentAt - began > 0) {
      if (isIn) {
        leave();
      }
      throw new LarderException(
          ErrorCode.AGENT_UNAVAILABLE, "the member fell silent while this request waited for it");
    }
    if (!isIn) {
      throw new LarderException(
          ErrorCode.TOO_MANY,
          "peer.per-member-max: " + placesMax + " requests to the member are at work");
    }
  }

  /** A request on a fresh connection had no answer. */
  void foundSilent() {
    silentAtNanos = System.nanoTime();
  }

  void leave() {
    places.release();
  }

  /** The idle connection used last that may still be used; null when there is none. */
  @Nullable PeerConnection take() {
    while (true) {
      PeerConnection last;
      synchronized (this) {
        last = idle.pollLast();
      }
      if (last == null || last.isKept()) {
        return last;
      }
      last.abort();
    }
  }

  void give(PeerConnection connection) {
    connection.idleSinceNanos = System.nanoTime();
    synchronized (this) {
      if (!isClosed && idle.size() < placesMax && connection.isKept()) {
        idle.addLast(connection);
        return;
      }
    }
    connection.abort();
  }

  /** Closes what was idle since before then; answers whether the pool can be forgotten. */
  boolean closeIdle(long beforeNanos) {
    List<PeerConnection> old = new ArrayList<>();
    boolean isUnused;
    synchronized (this) {
      while (!idle.isEmpty() && idle.peekFirst().idleSinceNanos - beforeNanos < 0) {
        old.add(idle.pollFirst());
      }
      isUnused = idle.isEmpty() && places.availablePermits() == placesMax;
      // Whoever still holds it keeps no connection in it that nobody would close.
      isClosed |= isUnused;
    }
    old.forEach(PeerConnection::abort);
    return isUnused;
  }

  /** Closes what nobody uses now. */
  void dropIdle() {
    List<PeerConnection> all;
    synchronized (this) {
      all = new ArrayList<>(idle);
      idle.clear();
    }
    all.forEach(PeerConnection::abort);
  }

  void close() {
    synchronized (this) {
      isClosed = true;
    }
    dropIdle();
  }
}
