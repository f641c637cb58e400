package dev.larder.agent.peer;

import dev.larder.agent.fill.FillEngine;
import dev.larder.agent.peer.Messages.Report;
import dev.larder.agent.peer.Messages.ReportAnswer;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.timeout.IdleStateEvent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One member's connection: a request at a time. Asks and reports are answered on the event loop,
 * ranges and digests by a worker. Fields belong to the event loop.
 */
final class DoorConnection extends SimpleChannelInboundHandler<FullHttpRequest> {
  private static final Logger log = LoggerFactory.getLogger(DoorConnection.class);
  private static final String BLOBS = "/peer/v1/blobs/";
  private static final int HOLD_MILLIS_MAX = 10_000;

  private final DoorParts door;
  private @Nullable ChannelHandlerContext context;
  private @Nullable FullHttpRequest next;
  private boolean isBusy;

  DoorConnection(DoorParts door) {
    this.door = door;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    context = ctx;
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) throws Exception {
    FullHttpRequest waiting = next;
    next = null;
    if (waiting != null) {
      waiting.release();
    }
    super.channelInactive(ctx);
  }

  @Override
  protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) {
    if (request.decoderResult().isFailure() || next != null) {
      // Members ask one thing at a time; what else comes is no member.
      ctx.close();
      return;
    }
    if (isBusy) {
      // The member may have the last byte before this side knows that it is out.
      next = request.retain();
      return;
    }
    begin(ctx, request);
  }

  private void begin(ChannelHandlerContext ctx, FullHttpRequest request) {
    isBusy = true;
    String uri = request.uri();
    try {
      if (request.method().equals(HttpMethod.POST)) {
        byte[] body = ByteBufUtil.getBytes(request.content());
        post(ctx, uri, body);
      } else if (request.method().equals(HttpMethod.GET) && uri.startsWith(BLOBS)) {
        String range = request.headers().get(HttpHeaderNames.RANGE, "");
        get(ctx.channel(), BlobRequest.parse(uri.substring(BLOBS.length()), range));
      } else {
        answer(ctx.channel(), HttpResponseStatus.NOT_FOUND, "no such resource");
      }
    } catch (LarderException e) {
      answerFault(ctx.channel(), e);
    }
  }

  private void post(ChannelHandlerContext ctx, String uri, byte[] body) {
    switch (uri) {
      case "/peer/v1/ask" ->
          answer(ctx.channel(), Wire.write(door.tracker().ask(Wire.readAsk(body))));
      case "/peer/v1/report" -> report(ctx, Wire.readReport(body));
      default -> answer(ctx.channel(), HttpResponseStatus.NOT_FOUND, "no such resource");
    }
  }

  private void report(ChannelHandlerContext ctx, Report report) {
    ReportAnswer now = door.tracker().report(report);
    boolean mayWait =
        report.waitMillis() > 0
            && now.standings().stream().allMatch(each -> each.news().isEmpty() && each.isLive());
    if (!mayWait) {
      answer(ctx.channel(), Wire.write(now));
      return;
    }
    new HeldReport(ctx.channel(), door.tracker(), report, news -> answer(ctx.channel(), news))
        .hold(Math.min(report.waitMillis(), HOLD_MILLIS_MAX));
  }

  private void get(Channel channel, BlobRequest request) {
    try {
      door.workers().execute(() -> serve(channel, request));
    } catch (RejectedExecutionException e) {
      door.refused().increment();
      answer(
          channel, HttpResponseStatus.SERVICE_UNAVAILABLE, "peer.requests-max requests are served");
    }
  }

  /** On a worker. */
  private void serve(Channel channel, BlobRequest request) {
    FillEngine engine = door.engine();
    RangeAnswer range = new RangeAnswer(channel, door);
    try {
      if (request.isDigests()) {
        byte[] digests =
            Wire.write(StoredDigests.of(door.store(), request.key(), request.stripe()));
        onLoop(channel, () -> answer(channel, digests));
      } else if (!serveSmall(channel, request)) {
        range.send(door.store(), engine, request.key(), request.first(), request.last());
        onLoop(channel, this::free);
      }
    } catch (LarderException e) {
      if (range.isBegun()) {
        log.debug("range broken off key={} code={}", request.key(), e.code());
        channel.close();
      } else {
        onLoop(channel, () -> answerFault(channel, e));
      }
    } catch (IOException | RuntimeException e) {
      log.warn("range failed key={}", request.key(), e);
      channel.close();
    }
  }

  /** Answers with a blob that is no file; false when it is none. On a worker. */
  private boolean serveSmall(Channel channel, BlobRequest request) {
    if (request.last() >= Blocks.SMALL_BLOB_BYTES_MAX) {
      return false;
    }
    // Half of the member's patience, so that it hears that there is nothing before it runs out.
    long patience = door.config().progressDeadline().toNanos() / 2;
    Optional<ByteBuffer> small = door.engine().small(request.key(), patience);
    if (small.isEmpty()) {
      return false;
    }
    ByteBuffer content = small.get();
    int size = content.remaining();
    if (request.first() > request.last() || request.last() >= size) {
      throw new LarderException(
          ErrorCode.BAD_RANGE, "the range lies outside of the " + size + " bytes");
    }
    int length = (int) (request.last() - request.first() + 1);
    DefaultFullHttpResponse response =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1,
            HttpResponseStatus.PARTIAL_CONTENT,
            Unpooled.wrappedBuffer(content.slice((int) request.first(), length)));
    response
        .headers()
        .set(
            HttpHeaderNames.CONTENT_RANGE,
            "bytes " + request.first() + "-" + request.last() + "/" + size)
        .set(HttpHeaderNames.CONTENT_LENGTH, length);
    door.upload().spend(length);
    door.sentBytes().add(length);
    onLoop(
        channel,
        () -> {
          channel.writeAndFlush(response);
          free();
        });
    return true;
  }

  private void answerFault(Channel channel, LarderException e) {
    HttpResponseStatus status =
        switch (e.code()) {
          case UNKNOWN_BLOB, STORE_CORRUPT, CANCELLED -> HttpResponseStatus.NOT_FOUND;
          case BAD_RANGE -> HttpResponseStatus.REQUESTED_RANGE_NOT_SATISFIABLE;
          case BAD_KEY, BAD_REQUEST -> HttpResponseStatus.BAD_REQUEST;
          case TOO_MANY, CLOSED -> HttpResponseStatus.SERVICE_UNAVAILABLE;
          default -> HttpResponseStatus.INTERNAL_SERVER_ERROR;
        };
    if (e.code() == ErrorCode.INTERNAL) {
      log.warn("a member's request failed", e);
    }
    answer(channel, status, e.code() + ": " + e.getMessage());
  }

  private void answer(Channel channel, HttpResponseStatus status, String text) {
    answer(channel, status, text.getBytes(StandardCharsets.UTF_8));
  }

  private void answer(Channel channel, byte[] body) {
    answer(channel, HttpResponseStatus.OK, body);
  }

  /** Event loop. */
  private void answer(Channel channel, HttpResponseStatus status, byte[] body) {
    DefaultFullHttpResponse response =
        new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, Unpooled.wrappedBuffer(body));
    response.headers().set(HttpHeaderNames.CONTENT_LENGTH, body.length);
    channel.writeAndFlush(response);
    free();
  }

  /** Event loop: the answer is out. */
  private void free() {
    isBusy = false;
    FullHttpRequest waiting = next;
    ChannelHandlerContext ctx = context;
    next = null;
    if (waiting != null && ctx != null) {
      try {
        begin(ctx, waiting);
      } finally {
        waiting.release();
      }
    }
  }

  private static void onLoop(ChannelHandlerContext ctx, Runnable action) {
    onLoop(ctx.channel(), action);
  }

  private static void onLoop(Channel channel, Runnable action) {
    try {
      channel.eventLoop().execute(action);
    } catch (RejectedExecutionException e) {
      log.debug("the event loop is over, its connections are closed", e);
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) throws Exception {
    if (event instanceof IdleStateEvent) {
      if (!isBusy) {
        ctx.close();
      }
      return;
    }
    super.userEventTriggered(ctx, event);
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    @Nullable Throwable root = cause.getCause() == null ? cause : cause.getCause();
    log.info(
        "peer connection from {} lost: {}", ctx.channel().remoteAddress(), String.valueOf(root));
    ctx.close();
  }
}
