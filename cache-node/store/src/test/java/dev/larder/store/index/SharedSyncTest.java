package dev.larder.store.index;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class SharedSyncTest {
  private static final int THREADS = 16;

  /** What a caller wrote before its call is on "disk" when the call returns. */
  @Test
  void everyCallerIsCovered() throws Exception {
    AtomicLong written = new AtomicLong();
    AtomicLong stable = new AtomicLong();
    AtomicInteger syncs = new AtomicInteger();
    SharedSync shared =
        new SharedSync(() -> {
          long seen = written.get();
          syncs.incrementAndGet();
          java.util.concurrent.locks.LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(200));
          stable.accumulateAndGet(seen, Math::max);
        });
    try (ExecutorService pool = Executors.newFixedThreadPool(THREADS)) {
      List<Future<?>> all = new ArrayList<>();
      for (int thread = 0; thread < THREADS; thread++) {
        all.add(
            pool.submit(() -> {
              for (int i = 0; i < 100; i++) {
                long mine = written.incrementAndGet();
                shared.run();
                assertTrue(stable.get() >= mine, "returned before its write was synced");
              }
            }));
      }
      for (Future<?> each : all) {
        each.get(60, TimeUnit.SECONDS);
      }
    }
    assertTrue(syncs.get() < THREADS * 100, syncs + " syncs");
  }

  @Test
  void allThatWaitShareTheNextSync() throws Exception {
    AtomicInteger syncs = new AtomicInteger();
    CountDownLatch go = new CountDownLatch(1);
    SharedSync shared =
        new SharedSync(() -> {
          if (syncs.getAndIncrement() == 0) {
            awaitLatch(go);
          }
        });
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      threads.add(Thread.ofPlatform().daemon().start(shared::run));
    }
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (threads.stream()
        .anyMatch(each ->
            each.getState() != Thread.State.WAITING
                && each.getState() != Thread.State.TIMED_WAITING)) {
      assertTrue(System.nanoTime() < deadline, "the threads do not wait");
      Thread.onSpinWait();
    }
    go.countDown();
    for (Thread thread : threads) {
      assertTrue(thread.join(java.time.Duration.ofSeconds(30)));
    }
    assertEquals(2, syncs.get());
  }

  private static void awaitLatch(CountDownLatch latch) {
    try {
      assertTrue(latch.await(30, TimeUnit.SECONDS));
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aFaultIsTheCallersOwnAndTheNextSyncsAnew() throws Exception {
    AtomicInteger syncs = new AtomicInteger();
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    SharedSync shared =
        new SharedSync(() -> {
          if (syncs.getAndIncrement() == 0) {
            running.countDown();
            awaitLatch(go);
            throw new IllegalStateException("the disk refuses");
          }
        });
    try (ExecutorService pool = Executors.newCachedThreadPool()) {
      Future<?> first = pool.submit(shared::run);
      assertTrue(running.await(30, TimeUnit.SECONDS));
      Future<?> second = pool.submit(shared::run);
      go.countDown();
      assertThrows(
          java.util.concurrent.ExecutionException.class, () -> first.get(30, TimeUnit.SECONDS));
      second.get(30, TimeUnit.SECONDS);
    }
    assertEquals(2, syncs.get());
  }
}
