package dev.larder.csi;

import dev.larder.protocol.LarderException;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Does calls, of each kind so many at once and no more, and answers them. So no number of publishes
 * that wait for an origin keeps another volume from being unpublished, or the node from being found
 * healthy; and one pod's do not keep out those of others. Any thread.
 */
final class Calls {
  private static final Logger log = LoggerFactory.getLogger(Calls.class);

  /**
   * What part of the publishes at work may be one pod's: a quarter. A volume asked for again while
   * the first call is at work counts once, as repeats wait for that call and for nothing else.
   */
  private static final int PODS_PART = 4;

  private final int most;
  private final Map<Kind, Semaphore> free = new EnumMap<>(Kind.class);
  private final Map<String, Map<String, Integer>> publishing = new HashMap<>();

  /** Calls that may hold each other up. */
  enum Kind {
    /** Answered from memory. */
    QUICK,
    /** Waits for origins and warm-ups. */
    PUBLISH,
    /** Waits for the keeper. */
    UNPUBLISH,
    /** Waits for origins and the coordinator. */
    CONTROL
  }

  /**
   * @param most calls of each kind
   */
  Calls(int most) {
    this.most = most;
    for (Kind kind : Kind.values()) {
      free.put(kind, new Semaphore(most));
    }
  }

  /** Answers a quick call. */
  <T> void answer(StreamObserver<T> out, String what, Supplier<T> call) {
    answer(out, Kind.QUICK, what, call);
  }

  /**
   * Answers a call with what it gives or with its fault.
   *
   * @param what the call and what it is about, for the log; holds no secret
   */
  <T> void answer(StreamObserver<T> out, Kind kind, String what, Supplier<T> call) {
    Semaphore permits = free.get(kind);
    if (permits == null || !permits.tryAcquire()) {
      refuse(out, "csi.calls-max: " + most + " calls of the kind " + kind + " are at work");
      return;
    }
    Optional<T> result;
    try {
      result = result(out, what, call);
    } finally {
      permits.release();
    }
    if (result.isEmpty()
        || (out instanceof ServerCallStreamObserver<T> server && server.isCancelled())) {
      // It failed, or who asked gave up; asking again finds it done.
      return;
    }
    out.onNext(result.get());
    out.onCompleted();
  }

  /**
   * The same for a publish.
   *
   * @param pod whose volume it is, where that is known
   * @param volume its id
   * @param call given what is completed when the caller hangs up; it ends soon after that
   */
  <T> void publish(
      StreamObserver<T> out,
      Optional<PodRef> pod,
      String volume,
      String what,
      Function<CompletableFuture<Void>, T> call) {
    String whose = pod.map(PodRef::uid).orElse("");
    if (!begin(whose, volume)) {
      refuse(out, "csi.calls-max: so many volumes of this pod are being published already");
      return;
    }
    try {
      answer(out, Kind.PUBLISH, what, () -> untilGone(call));
    } finally {
      end(whose, volume);
    }
  }

  private static <T> T untilGone(Function<CompletableFuture<Void>, T> call) {
    CompletableFuture<Void> gone = new CompletableFuture<>();
    // The call's own listener would be told only after this returns.
    Context context = Context.current();
    Context.CancellationListener listener = cancelled -> gone.complete(null);
    context.addListener(listener, Runnable::run);
    try {
      return call.apply(gone);
    } finally {
      context.removeListener(listener);
    }
  }

  private synchronized boolean begin(String pod, String volume) {
    Map<String, Integer> volumes = publishing.getOrDefault(pod, Map.of());
    if (!pod.isEmpty()
        && !volumes.containsKey(volume)
        && volumes.size() >= Math.max(1, most / PODS_PART)) {
      return false;
    }
    publishing.computeIfAbsent(pod, any -> new HashMap<>()).merge(volume, 1, Integer::sum);
    return true;
  }

  private synchronized void end(String pod, String volume) {
    Map<String, Integer> volumes = publishing.get(pod);
    if (volumes == null) {
      return;
    }
    volumes.computeIfPresent(volume, (any, now) -> now > 1 ? now - 1 : null);
    if (volumes.isEmpty()) {
      publishing.remove(pod);
    }
  }

  private static void refuse(StreamObserver<?> out, String why) {
    out.onError(Status.RESOURCE_EXHAUSTED.withDescription(why).asRuntimeException());
  }

  /** Empty when it failed, which is answered. */
  private static <T> Optional<T> result(StreamObserver<T> out, String what, Supplier<T> call) {
    try {
      return Optional.of(call.get());
    } catch (LarderException e) {
      log.warn("{} failed code={}: {}", what, e.code(), e.getMessage());
      out.onError(
          Statuses.code(e.code())
              .toStatus()
              .withDescription(Statuses.shortened(message(e)))
              .asRuntimeException());
    } catch (StatusRuntimeException e) {
      log.warn("{} refused: {}", what, e.getMessage());
      out.onError(e);
    } catch (RuntimeException e) {
      log.error("{}: a defect", what, e);
      out.onError(Status.INTERNAL.withDescription("a defect of Larder: " + e).asRuntimeException());
    }
    return Optional.empty();
  }

  private static String message(LarderException e) {
    String text = e.getMessage();
    return text == null || text.isBlank() ? e.code().toString() : text;
  }
}
