package dev.larder.agent.http;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * A body written by a worker: whole with its length when it is short, else in chunks, the next of
 * which waits until the one before the last is taken. Holds at most two buffers.
 *
 * <p><b>Threads:</b> the worker that made it. <b>Errors:</b> CANCELLED once the client is gone.
 */
final class BodyWriter extends OutputStream {
  private static final int BUFFER_BYTES = 16 << 10;
  private static final byte[] LINE_END = {'\r', '\n'};

  private final Exchange exchange;
  private final ResponseHead head;
  private final byte[] buffer = new byte[BUFFER_BYTES];
  private int count;
  private boolean started;
  private boolean closed;
  private long discarded;
  private @Nullable ChannelFuture last;

  BodyWriter(Exchange exchange, ResponseHead head) {
    this.exchange = exchange;
    this.head = head;
  }

  /** Whether a part is on its way, so that a fault can no longer have a status. */
  boolean isStarted() {
    return started;
  }

  @Override
  public void write(int b) {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes) {
    write(bytes, 0, bytes.length);
  }

  @Override
  public void write(byte[] bytes, int from, int length) {
    int at = from;
    int left = length;
    while (left > 0) {
      if (count == buffer.length) {
        flush();
      }
      int part = Math.min(left, buffer.length - count);
      System.arraycopy(bytes, at, buffer, count, part);
      count += part;
      at += part;
      left -= part;
    }
  }

  /** Sends what is there. */
  @Override
  public void flush() {
    exchange.checkWanted();
    if (exchange.request().isHead()) {
      discarded += count;
      count = 0;
    } else if (count > 0) {
      send(false);
    }
  }

  /** Leaves the body as it is: whoever answers the fault answers or cuts. */
  void abandon() {
    closed = true;
  }

  /** Ends the body and the exchange. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (exchange.request().isHead()) {
      head.contentLength(discarded + count);
      exchange.answer(head, null);
    } else if (!started) {
      head.contentLength(count);
      exchange.answer(head, Unpooled.wrappedBuffer(buffer, 0, count));
    } else {
      send(true);
      exchange.finish(head.status());
    }
  }

  private void send(boolean end) {
    boolean http10 = exchange.request().http10();
    ByteBuf out = exchange.allocator().buffer(count + 512);
    if (!started) {
      started = true;
      head.chunked().encode(out, http10, exchange.keepAlive(false));
    }
    if (count > 0) {
      if (!http10) {
        out.writeBytes(Integer.toHexString(count).getBytes(StandardCharsets.US_ASCII));
        out.writeBytes(LINE_END);
      }
      out.writeBytes(buffer, 0, count);
      if (!http10) {
        out.writeBytes(LINE_END);
      }
      count = 0;
    }
    if (end && !http10) {
      out.writeByte('0').writeBytes(LINE_END).writeBytes(LINE_END);
    }
    ChannelFuture before = last;
    last = exchange.send(out);
    if (before != null) {
      await(before);
    }
  }

  private void await(ChannelFuture future) {
    try {
      future.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CLOSED, "the front door is closing", e);
    }
    if (!future.isSuccess()) {
      throw new LarderException(
          ErrorCode.CANCELLED, "sending to the client failed", future.cause());
    }
  }
}
