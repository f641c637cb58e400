package dev.larder.coordinator.api;

import dev.larder.coordinator.api.v1.HealthGrpc;
import dev.larder.coordinator.api.v1.PingRequest;
import dev.larder.coordinator.api.v1.PingResponse;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Tells a coordinator that takes its time from one that is gone. A host that vanished refuses
 * nothing: a request to it waits for its whole deadline, a new connection for TCP's patience. So
 * while an answer is awaited for a third of the longest silence and again each third after it, the
 * coordinator is asked for a sign of life, which it gives without its group or its disk; none
 * within the other two thirds, and it counts as gone. Where all is answered in time nothing is
 * sent.
 *
 * <p><b>Threads:</b> any; one thread of its own looks, and ends when there is nothing to look at.
 */
final class Pulse implements AutoCloseable {
  private static final int IDLE_SECONDS = 30;

  private final long everyNanos;
  private final long answerNanos;
  private final Consumer<Door> silent;
  private final ScheduledThreadPoolExecutor looks =
      new ScheduledThreadPoolExecutor(
          1, Thread.ofPlatform().daemon().name("coordinator-pulse").factory());

  Pulse(Duration silenceMax, Consumer<Door> silent) {
    this.everyNanos = Math.max(1, silenceMax.toNanos() / 3);
    this.answerNanos = silenceMax.toNanos() - everyNanos;
    this.silent = silent;
    looks.setRemoveOnCancelPolicy(true);
    looks.setKeepAliveTime(IDLE_SECONDS, TimeUnit.SECONDS);
    looks.allowCoreThreadTimeOut(true);
  }

  /** An answer that is awaited; closed when it came. */
  interface Watch extends AutoCloseable {
    @Override
    void close();
  }

  Watch watch(Door door) {
    try {
      ScheduledFuture<?> look =
          looks.scheduleWithFixedDelay(
              () -> look(door), everyNanos, everyNanos, TimeUnit.NANOSECONDS);
      return () -> look.cancel(false);
    } catch (RejectedExecutionException e) {
      // The client is closed, and its connections with it.
      return () -> {};
    }
  }

  private void look(Door door) {
    if (!door.mayPing()) {
      return;
    }
    HealthGrpc.newStub(door.channel())
        .withDeadlineAfter(answerNanos, TimeUnit.NANOSECONDS)
        .ping(PingRequest.getDefaultInstance(), new Answer(door));
  }

  private final class Answer implements StreamObserver<PingResponse> {
    private final Door door;

    Answer(Door door) {
      this.door = door;
    }

    @Override
    public void onNext(PingResponse answer) {}

    @Override
    public void onError(Throwable failure) {
      door.answered();
      // A refusal is a sign of life, and a broken connection tells its callers itself.
      if (Status.fromThrowable(failure).getCode() == Status.Code.DEADLINE_EXCEEDED) {
        silent.accept(door);
      }
    }

    @Override
    public void onCompleted() {
      door.answered();
    }
  }

  @Override
  public void close() {
    looks.shutdownNow();
  }
}
