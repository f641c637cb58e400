package dev.larder.coordinator.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** RocksDB is never read on a virtual thread, and by no more platform threads than configured. */
class ReadPoolTest {
  private static final int THREADS = 3;

  @TempDir Path directory;

  @Test
  void virtualThreadsReadOnFewPlatformThreads() throws Exception {
    CountDownLatch gate = new CountDownLatch(1);
    AtomicInteger reading = new AtomicInteger();
    AtomicInteger readingMax = new AtomicInteger();
    try (ReadPool pool = new ReadPool(THREADS);
        ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<String>> all = new ArrayList<>();
      for (int i = 0; i < 50; i++) {
        all.add(
            callers.submit(() ->
                pool.call(() -> {
                  assertFalse(Thread.currentThread().isVirtual());
                  readingMax.accumulateAndGet(reading.incrementAndGet(), Math::max);
                  awaitDeaf(gate);
                  reading.decrementAndGet();
                  return Thread.currentThread().getName();
                })));
      }
      await(() -> pool.waiting() == 50 - THREADS && reading.get() == THREADS);
      // Carriers are free although every reader is stuck as if in a native frame.
      assertEquals(1, callers.submit(() -> 1).get(10, TimeUnit.SECONDS));
      gate.countDown();
      for (Future<String> one : all) {
        assertTrue(one.get(10, TimeUnit.SECONDS).startsWith("coordinator-read-"));
      }
    }
    assertEquals(THREADS, readingMax.get());
  }

  @Test
  void aPlatformThreadReadsByItself() {
    try (ReadPool pool = new ReadPool(1)) {
      assertSame(Thread.currentThread(), pool.call(Thread::currentThread));
    }
  }

  @Test
  void whatBeginsOnItsThreadsReadsThere() throws Exception {
    try (ReadPool pool = new ReadPool(1)) {
      CompletableFuture<Thread> began = new CompletableFuture<>();
      CompletableFuture<Thread> read = new CompletableFuture<>();
      pool.orElse(Runnable::run)
          .execute(() -> {
            began.complete(Thread.currentThread());
            // With its only thread taken, another one would never come.
            read.complete(pool.call(Thread::currentThread));
          });
      assertSame(began.get(10, TimeUnit.SECONDS), read.get(10, TimeUnit.SECONDS));
      assertTrue(began.get().getName().startsWith("coordinator-read-"));
    }
  }

  @Test
  void faultsAndInterruptsReachTheCaller() throws Exception {
    CountDownLatch gate = new CountDownLatch(1);
    try (ReadPool pool = new ReadPool(1);
        ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      LarderException thrown = new LarderException(ErrorCode.STORE_IO, "as the test wished");
      assertSame(
          thrown,
          faultOf(
              callers,
              () ->
                  pool.call(() -> {
                    throw thrown;
                  })));
      CountDownLatch isStuck = new CountDownLatch(1);
      Future<Boolean> stuck =
          callers.submit(() ->
              pool.call(() -> {
                isStuck.countDown();
                return awaitDeaf(gate);
              }));
      // Else the reader below might get the thread, and this one wait.
      assertTrue(isStuck.await(10, TimeUnit.SECONDS));
      CountDownLatch interrupted = new CountDownLatch(1);
      Thread waits =
          Thread.startVirtualThread(() -> {
            LarderException e =
                assertThrows(LarderException.class, () -> pool.call(() -> awaitDeaf(gate)));
            assertEquals(ErrorCode.CANCELLED, e.code());
            assertTrue(Thread.currentThread().isInterrupted());
            interrupted.countDown();
          });
      await(() -> pool.waiting() == 1);
      waits.interrupt();
      assertTrue(interrupted.await(10, TimeUnit.SECONDS));
      assertEquals(0, pool.waiting(), "who left holds no place");
      gate.countDown();
      assertTrue(stuck.get(10, TimeUnit.SECONDS));
      pool.close();
      assertEquals(
          ErrorCode.CLOSED,
          ((LarderException) faultOf(callers, () -> pool.call(() -> true))).code());
    }
  }

  /** Shows that the assertion which holds every request of the other tests to this is on. */
  @Test
  void theTablesRefuseVirtualThreads() throws Exception {
    HandleLedger ledger = new HandleLedger();
    try (RocksStateStore store =
            RocksStateStore.open(
                directory.resolve("state"),
                new RocksLimits(1 << 20, 1 << 20, 64, THREADS),
                ledger);
        ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      boolean own = store.read(reader -> true);
      assertTrue(own);
      assertTrue(faultOf(callers, () -> store.read(reader -> true)) instanceof AssertionError);
    }
  }

  private static Throwable faultOf(ExecutorService callers, Callable<?> call) {
    return assertThrows(
            ExecutionException.class, () -> callers.submit(call).get(10, TimeUnit.SECONDS))
        .getCause();
  }

  private static boolean awaitDeaf(CountDownLatch gate) {
    while (gate.getCount() > 0) {
      LockSupport.parkNanos(1_000_000);
    }
    return true;
  }

  private static void await(java.util.function.BooleanSupplier holds) {
    long end = System.nanoTime() + 10_000_000_000L;
    while (!holds.getAsBoolean()) {
      assertTrue(System.nanoTime() < end, "not within ten seconds");
      LockSupport.parkNanos(1_000_000);
    }
  }
}
