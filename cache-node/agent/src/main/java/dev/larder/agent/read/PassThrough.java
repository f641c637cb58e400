package dev.larder.agent.read;

import dev.larder.agent.fill.FillCounters;
import dev.larder.agent.fill.FillSource;
import dev.larder.origin.Origin.OriginRead;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * One reader's way past the store: bytes go from the origin to the reader and are not kept. One
 * thread at a time.
 */
final class PassThrough implements AutoCloseable {
  private static final int BUFFER_BYTES = 256 << 10;

  private final FillSource source;
  private final FillCounters counters;
  private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
  private @Nullable OriginRead in;
  private long position;
  private long end;

  PassThrough(FillSource source, FillCounters counters) {
    this.source = source;
    this.counters = counters;
  }

  /** Whether the next byte of the running request is at an offset. */
  boolean continuesAt(long offset) {
    return in != null && position == offset && position < end;
  }

  /** Ends the running request and starts another. */
  void open(long offset, long length) {
    close();
    counters.passThroughReads.increment();
    try {
      in = source.origin().open(source.object(), offset, length);
    } catch (LarderException e) {
      counters.requestEnded(source, e);
      throw e;
    }
    position = offset;
    end = offset + length;
  }

  /** At least one byte of the running request; valid until the next call. */
  ByteBuffer next(long lengthMax) {
    OriginRead reading = in;
    if (reading == null) {
      throw new IllegalStateException("no request is running");
    }
    buffer.clear().limit((int) Math.min(buffer.capacity(), Math.min(lengthMax, end - position)));
    int count;
    try {
      count = reading.read(buffer);
    } catch (LarderException e) {
      in = null;
      reading.close();
      counters.requestEnded(source, e);
      throw e;
    }
    if (count < 0) {
      throw new LarderException(
          ErrorCode.ORIGIN_UNAVAILABLE,
          source.object().uri() + " ended at byte " + position + " of " + end);
    }
    position += count;
    counters.bytesCame(source, count);
    counters.passThroughBytes.add(count);
    return buffer.flip().asReadOnlyBuffer();
  }

  @Override
  public void close() {
    OriginRead reading = in;
    if (reading != null) {
      in = null;
      reading.close();
      counters.requestEnded(source, null);
    }
  }
}
