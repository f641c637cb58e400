package dev.larder.coordinator.raft;

import dev.larder.coordinator.logic.Outcome;
import dev.larder.coordinator.logic.Record;
import dev.larder.coordinator.logic.RecordCodec;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Puts records that wait at the same time into one entry of the log, which is written, sent and
 * applied once for all of them. A record that comes alone goes alone and at once.
 *
 * <p>Each caller waits for its own record, so no more wait than there are requests and streams.
 *
 * <p><b>Threads:</b> any; {@link #submit} blocks up to its deadline.
 */
final class GroupCommit implements AutoCloseable {
  /** Entries on their way at once: while one is written and sent, the next gathers and follows. */
  private static final int WORKERS = 2;

  private static final int RECORDS_MAX = 256;

  /** Well below what one append to the log may hold. */
  private static final int BYTES_MAX = 1 << 20;

  private final Log log;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition someWait = lock.newCondition();
  private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();
  private boolean closed;

  /** Where entries go. */
  @FunctionalInterface
  interface Log {
    /** Makes an entry durable and answers what applying it gave; blocks up to the deadline. */
    Outcome append(byte[] record, Duration deadline);
  }

  GroupCommit(Log log) {
    this.log = log;
  }

  /** Begins to take records; until then they wait. */
  void start() {
    for (int i = 0; i < WORKERS; i++) {
      Thread.ofVirtual().name("coordinator-commit-" + i).start(this::work);
    }
  }

  private record Waiting(byte[] record, long end, CompletableFuture<Outcome> outcome) {}

  /**
   * Makes a record durable and answers what applying it gave.
   *
   * @throws LarderException as the log says, or COORDINATOR_UNAVAILABLE after the deadline
   */
  Outcome submit(Record record, Duration deadline) {
    Waiting mine =
        new Waiting(
            RecordCodec.encode(record),
            System.nanoTime() + deadline.toNanos(),
            new CompletableFuture<>());
    lock.lock();
    try {
      if (closed) {
        throw closed();
      }
      waiting.add(mine);
      someWait.signal();
    } finally {
      lock.unlock();
    }
    try {
      return mine.outcome.get(deadline.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof LarderException known) {
        throw known;
      }
      throw new LarderException(ErrorCode.INTERNAL, "a record met a defect", e.getCause());
    } catch (TimeoutException e) {
      withdraw(mine);
      throw RaftCalls.noAnswer(deadline, e);
    } catch (InterruptedException e) {
      withdraw(mine);
      Thread.currentThread().interrupt();
      throw new LarderException(
          ErrorCode.CANCELLED, "interrupted while waiting for the coordinators", e);
    }
  }

  /** Records that are in no entry yet. */
  int waiting() {
    lock.lock();
    try {
      return waiting.size();
    } finally {
      lock.unlock();
    }
  }

  private void withdraw(Waiting mine) {
    lock.lock();
    try {
      waiting.remove(mine);
    } finally {
      lock.unlock();
    }
  }

  private void work() {
    for (List<Waiting> batch = take(); !batch.isEmpty(); batch = take()) {
      commit(batch);
    }
  }

  /** Those that go into the next entry, one at least; none when all is over. */
  private List<Waiting> take() {
    List<Waiting> batch = new ArrayList<>();
    lock.lock();
    try {
      while (waiting.isEmpty() && !closed) {
        someWait.awaitUninterruptibly();
      }
      int bytes = 0;
      for (Waiting next = waiting.peek(); next != null; next = waiting.peek()) {
        bytes += next.record.length;
        if (!batch.isEmpty() && (bytes > BYTES_MAX || batch.size() == RECORDS_MAX)) {
          // Their callers' signals may have woken nobody: who took before was at work.
          someWait.signal();
          break;
        }
        batch.add(waiting.remove());
      }
      return batch;
    } finally {
      lock.unlock();
    }
  }

  private void commit(List<Waiting> batch) {
    try {
      long end = batch.stream().mapToLong(Waiting::end).max().orElseThrow();
      Duration left = Duration.ofNanos(Math.max(0, end - System.nanoTime()));
      if (batch.size() == 1) {
        Waiting only = batch.getFirst();
        only.outcome.complete(log.append(only.record, left));
        return;
      }
      byte[] together = RecordCodec.together(batch.stream().map(Waiting::record).toList());
      if (!(log.append(together, left) instanceof Outcome.Together(List<Outcome> outcomes))
          || outcomes.size() != batch.size()) {
        throw new LarderException(ErrorCode.INTERNAL, "records were not answered one by one");
      }
      for (int i = 0; i < batch.size(); i++) {
        batch.get(i).outcome.complete(outcomes.get(i));
      }
    } catch (RuntimeException | Error e) {
      batch.forEach(one -> one.outcome.completeExceptionally(e));
    }
  }

  private static LarderException closed() {
    return new LarderException(ErrorCode.CLOSED, "the coordinator is closed");
  }

  /** Takes no more; who waits still is told so. */
  @Override
  public void close() {
    List<Waiting> left;
    lock.lock();
    try {
      closed = true;
      left = List.copyOf(waiting);
      waiting.clear();
      someWait.signalAll();
    } finally {
      lock.unlock();
    }
    left.forEach(one -> one.outcome.completeExceptionally(closed()));
  }
}
