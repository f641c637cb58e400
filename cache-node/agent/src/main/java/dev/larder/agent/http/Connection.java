package dev.larder.agent.http;

import dev.larder.agent.http.Gate.Checked;
import dev.larder.protocol.ErrorCode;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One connection: requests in, one at work at a time, answers out in order. */
final class Connection extends ChannelInboundHandlerAdapter {
  /*
   * Concurrency: every field is owned by the channel's event loop, which alone writes them; workers
   * reach it through run().
   *
   * Pipelining: what was decoded while a request is at work waits in a queue, and the socket is not
   * read on as long as the queue holds anything; so a connection holds at most one read's worth of
   * requests. With an empty queue reading stays on, because that is how a client's leaving is seen.
   *
   * Back-pressure: a request is begun only while the channel is writable, and a blob's next bytes
   * are asked for only when those before are written.
   */
  private static final Logger log = LoggerFactory.getLogger(Connection.class);

  /** One read of 16 KiB holds more only of requests too short to carry a token. */
  private static final int QUEUE_MAX = 512;

  private static final byte[] EMPTY = {};
  private static final int LINGER_SECONDS = 2;
  private static final long LINGER_BYTES_MAX = 1 << 20;
  private static final byte[] CONTINUE =
      "HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

  private final DoorContext door;
  private final Deque<Object> queue = new ArrayDeque<>(4);
  private @Nullable ChannelHandlerContext context;
  private @Nullable Incoming incoming;
  private @Nullable Exchange current;
  private boolean advancing;
  private boolean reading;
  private boolean flushNeeded;
  private volatile boolean ending;
  private long lingerBytes;
  private long quietSinceNanos;
  private long progress;

  Connection(DoorContext door) {
    this.door = door;
  }

  /** A request being received. */
  private static final class Incoming {
    final Checked checked;
    final @Nullable ByteArrayOutputStream body;

    Incoming(Checked checked, boolean hasBody) {
      this.checked = checked;
      this.body = hasBody ? new ByteArrayOutputStream(256) : null;
    }
  }

  DoorContext door() {
    return door;
  }

  Channel channel() {
    return ctx().channel();
  }

  /** Whether the connection closes after what is being answered; any thread, may be late. */
  boolean isEnding() {
    return ending || door.draining().get();
  }

