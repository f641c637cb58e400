package dev.larder.agent.peer;

import dev.larder.agent.fill.Members.MemberRead;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/** The body of a range a member serves. One thread; {@link #close} from any. */
final class RangeRead implements MemberRead {
  private static final int SCRATCH_BYTES = 64 << 10;

  /** Less than this within the progress deadline is no progress. */
  private static final int PROGRESS_BYTES = 16 << 10;

  private final ConnectionPool pool;
  private final PeerConnection connection;
  private final boolean isChunked;
  private final byte[] scratch = new byte[SCRATCH_BYTES];
  private final AtomicBoolean isClosed = new AtomicBoolean();

  /** Bytes of the range still to come, if the member has them all. */
  private long left;

  /** Bytes of the present chunk still to come; the whole body where there are no chunks. */
  private long inChunk;

  private final RateCap download;
  private final long deadlineNanos;
  private final ScheduledFuture<?> watch;

  /** Time spent waiting for the member, framing too, since the window began. */
  private long waitedNanos;

  private long windowBytes;
  private volatile boolean isReading;
  private volatile long readingSinceNanos;
  private volatile boolean isCut;
  private boolean isFirstChunk = true;
  private volatile boolean isEnded;

  /** The range asked for. */
  record Asked(long offset, long length) {}

  /**
   * How long a member may send next to nothing.
   *
   * @param clock sees to it while the reading thread hangs, as in half a TLS record
   */
  record Patience(long deadlineNanos, ScheduledExecutorService clock) {}

  /** Checks that the answer is the range asked for; BAD_RANGE if not. */
  RangeRead(
      ConnectionPool pool,
      PeerConnection connection,
      PeerConnection.Head head,
      Asked asked,
      RateCap download,
      Patience patience) {
    this.download = download;
    this.deadlineNanos = patience.deadlineNanos;
    this.pool = pool;
    this.connection = connection;
    this.isChunked = head.length() < 0;
    this.left = asked.length;
    this.inChunk = Math.max(0, head.length());
    String expected = "bytes " + asked.offset + "-" + (asked.offset + asked.length - 1) + "/";
    if (!head.fields().getOrDefault("content-range", "").startsWith(expected)
        || (!isChunked && head.length() != asked.length)) {
      throw new LarderException(ErrorCode.BAD_RANGE, "a member answered with another range");
    }
    this.watch = watch(patience.clock);
  }

  private ScheduledFuture<?> watch(ScheduledExecutorService clock) {
    long period = Math.max(1, deadlineNanos / 2);
    try {
      return clock.scheduleWithFixedDelay(this::look, period, period, TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      throw new LarderException(ErrorCode.CLOSED, "the node is leaving its cluster", e);
    }
  }

  /** The clock's: one wait longer than two deadlines comes to nothing. */
  private void look() {
    if (isReading && System.nanoTime() - readingSinceNanos > 2 * deadlineNanos) {
      isCut = true;
      connection.abort();
    }
  }

  @Override
  public int read(ByteBuffer target) {
    long began = System.nanoTime();
    readingSinceNanos = began;
    isReading = true;
    int count;
    try {
      count = take(target);
    } catch (SocketTimeoutException e) {
      throw new LarderException(ErrorCode.DEADLINE, "a member sends nothing any more", e);
    } catch (IOException e) {
      PeerClient.checkInterrupted(e);
      throw new LarderException(
          isCut ? ErrorCode.DEADLINE : ErrorCode.AGENT_UNAVAILABLE,
          "a member broke off: " + e.getMessage(),
          e);
    } finally {
      isReading = false;
    }
    if (count > 0) {
      checkProgress(count, System.nanoTime() - began);
      download.spend(count);
    }
    return count;
  }

  private int take(ByteBuffer target) throws IOException {
    if (isEnded || (left == 0 && !isChunked)) {
      isEnded = true;
      return -1;
    }
    if (inChunk == 0) {
      inChunk = connection.chunkSize(isFirstChunk);
      isFirstChunk = false;
      if (inChunk == 0) {
        isEnded = true;
        return -1;
      }
      if (inChunk > left) {
        throw new LarderException(ErrorCode.BAD_RANGE, "a member sent more than the range");
      }
    }
    int want = (int) Math.min(Math.min(scratch.length, target.remaining()), inChunk);
    int count = connection.read(scratch, want);
    target.put(scratch, 0, count);
    left -= count;
    inChunk -= count;
    isEnded = left == 0 && !isChunked;
    return count;
  }

  @Override
  public boolean isMoreToCome() {
    return isEnded && isChunked && left > 0 && connection.isMoreToCome();
  }

  /** After the last byte of a chunked range its end is read, so that the connection can be kept. */
  @Override
  public void close() {
    if (!isClosed.compareAndSet(false, true)) {
      return;
    }
    boolean isFree = isEnded || (left == 0 && isChunked && readEnd());
    if (isFree) {
      pool.give(connection);
    } else {
      connection.abort();
    }
    watch.cancel(false);
    pool.leave();
  }

  private void checkProgress(int count, long nanos) {
    windowBytes += count;
    waitedNanos += nanos;
    if (windowBytes >= PROGRESS_BYTES) {
      waitedNanos = 0;
      windowBytes = 0;
    } else if (waitedNanos > deadlineNanos) {
      throw new LarderException(ErrorCode.DEADLINE, "a member sends next to nothing");
    }
  }

  private boolean readEnd() {
    readingSinceNanos = System.nanoTime();
    isReading = true;
    try {
      return inChunk == 0 && connection.chunkSize(isFirstChunk) == 0;
    } catch (IOException e) {
      return false;
    } finally {
      isReading = false;
    }
  }
}
