package dev.larder.coordinator.api;

import dev.larder.coordinator.api.v1.CoordinatorGrpc;
import dev.larder.coordinator.api.v1.GetStatusRequest;
import dev.larder.coordinator.api.v1.GetStatusResponse;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks several coordinators how they do, all at once and each only once: what is wanted is their
 * own word, not that of whoever answers. Nothing that comes of it turns a client to another
 * coordinator.
 */
final class StatusOfEach {
  private static final Logger log = LoggerFactory.getLogger(StatusOfEach.class);

  private StatusOfEach() {}

  /** The answers that came in time, in the order of the doors; blocks for {@code wait} at most. */
  static List<CoordinatorStatus> ask(List<Door> doors, Duration wait) {
    long end = System.nanoTime() + wait.toNanos();
    List<Answer> answers = new ArrayList<>();
    for (Door door : doors) {
      Answer answer = new Answer(door.address());
      answers.add(answer);
      CoordinatorGrpc.newStub(door.channel())
          .withDeadlineAfter(wait.toNanos(), TimeUnit.NANOSECONDS)
          .getStatus(GetStatusRequest.getDefaultInstance(), answer);
    }
    List<CoordinatorStatus> heard = new ArrayList<>();
    answers.forEach(answer -> answer.until(end).ifPresent(heard::add));
    return heard;
  }

  private static final class Answer implements StreamObserver<GetStatusResponse> {
    private final String address;
    private final CompletableFuture<Optional<CoordinatorStatus>> status = new CompletableFuture<>();

    Answer(String address) {
      this.address = address;
    }

    Optional<CoordinatorStatus> until(long endNanos) {
      try {
        return status.get(Math.max(0, endNanos - System.nanoTime()), TimeUnit.NANOSECONDS);
      } catch (TimeoutException e) {
        log.debug("coordinator at {} does not say in time how it does", address);
        return Optional.empty();
      } catch (ExecutionException e) {
        log.debug("coordinator at {} does not say how it does", address, e.getCause());
        return Optional.empty();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new LarderException(
            ErrorCode.CANCELLED, "interrupted while the coordinators were asked how they do", e);
      }
    }

    @Override
    public void onNext(GetStatusResponse answer) {
      status.complete(Optional.of(Protos.read(answer)));
    }

    @Override
    public void onError(Throwable failure) {
      status.completeExceptionally(failure);
    }

    @Override
    public void onCompleted() {
      // Without an answer before it, where the other end breaks the rules.
      status.complete(Optional.empty());
    }
  }
}
