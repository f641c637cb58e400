package dev.larder.agent.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.tracker.Assignment;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class RenewalTest {
  private final BlockingQueue<Supplier<Assignment>> answers = new LinkedBlockingQueue<>();
  private final AtomicInteger asks = new AtomicInteger();
  private final Renewal renewal = new Renewal(this::ask);

  @Test
  void anAnswerThatComesSoonIsWaitedFor() {
    answers.add(() -> new Assignment.Parent("other"));
    assertTrue(renewal.isSentAway());
    assertFalse(renewal.isGoing());
    answers.add(() -> new Assignment.Lease(7));
    assertFalse(renewal.isSentAway());
    answers.add(Assignment.Untracked::new);
    assertFalse(renewal.isSentAway());
    assertEquals(3, asks.get());
  }

  @Test
  void aSilentTrackerIsAskedOnceAndItsAnswerHeardOnce() {
    assertFalse(renewal.isSentAway());
    assertTrue(renewal.isGoing());
    long began = System.nanoTime();
    for (int piece = 0; piece < 1000; piece++) {
      assertFalse(renewal.isSentAway());
    }
    assertTrue(System.nanoTime() - began < 10_000_000_000L, "each of a thousand pieces waited");
    assertEquals(1, asks.get());
    answers.add(() -> new Assignment.Parent("other"));
    Fleet.await("the answer is heard", renewal::isSentAway);
    assertFalse(renewal.isGoing());
    assertEquals(1, asks.get());
  }

  @Test
  void whatFailsIsNotSwallowed() {
    answers.add(() -> {
      throw new IllegalStateException("broken");
    });
    assertEquals(
        "broken",
        assertThrows(CompletionException.class, renewal::isSentAway).getCause().getMessage());
    assertFalse(renewal.isGoing());
  }

  private Assignment ask() {
    asks.incrementAndGet();
    try {
      return answers.take().get();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
