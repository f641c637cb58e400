package dev.larder.coordinator.raft;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.exceptions.AlreadyClosedException;
import org.apache.ratis.protocol.exceptions.StateMachineException;
import org.jspecify.annotations.Nullable;

/**
 * Repeats a call until the group answers or its deadline is over: there may be no leader for a
 * moment. An attempt carries the same call id each time, so Ratis applies it once. The only place
 * where Ratis' failures become error codes.
 */
final class RaftCalls {
  private static final long PAUSE_MIN_NANOS = Duration.ofMillis(5).toNanos();
  private static final long PAUSE_MAX_NANOS = Duration.ofMillis(200).toNanos();

  private final BooleanSupplier closed;

  RaftCalls(BooleanSupplier closed) {
    this.closed = closed;
  }

  RaftClientReply untilAnswered(Duration deadline, RaftNode.Call call) {
    return untilAnswered(deadline, System.nanoTime() + deadline.toNanos(), call);
  }

  /** As above for one call of several that have a deadline together, which ends at {@code end}. */
  RaftClientReply untilAnswered(Duration deadline, long end, RaftNode.Call call) {
    long pause = PAUSE_MIN_NANOS;
    Throwable last = null;
    while (true) {
      if (closed.getAsBoolean()) {
        throw new LarderException(ErrorCode.CLOSED, "the coordinator is closed");
      }
      long left = end - System.nanoTime();
      if (left <= 0) {
        throw noAnswer(deadline, last);
      }
      try {
        RaftClientReply reply = call.start().get(left, TimeUnit.NANOSECONDS);
        if (reply.isSuccess()) {
          return reply;
        }
        last = retryable(reply.getException());
      } catch (ExecutionException e) {
        last = retryable(e.getCause());
      } catch (IOException e) {
        last = retryable(e);
      } catch (TimeoutException e) {
        last = e;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new LarderException(
            ErrorCode.CANCELLED, "interrupted while waiting for the coordinators", e);
      }
      LockSupport.parkNanos(Math.min(left, ThreadLocalRandom.current().nextLong(pause, 2 * pause)));
      pause = Math.min(2 * pause, PAUSE_MAX_NANOS);
    }
  }

  static LarderException noAnswer(Duration deadline, @Nullable Throwable last) {
    return new LarderException(
        ErrorCode.COORDINATOR_UNAVAILABLE,
        "the coordinators gave no answer within " + deadline + "; the change may still happen",
        last);
  }

  /** The failure to remember where asking again may help; others are thrown. */
  private static @Nullable Throwable retryable(@Nullable Throwable failure) {
    if (failure instanceof StateMachineException) {
      if (failure.getCause() instanceof LarderException known) {
        throw known;
      }
      throw new LarderException(
          ErrorCode.INTERNAL, "the coordinator refused a record: " + failure.getMessage(), failure);
    }
    boolean mayPass =
        failure instanceof IOException && !(failure instanceof AlreadyClosedException);
    if (!mayPass) {
      throw new LarderException(
          ErrorCode.COORDINATOR_UNAVAILABLE, "the coordinator stopped: " + failure, failure);
    }
    return failure;
  }
}
