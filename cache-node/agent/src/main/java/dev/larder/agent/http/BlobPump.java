package dev.larder.agent.http;

import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.agent.read.BlobRead;
import dev.larder.agent.read.BlobRead.FileSpan;
import dev.larder.agent.read.BlobRead.MemorySpan;
import dev.larder.agent.read.BlobRead.Source;
import dev.larder.agent.read.BlobRead.Span;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** Sends a range of a blob span by span: a worker asks for one, the event loop writes it. */
final class BlobPump implements Runnable {
  /*
   * Concurrency: run() on a worker and write(), written() on the event loop take turns; each hands
   * over to the other through an executor, so no field needs a lock.
   *
   * Spans grow from 1 MiB: a store that checks a span before it hands it out must not let the
   * reader wait for the check of a long one.
   */
  private static final long FIRST_SPAN_BYTES = 1 << 20;

  private final Exchange exchange;
  private final BlobRead read;
  private final FilePlan plan;
  private final long end;
  private long offset;
  private long window = FIRST_SPAN_BYTES;
  private @Nullable Source first;

  BlobPump(Exchange exchange, BlobRead read, FilePlan plan) {
    this.exchange = exchange;
    this.read = read;
    this.plan = plan;
    this.offset = plan.offset();
    this.end = plan.offset() + plan.length();
  }

  @Override
  public void run() {
    try {
      if (plan.length() <= Blocks.SMALL_BLOB_BYTES_MAX) {
        sendAtOnce();
        return;
      }
      Span span = next();
      exchange.channel().eventLoop().execute(() -> write(span));
    } catch (RuntimeException | IOException e) {
      exchange.fail(e);
    }
  }

  /** Counts bytes handed to the reader. */
  static void count(Exchange exchange, Source source, long bytes, boolean isFirst) {
    AgentMetrics metrics = exchange.door().metrics();
    metrics.httpReadBytes(source, bytes);
    if (isFirst) {
      exchange.markBlobRead();
      metrics.httpReadRequest(source);
    }
  }

  private Span next() {
    long want = Math.min(end - offset, window);
    Span span = read.next(offset, want);
    if (span.length() < 1 || span.length() > want) {
      throw new LarderException(
          ErrorCode.INTERNAL,
          "a span of " + span.length() + " bytes where " + want + " were asked");
    }
    window = Math.min(window * 2, exchange.door().config().spanBytesMax());
    return span;
  }

  /** A short range is copied and the blob given back before the answer goes out. */
  private void sendAtOnce() throws IOException {
    ByteBuf content = exchange.allocator().directBuffer((int) plan.length());
    boolean sent = false;
    try {
      while (offset < end) {
        Span span = next();
        copy(span, content);
        tally(span);
        offset += span.length();
      }
      read.root().ifPresent(root -> plan.head().add(FileRoutes.ROOT, root.hex()));
      exchange.closeRead();
      exchange.answer(plan.head(), content);
      sent = true;
    } finally {
      if (!sent) {
        content.release();
      }
    }
  }

  private static void copy(Span span, ByteBuf target) throws IOException {
    switch (span) {
      case MemorySpan memory -> target.writeBytes(memory.bytes().duplicate());
      case FileSpan file -> {
        int length = (int) file.length();
        ByteBuffer view = target.nioBuffer(target.writerIndex(), length);
        long position = file.position();
        while (view.hasRemaining()) {
          int count = file.channel().read(view, position);
          if (count < 0) {
            throw new LarderException(ErrorCode.STORE_CORRUPT, "a stored file is too short");
          }
          position += count;
        }
        target.writerIndex(target.writerIndex() + length);
      }
    }
  }

  private void write(Span span) {
    if (exchange.isOver()) {
      return;
    }
    Channel channel = exchange.channel();
    if (!exchange.isHeadSent()) {
      exchange.markHeadSent();
      read.root().ifPresent(root -> plan.head().add(FileRoutes.ROOT, root.hex()));
      ByteBuf head = channel.alloc().directBuffer(512);
      plan.head().encode(head, exchange.request().http10(), exchange.keepAlive(true));
      channel.write(head);
    }
    Object message =
        switch (span) {
          case FileSpan file -> StoreFileRegion.of(file.channel(), file.position(), file.length());
          case MemorySpan memory -> Unpooled.wrappedBuffer(memory.bytes());
        };
    channel.writeAndFlush(message).addListener(done -> written(done, span));
  }

  private void written(Future<?> done, Span span) {
    if (!done.isSuccess()) {
      Throwable cause = done.cause();
      exchange.fail(
          new LarderException(ErrorCode.CANCELLED, "sending to the client failed", cause));
      return;
    }
    tally(span);
    offset += span.length();
    if (offset == end) {
      exchange.finish(plan.status());
    } else {
      try {
        exchange.door().workers().resume(this);
      } catch (LarderException e) {
        exchange.fail(e);
      }
    }
  }

  private void tally(Span span) {
    count(exchange, span.source(), span.length(), first == null);
    first = first == null ? span.source() : first;
  }
}