  /** Closes the connection unless it is at work, in which case it closes after that; any thread. */
  void drain() {
    ChannelHandlerContext ctx = ctx();
    try {
      ctx.executor()
          .execute(() -> {
            boolean waits = current == null && incoming == null && queue.isEmpty();
            if (waits && !ending) {
              ctx.close();
            }
          });
    } catch (RejectedExecutionException e) {
      log.debug("the event loop is over, its connections are closed", e);
    }
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    context = ctx;
    quietSinceNanos = System.nanoTime();
    armWatchdog();
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    reading = true;
    if (ending && current == null) {
      lingerBytes += message instanceof HttpContent part ? part.content().readableBytes() : 64;
      ReferenceCountUtil.release(message);
      if (lingerBytes > LINGER_BYTES_MAX) {
        ctx.close();
      }
      return;
    }
    queue.add(message);
    if (queue.size() > QUEUE_MAX) {
      ctx.close();
      return;
    }
    advance();
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) {
    reading = false;
    if (flushNeeded) {
      flushNeeded = false;
      ctx.flush();
    }
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    if (ctx.channel().isWritable()) {
      advance();
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    ending = true;
    if (current != null) {
      current.end();
      current = null;
    }
    queue.forEach(ReferenceCountUtil::release);
    queue.clear();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    if (cause instanceof IOException) {
      log.debug("connection lost: {}", cause.toString());
    } else {
      log.warn("connection failed", cause);
    }
    ctx.close();
  }

  /** Runs on the event loop unless the exchange is over; then a buffer is given back. */
  void run(Exchange exchange, Runnable action, @Nullable ByteBuf owned) {
    Runnable guarded =
        () -> {
          if (current == exchange) {
            action.run();
          } else if (owned != null) {
            owned.release();
          }
        };
    if (channel().eventLoop().inEventLoop()) {
      guarded.run();
      return;
    }
    try {
      channel().eventLoop().execute(guarded);
    } catch (RejectedExecutionException e) {
      if (owned != null) {
        owned.release();
      }
    }
  }

  /** Event loop: sends a whole answer. */
  void answer(Exchange exchange, ResponseHead head, @Nullable ByteBuf content) {
    boolean keepAlive = exchange.keepAlive(true);
    int length = content == null ? 0 : content.readableBytes();
    ByteBuf out = ctx().alloc().directBuffer(512 + length);
    head.encode(out, exchange.request().http10(), keepAlive);
    if (content != null) {
      out.writeBytes(content);
      content.release();
    }
    ctx().write(out);
    finish(exchange, head.status());
  }

  /** Event loop: reports a fault, or cuts the connection when the head is out. */
  void fail(Exchange exchange, Fault fault) {
    Request request = exchange.request();
    if (fault.status() >= 500) {
      log.warn(
          "request failed: route={} code={}", request.routeLabel(), fault.code(), fault.cause());
    } else {
      log.debug("request refused: route={} fault={}", request.routeLabel(), fault.detail());
    }
    if (exchange.isHeadSent()) {
      door.metrics().httpRequest(request.routeLabel(), fault.status());
      ctx().close();
      return;
    }
    answer(exchange, Problem.head(fault), Problem.body(fault, request.isHead()));
  }

  /** Event loop: the exchange's last byte was written; the next request may begin. */
  void finish(Exchange exchange, int status) {
    door.metrics().httpRequest(exchange.request().routeLabel(), status);
    exchange.end();
    current = null;
    long now = System.nanoTime();
    quietSinceNanos = now;
    if (exchange.isBlobRead()) {
      door.readSeconds().observe((now - exchange.startedNanos()) / 1e9);
    }
    ending |= exchange.closes() || (door.draining().get() && queue.isEmpty());
    if (ending) {
      closeSoftly();
      return;
    }
    if (reading) {
      flushNeeded = true;
    } else {
      ctx().flush();
    }
    advance();
  }

  private void advance() {
    if (advancing) {
      return;
    }
    advancing = true;
    try {
      while (current == null && !ending && channel().isWritable() && !queue.isEmpty()) {
        accept(queue.poll());
      }
    } finally {
      advancing = false;
    }
    boolean read = queue.isEmpty() || ending;
    if (channel().config().isAutoRead() != read) {
      if (!read && flushNeeded) {
        flushNeeded = false;
        ctx().flush();
      }
      channel().config().setAutoRead(read);
    }
  }

  private void accept(Object message) {
    if (message instanceof HttpMessage head && head.decoderResult().isFailure()) {
      refuse(null, Gate.malformed(head.decoderResult().cause()));
      ReferenceCountUtil.release(message);
    } else if (message instanceof HttpRequest head) {
      receive(head);
    } else if (message instanceof HttpContent part) {
      try {
        receive(part);
      } finally {
        part.release();
      }
    } else {
      ReferenceCountUtil.release(message);
    }
  }

  private void receive(HttpRequest head) {
    Checked checked = door.gate().check(head);
    boolean hasBody =
        HttpUtil.isTransferEncodingChunked(head) || HttpUtil.getContentLength(head, 0L) > 0;
    Fault fault = checked.fault();
    if (fault != null && (hasBody || fault.status() == 505)) {
      refuse(checked.request(), fault);
      return;
    }
    if (hasBody && head.headers().contains(HttpHeaderNames.EXPECT)) {
      ctx().writeAndFlush(Unpooled.wrappedBuffer(CONTINUE));
    }
    incoming = new Incoming(checked, hasBody);
  }

  private void receive(HttpContent part) {
    Incoming request = incoming;
    if (request == null) {
      return;
    }
    if (part.decoderResult().isFailure()) {
      refuse(request.checked.request(), Gate.malformed(part.decoderResult().cause()));
      return;
    }
    ByteArrayOutputStream body = request.body;
    if (body != null) {
      if (body.size() + part.content().readableBytes() > door.config().bodyBytesMax()) {
        refuse(request.checked.request(), door.gate().bodyTooLarge());
        return;
      }
      byte[] bytes = new byte[part.content().readableBytes()];
      part.content().readBytes(bytes);
      body.writeBytes(bytes);
    }
    if (part instanceof LastHttpContent) {
      incoming = null;
      byte[] bytes = body == null ? EMPTY : body.toByteArray();
      Exchange exchange = new Exchange(request.checked.request(), bytes, this);
      current = exchange;
      Fault fault = request.checked.fault();
      if (fault == null && door.draining().get()) {
        fault = Fault.of(ErrorCode.CLOSED, "the agent is stopping");
      } else if (fault == null) {
        fault = door.gate().checkContent(bytes);
      }
      if (fault != null) {
        fail(exchange, fault);
      } else {
        door.dispatcher().dispatch(exchange);
      }
    }
  }

  /** Answers a request whose rest is not wanted, and closes. */
  private void refuse(@Nullable Request request, Fault fault) {
    incoming = null;
    ending = true;
    Exchange exchange = new Exchange(request == null ? Problem.UNREADABLE : request, EMPTY, this);
    current = exchange;
    fail(exchange, fault);
  }

  /**
   * Closes so that the client can read the answer although it may still be sending: a close with
   * unread input would reset the connection and the answer with it.
   */
  private void closeSoftly() {
    queue.forEach(ReferenceCountUtil::release);
    queue.clear();
    ChannelHandlerContext ctx = ctx();
    ctx.writeAndFlush(Unpooled.EMPTY_BUFFER)
        .addListener(
            (ChannelFutureListener)
                done -> {
                  if (!done.isSuccess() || !(ctx.channel() instanceof DuplexChannel duplex)) {
                    ctx.close();
                    return;
                  }
                  duplex.shutdownOutput();
                  ctx.channel().config().setAutoRead(true);
                  ctx.executor().schedule(() -> ctx.close(), LINGER_SECONDS, TimeUnit.SECONDS);
                });
  }

  private void armWatchdog() {
    long millis =
        Math.min(door.config().idleTimeout().toMillis(), door.config().stallTimeout().toMillis());
    long period = Math.clamp(millis / 4, 5, 5000);
    ctx().executor().schedule(this::watch, period, TimeUnit.MILLISECONDS);
  }

  /** Closes a connection on which nothing moves. */
  private void watch() {
    if (!channel().isActive()) {
      return;
    }
    long now = System.nanoTime();
    ChannelOutboundBuffer out = channel().unsafe().outboundBuffer();
    boolean pending = out != null && !out.isEmpty();
    if (out != null && pending) {
      long state = out.totalPendingWriteBytes() * 31 + out.currentProgress();
      if (state != progress) {
        progress = state;
        quietSinceNanos = now;
      } else if (now - quietSinceNanos > door.config().stallTimeout().toNanos()) {
        log.debug("reader takes nothing, closing");
        ctx().close();
        return;
      }
    } else if (current != null) {
      quietSinceNanos = now;
    } else if (now - quietSinceNanos > door.config().idleTimeout().toNanos()) {
      ctx().close();
      return;
    }
    armWatchdog();
  }

  private ChannelHandlerContext ctx() {
    if (context == null) {
      throw new IllegalStateException("not in a pipeline");
    }
    return context;
  }
}
