package dev.larder.origin;

import dev.larder.origin.Origin.OriginRead;
import dev.larder.origin.OriginMetrics.Operation;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A range that goes on from its last byte when an answer breaks off. Holds one of the origin's
 * connections until the range is done, failed or closed. One thread, except {@link #cut}.
 */
final class RetryingRead implements OriginRead {
  // An origin that breaks off each answer after a few bytes would otherwise be asked for ever.
  private static final long PROGRESS_BYTES = 1 << 20;

  private final Requests requests;
  private final OriginObject object;
  private final RangeBody.Opener opener;
  private final Watch watch;
  private final Retries retries;
  private final long end;
  private long position;
  private long attemptStart;
  private Optional<ContentChecksum> checksum = Optional.empty();
  private boolean holdsConnection;
  private boolean closed;
  private volatile @Nullable RangeBody body;

  RetryingRead(
      Requests requests, OriginObject object, long offset, long length, RangeBody.Opener opener) {
    this.requests = requests;
    this.object = object;
    this.opener = opener;
    this.watch = requests.newWatch();
    this.retries = new Retries(requests);
    this.position = offset;
    this.end = offset + length;
  }

  void start() {
    requests.acquire();
    holdsConnection = true;
    requests.opened(this);
    attempt(() -> bodyAtPosition());
  }

  @Override
  public int read(ByteBuffer target) {
    if (closed) {
      throw new LarderException(ErrorCode.CLOSED, object.uri() + ": this read is closed");
    }
    if (position == end) {
      return -1;
    }
    if (!target.hasRemaining()) {
      return 0;
    }
    int limit = target.limit();
    int wanted = requests.readBytesMax((int) Math.min(target.remaining(), end - position));
    target.limit(target.position() + wanted);
    try {
      int count = attempt(() -> readOnce(target));
      position += count;
      if (position == end) {
        finish();
      }
      requests.spend(count);
      return count;
    } finally {
      target.limit(limit);
    }
  }

  @Override
  public Optional<ContentChecksum> checksum() {
    return checksum;
  }

  @Override
  public void close() {
    closed = true;
    cut();
    letGo();
  }

  /** Drops the connection under whoever reads; any thread. */
  void cut() {
    RangeBody open = body;
    if (open != null) {
      open.abort();
    }
  }

  private int readOnce(ByteBuffer target) throws OriginFailure {
    RangeBody open = bodyAtPosition();
    int count =
        requests.watched(
            watch,
            w -> {
              w.onAbort(open::abort);
              return open.read(target);
            });
    if (count < 0) {
      throw OriginFailure.passing(
          ErrorCode.ORIGIN_UNAVAILABLE,
          object.uri() + " broke off at byte " + position + " of " + end);
    }
    return count;
  }

  private RangeBody bodyAtPosition() throws OriginFailure {
    RangeBody open = body;
    if (open == null) {
      attemptStart = position;
      open = requests.guarded(watch, Operation.READ, w -> opener.open(position, end - position, w));
      body = open;
      if (open.checksum().isPresent()) {
        checksum = open.checksum();
      }
    }
    return open;
  }

  @FunctionalInterface
  private interface Step<T> {
    T run() throws OriginFailure;
  }

  private <T> T attempt(Step<T> step) {
    try {
      while (true) {
        try {
          return step.run();
        } catch (OriginFailure failure) {
          cut();
          body = null;
          if (position - attemptStart >= PROGRESS_BYTES) {
            retries.progressed();
          }
          retries.next(failure);
        }
      }
    } catch (LarderException e) {
      requests.context().metrics().error(e.code());
      close();
      throw e;
    }
  }

  private void finish() {
    RangeBody open = body;
    body = null;
    if (open != null) {
      open.finish();
    }
    letGo();
  }

  private void letGo() {
    body = null;
    if (holdsConnection) {
      holdsConnection = false;
      requests.ended(this);
      requests.release();
    }
  }
}
