package dev.larder.csi;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * One change of a target at work. Its thread is never interrupted, as it may stand in a file of the
 * store; where it waits it looks whether it was called off. Any thread.
 */
final class Work {
  /** What is done. */
  enum Kind {
    PUBLISH,
    UNPUBLISH
  }

  private final Kind kind;
  private final String asked;
  private final long began;
  private final CompletableFuture<Void> done = new CompletableFuture<>();
  private final CompletableFuture<Void> calledOff = new CompletableFuture<>();

  /**
   * @param asked tells requests apart
   * @param began when the call that began it came, as {@link System#nanoTime} says
   */
  Work(Kind kind, String asked, long began) {
    this.kind = kind;
    this.asked = asked;
    this.began = began;
  }

  Kind kind() {
    return kind;
  }

  boolean isFor(Kind other, String otherAsked) {
    return kind == other && asked.equals(otherAsked);
  }

  /** Since the call that began it came. */
  double seconds() {
    return (System.nanoTime() - began) / 1e9;
  }

  void end() {
    done.complete(null);
  }

  void end(Throwable fault) {
    done.completeExceptionally(fault);
  }

  /** Has it end as soon as it waits for something. */
  void callOff() {
    calledOff.complete(null);
  }

  /**
   * Waits for its end.
   *
   * @return false when the time is over
   */
  boolean await(Duration most) {
    return await(most, new CompletableFuture<>());
  }

  /**
   * The same for somebody who may give up meanwhile.
   *
   * @param gone completed when that happens
   * @return false when the time is over, or the other is gone
   */
  boolean await(Duration most, CompletableFuture<Void> gone) {
    try {
      Object unused = CompletableFuture.anyOf(done, gone).get(most.toNanos(), TimeUnit.NANOSECONDS);
      return done.isDone();
    } catch (TimeoutException e) {
      return false;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException fault) {
        throw fault;
      }
      throw new IllegalStateException("publishing or unpublishing", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted", e);
    }
  }

  /** Waits for its end, however it ends. */
  boolean awaitQuietly(Duration most) {
    try {
      return await(most);
    } catch (RuntimeException e) {
      return true;
    }
  }

  /**
   * Its own thread waits a moment.
   *
   * @throws LarderException CANCELLED once it was called off
   */
  void pause(Duration most) {
    try {
      calledOff.get(most.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      return;
    } catch (ExecutionException | InterruptedException e) {
      throw new LarderException(ErrorCode.CANCELLED, "interrupted", e);
    }
    throw new LarderException(ErrorCode.CANCELLED, "the volume is being unpublished");
  }

  /**
   * Its own thread waits for a result.
   *
   * @throws LarderException CANCELLED once it was called off, else the fault of the result
   */
  <T> T await(CompletableFuture<T> result) {
    try {
      Object unused = CompletableFuture.anyOf(result, calledOff).get();
      if (!result.isDone()) {
        throw new LarderException(ErrorCode.CANCELLED, "the volume is being unpublished");
      }
      return result.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException fault) {
        throw fault;
      }
      throw new IllegalStateException("waiting for a dataset", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted", e);
    }
  }
}
