package dev.larder.agent.peer;

import dev.larder.agent.tracker.Assignment;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Asks trackers again for a stripe whose bytes come from the origin. Where trackers are silent an
 * ask lasts for as many deadlines as there are ranks; a transfer that waited for it would come to a
 * stand, and its origin would hang up. So it goes on, and hears the answer at a later piece.
 *
 * <p><b>Threads:</b> any; one ask at a time.
 */
final class Renewal {
  /** Trackers that are there answer sooner: until then nobody fetches what another one does. */
  private static final Duration PATIENCE = Duration.ofMillis(500);

  private final Supplier<Assignment> ask;
  private final AtomicReference<@Nullable CompletableFuture<Assignment>> going =
      new AtomicReference<>();

  /**
   * Of one stripe.
   *
   * @param ask waits for trackers; called on a thread of its own
   */
  Renewal(Supplier<Assignment> ask) {
    this.ask = ask;
  }

  /** Whether an ask was begun whose answer nobody has heard. */
  boolean isGoing() {
    return going.get() != null;
  }

  /** Whether the stripe is to be read from another member; begins to ask if nobody does. */
  boolean isSentAway() {
    CompletableFuture<Assignment> answer = going.get();
    if (answer == null) {
      answer = new CompletableFuture<>();
      if (!going.compareAndSet(null, answer)) {
        return false;
      }
      begin(answer);
      await(answer);
    }
    return answer.isDone()
        && going.compareAndSet(answer, null)
        && answer.join() instanceof Assignment.Parent;
  }

  private void begin(CompletableFuture<Assignment> answer) {
    Thread.ofVirtual()
        .name("renew-", 0)
        .start(() -> {
          try {
            answer.complete(ask.get());
          } catch (RuntimeException | Error e) {
            answer.completeExceptionally(e);
          }
        });
  }

  private static void await(CompletableFuture<Assignment> answer) {
    try {
      answer.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException | ExecutionException later) {
      // Whoever takes the answer hears of it.
      return;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
