package dev.larder.csi;

import dev.larder.protocol.LarderException;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Does calls, so many at once and no more, and answers them. Any thread. */
final class Calls {
  private static final Logger log = LoggerFactory.getLogger(Calls.class);

  private final int most;
  private final Semaphore free;

  Calls(int most) {
    this.most = most;
    this.free = new Semaphore(most);
  }

  /**
   * Answers a call with what it gives or with its fault.
   *
   * @param what the call and what it is about, for the log; holds no secret
   */
  <T> void answer(StreamObserver<T> out, String what, Supplier<T> call) {
    if (!free.tryAcquire()) {
      out.onError(
          Status.RESOURCE_EXHAUSTED
              .withDescription("csi.calls-max: " + most + " calls are at work")
              .asRuntimeException());
      return;
    }
    T result;
    try {
      result = call.get();
    } catch (LarderException e) {
      log.warn("{} failed code={}: {}", what, e.code(), e.getMessage());
      out.onError(
          Statuses.code(e.code()).toStatus().withDescription(message(e)).asRuntimeException());
      return;
    } catch (StatusRuntimeException e) {
      log.warn("{} refused: {}", what, e.getMessage());
      out.onError(e);
      return;
    } catch (RuntimeException e) {
      log.error("{}: a defect", what, e);
      out.onError(Status.INTERNAL.withDescription("a defect of Larder: " + e).asRuntimeException());
      return;
    } finally {
      free.release();
    }
    if (out instanceof ServerCallStreamObserver<T> server && server.isCancelled()) {
      // Who asked gave up; asking again finds it done.
      return;
    }
    out.onNext(result);
    out.onCompleted();
  }

  private static String message(LarderException e) {
    String text = e.getMessage();
    return text == null || text.isBlank() ? e.code().toString() : text;
  }
}
