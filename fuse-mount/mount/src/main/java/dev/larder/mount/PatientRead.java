package dev.larder.mount;

import dev.larder.agent.read.BlobRead;
import dev.larder.origin.SecretMemory;
import dev.larder.origin.SecretMemory.Lack;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A read that waits for a secret of its origin which this agent was not given yet, as after its
 * restart. It waits on the reader's own thread and holds no turn of the fill engine, so others'
 * fills go on, and it hands out meanwhile what is here. Threads as the read's.
 */
final class PatientRead implements BlobRead {
  private final BlobRead read;
  private final long mostNanos;
  private final CompletableFuture<Void> closed = new CompletableFuture<>();

  /**
   * Takes a read over; it is closed with this.
   *
   * @param most longest wait of one {@link #next}; then the fault that says what is lacking
   */
  PatientRead(BlobRead read, Duration most) {
    this.read = read;
    this.mostNanos = most.toNanos();
  }

  @Override
  public BlobKey key() {
    return read.key();
  }

  @Override
  public long sizeBytes() {
    return read.sizeBytes();
  }

  @Override
  public boolean isLocal() {
    return read.isLocal();
  }

  @Override
  public Optional<Digest> root() {
    return read.root();
  }

  @Override
  public Span next(long offset, long lengthMax) {
    long end = System.nanoTime() + mostNanos;
    while (true) {
      try {
        return read.next(offset, lengthMax);
      } catch (LarderException e) {
        Lack lack = SecretMemory.lackBehind(e).orElseThrow(() -> e);
        if (!await(lack, end - System.nanoTime())) {
          throw e;
        }
      }
    }
  }

  private boolean await(Lack lack, long nanos) {
    CompletableFuture<Void> given = lack.given();
    try {
      Object unused =
          CompletableFuture.anyOf(given, closed).get(Math.max(0, nanos), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted while waiting", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("waiting for a secret", e.getCause());
    } finally {
      given.cancel(false);
    }
    if (closed.isDone()) {
      throw new LarderException(ErrorCode.CANCELLED, "the read was closed");
    }
    return true;
  }

  @Override
  public void close() {
    closed.complete(null);
    read.close();
  }
}
