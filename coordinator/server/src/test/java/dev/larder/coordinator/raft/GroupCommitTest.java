package dev.larder.coordinator.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.logic.Outcome;
import dev.larder.coordinator.logic.Record;
import dev.larder.coordinator.logic.RecordCodec;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who waits at the same time shares an entry; each gets its own answer. */
@Timeout(60)
class GroupCommitTest {
  private static final Duration LONG = Duration.ofSeconds(30);
  private static final int AT_ONCE = 2;

  private final BlockingQueue<Record> entries = new LinkedBlockingQueue<>();
  private final Semaphore mayGoOn = new Semaphore(0);
  private final GroupCommit commits = new GroupCommit(this::append);
  private final ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor();
  private volatile boolean fails;

  @AfterEach
  void close() {
    mayGoOn.release(1_000);
    commits.close();
    callers.close();
  }

  /** Answers each member's record by the number in the member's name. */
  private Outcome append(byte[] bytes, Duration deadline) {
    Record record = RecordCodec.decode(bytes);
    entries.add(record);
    mayGoOn.acquireUninterruptibly();
    if (fails) {
      throw new LarderException(ErrorCode.COORDINATOR_UNAVAILABLE, "nobody leads");
    }
    return record instanceof Record.Together(List<Record> records)
        ? new Outcome.Together(records.stream().map(GroupCommitTest::outcome).toList())
        : outcome(record);
  }

  private static Outcome outcome(Record record) {
    return new Outcome.Removed(Integer.parseInt(((Record.Holdings) record).memberId()));
  }

  private static Record record(int number) {
    return new Record.Holdings(Integer.toString(number), List.of(), List.of(), false);
  }

  private Future<Outcome> submit(int number) {
    return callers.submit(() -> commits.submit(record(number), LONG));
  }

  /** Both workers hold an entry each, so that what comes now gathers. */
  private List<Future<Outcome>> occupied() throws InterruptedException {
    commits.start();
    List<Future<Outcome>> first = new ArrayList<>();
    for (int i = 0; i < AT_ONCE; i++) {
      first.add(submit(i));
      assertEquals(
          record(i), entries.poll(30, TimeUnit.SECONDS), "one that comes alone goes alone");
    }
    return first;
  }

  @Test
  void whoWaitsMeanwhileSharesAnEntryAndGetsItsOwnAnswer() throws Exception {
    List<Future<Outcome>> all = occupied();
    for (int i = AT_ONCE; i < 20; i++) {
      all.add(submit(i));
    }
    awaitWaiting(20 - AT_ONCE);
    mayGoOn.release();
    Record.Together shared = (Record.Together) entries.poll(30, TimeUnit.SECONDS);
    assertEquals(20 - AT_ONCE, shared.records().size());
    mayGoOn.release(1_000);
    for (int i = 0; i < 20; i++) {
      assertEquals(new Outcome.Removed(i), all.get(i).get());
    }
  }

  @Test
  void largeRecordsDoNotShare() throws Exception {
    List<Future<Outcome>> all = occupied();
    String name = "0".repeat(700 << 10);
    for (int i = 0; i < 3; i++) {
      Record large = new Record.Holdings(name, List.of(), List.of(), false);
      all.add(callers.submit(() -> commits.submit(large, LONG)));
    }
    awaitWaiting(3);
    mayGoOn.release(1_000);
    for (int i = 0; i < 3; i++) {
      assertTrue(entries.poll(30, TimeUnit.SECONDS) instanceof Record.Holdings);
    }
    for (Future<Outcome> one : all) {
      one.get();
    }
  }

  @Test
  void aFaultIsEverybodys() throws Exception {
    List<Future<Outcome>> all = occupied();
    all.add(submit(2));
    all.add(submit(3));
    awaitWaiting(2);
    fails = true;
    mayGoOn.release(1_000);
    for (Future<Outcome> one : all) {
      LarderException fault =
          (LarderException) assertThrows(ExecutionException.class, one::get).getCause();
      assertEquals(ErrorCode.COORDINATOR_UNAVAILABLE, fault.code());
    }
  }

  @Test
  void whoCannotWaitLongerIsNotSent() throws Exception {
    List<Future<Outcome>> first = occupied();
    LarderException late =
        assertThrows(LarderException.class, () -> commits.submit(record(7), Duration.ofMillis(50)));
    assertEquals(ErrorCode.COORDINATOR_UNAVAILABLE, late.code());
    assertEquals(0, commits.waiting());
    mayGoOn.release(1_000);
    for (Future<Outcome> one : first) {
      one.get();
    }
    assertEquals(new Outcome.Removed(8), submit(8).get());
    assertEquals(List.of(record(8)), List.copyOf(entries));
  }

  @Test
  void whoWaitsAtTheEndIsTold() throws Exception {
    occupied();
    Future<Outcome> waits = submit(5);
    awaitWaiting(1);
    commits.close();
    LarderException fault =
        (LarderException) assertThrows(ExecutionException.class, waits::get).getCause();
    assertEquals(ErrorCode.CLOSED, fault.code());
    assertEquals(
        ErrorCode.CLOSED,
        assertThrows(LarderException.class, () -> commits.submit(record(6), LONG)).code());
  }

  private void awaitWaiting(int count) {
    while (commits.waiting() < count) {
      Thread.onSpinWait();
    }
  }
}
