package dev.larder.agent.peer;

import dev.larder.agent.peer.DoorRequest.Refusal;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.LastHttpContent;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts one connection's requests together. By its head a request may be refused; its body takes
 * room as it comes, so that one that was only announced keeps nobody out. What is refused is read
 * to its end and dropped: a connection closed with bytes unread would lose the answer.
 *
 * <p>Event loop.
 */
final class DoorIntake extends SimpleChannelInboundHandler<HttpObject> {
  private static final Logger log = LoggerFactory.getLogger(DoorIntake.class);

  /** Most asks; what is longer grows as it comes. */
  private static final int BUFFER_BYTES = 1024;

  private final DoorParts door;
  private final Predicate<ChannelHandlerContext> isTrusted;
  private @Nullable DoorRequest coming;
  private @Nullable Future<?> deadline;

  /** Nothing that comes after this is a request. */
  private boolean isOver;

  /**
   * Of a connection.
   *
   * @param isTrusted whether what the member proved still holds
   */
  DoorIntake(DoorParts door, Predicate<ChannelHandlerContext> isTrusted) {
    this.door = door;
    this.isTrusted = isTrusted;
  }

  @Override
  protected void channelRead0(ChannelHandlerContext ctx, HttpObject part) {
    if (isOver) {
      return;
    }
    if (part.decoderResult().isFailure()) {
      end(ctx);
      return;
    }
    if (part instanceof HttpRequest head) {
      begin(ctx, head);
    }
    DoorRequest request = coming;
    if (request == null || !(part instanceof HttpContent content)) {
      return;
    }
    request.add(content.content());
    if (part instanceof LastHttpContent) {
      coming = null;
      request.end();
      stopClock();
      ctx.fireChannelRead(request);
    }
  }

  private void begin(ChannelHandlerContext ctx, HttpRequest head) {
    DoorBodies bodies = door.bodies();
    long length = HttpUtil.getContentLength(head, 0L);
    boolean isUnknown = HttpUtil.isTransferEncodingChunked(head);
    if (isUnknown || length > door.config().bodyMaxBytes()) {
      // Its end may never come.
      isOver = true;
      Refusal why = isUnknown ? Refusal.NO_LENGTH : Refusal.TOO_LONG;
      ctx.fireChannelRead(DoorRequest.refused(head, why, bodies));
      return;
    }
    int bytes = (int) length;
    if (!isTrusted.test(ctx)) {
      coming = DoorRequest.refused(head, Refusal.UNTRUSTED, bodies);
    } else if (bytes == 0) {
      coming = DoorRequest.of(head, Unpooled.EMPTY_BUFFER, bodies);
    } else {
      ByteBuf body = ctx.alloc().buffer(Math.min(bytes, BUFFER_BYTES), bytes);
      coming = DoorRequest.of(head, body, bodies);
    }
    if (bytes > 0) {
      // As long as a member waits that sends it.
      long millis = 2 * door.config().progressDeadline().toMillis();
      deadline = ctx.executor().schedule(() -> late(ctx), millis, TimeUnit.MILLISECONDS);
    }
  }

  private void late(ChannelHandlerContext ctx) {
    if (coming != null) {
      log.info("peer {} left its request unfinished", ctx.channel().remoteAddress());
      door.refused().increment();
      end(ctx);
    }
  }

  private void end(ChannelHandlerContext ctx) {
    isOver = true;
    drop();
    ctx.close();
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext ctx) {
    isOver = true;
    drop();
  }

  private void drop() {
    stopClock();
    DoorRequest cut = coming;
    coming = null;
    if (cut != null) {
      cut.close();
    }
  }

  private void stopClock() {
    Future<?> running = deadline;
    deadline = null;
    if (running != null) {
      running.cancel(false);
    }
  }
}
