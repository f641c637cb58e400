package dev.larder.agent.peer;

import dev.larder.agent.fill.FillEngine;
import dev.larder.agent.peer.DoorRequest.Refusal;
import dev.larder.agent.peer.Messages.Ask;
import dev.larder.agent.peer.Messages.Report;
import dev.larder.agent.peer.Messages.ReportAnswer;
import dev.larder.coordinator.api.ConnectionLife;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.timeout.IdleStateEvent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One member's connection: a request at a time. Asks and reports are answered on the event loop,
 * ranges and digests by a worker. Fields belong to the event loop.
 */
final class DoorConnection extends SimpleChannelInboundHandler<DoorRequest> {
  private static final Logger log = LoggerFactory.getLogger(DoorConnection.class);
  private static final String BLOBS = "/peer/v1/blobs/";

  /** Field of members that know the digests of the blob's stripes; others are told them. */
  static final String BLOCKS_ONLY = "larder-blocks-only";

  private static final int HOLD_MILLIS_MAX = 10_000;

  private final DoorParts door;
  private @Nullable ChannelHandlerContext context;
  private @Nullable DoorRequest next;

  /** Ends the connection if {@link #next} waits for too long. */
  private @Nullable Future<?> leaving;

  private boolean isBusy;

  /** Whether an answer is on its way out, which the member may take or not. */
  private boolean isAnswering;

  /** Which of the door's connections it counts among since its first request. */
  private @Nullable AtomicInteger countedIn;

  /** The member that its certificate was found to speak for. */
  private String provedName = "";

  private boolean hasToldName;

  /** Over a bound: answered, and not kept. */
  private volatile boolean isLast;

  /** Whether what the member proved still holds; null before its first request and without TLS. */
  private volatile @Nullable ConnectionLife life;

  /** By what the member proves to be itself; null before its first word. */
  private @Nullable Long voice;

  DoorConnection(DoorParts door) {
    this.door = door;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    context = ctx;
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) throws Exception {
    DoorRequest waiting = takeNext();
    if (waiting != null) {
      waiting.close();
    }
    AtomicInteger counted = countedIn;
    countedIn = null;
    if (counted != null) {
      counted.decrementAndGet();
    }
    super.channelInactive(ctx);
  }

  @Override
  protected void channelRead0(ChannelHandlerContext ctx, DoorRequest request) {
    if (next != null) {
      // Members ask one thing at a time; what else comes is no member.
      request.close();
      ctx.close();
      return;
    }
    if (isBusy) {
      // The member may have the last byte before this side knows that it is out.
      next = request;
      // No longer than its body may take, as it keeps the room of others.
      leaving =
          ctx.executor()
              .schedule(
                  () -> leave(ctx, request),
                  2 * door.config().progressDeadline().toMillis(),
                  TimeUnit.MILLISECONDS);
      return;
    }
    begin(ctx, request);
  }

  private void leave(ChannelHandlerContext ctx, DoorRequest request) {
    if (next == request) {
      ctx.close();
    }
  }

  private void begin(ChannelHandlerContext ctx, DoorRequest request) {
    // Before the answer, as who got it may ask again.
    byte[] body = request.takeBody();
    isBusy = true;
    // Once more: one that waited may be trusted no longer.
    switch (isTrusted(ctx) ? request.refusal() : Refusal.UNTRUSTED) {
      case NONE -> serve(ctx, request.head(), body);
      case UNTRUSTED -> {
        isLast = true;
        door.untrusted().increment();
        answer(
            ctx.channel(),
            HttpResponseStatus.FORBIDDEN,
            "the certificate that this connection began with is over, or its authority is"
                + " trusted no more");
      }
      case NO_ROOM -> {
        door.refused().increment();
        answer(
            ctx.channel(),
            HttpResponseStatus.SERVICE_UNAVAILABLE,
            "peer.bodies-max bytes of asks and reports are on their way");
      }
      case TOO_LONG -> {
        isLast = true;
        answer(
            ctx.channel(),
            HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE,
            "longer than peer.body-max");
      }
      case NO_LENGTH -> {
        isLast = true;
        answer(ctx.channel(), HttpResponseStatus.LENGTH_REQUIRED, "a body of unknown length");
      }
    }
  }

  private void serve(ChannelHandlerContext ctx, HttpRequest head, byte[] body) {
    String uri = head.uri();
    boolean isRange = head.method().equals(HttpMethod.GET) && !uri.contains("/digests");
    if (!hasRoom(isRange) && isRange) {
      door.refused().increment();
      answer(
          ctx.channel(),
          HttpResponseStatus.SERVICE_UNAVAILABLE,
          "peer.connections-max connections ask for ranges");
      return;
    }
    try {
      if (head.method().equals(HttpMethod.POST)) {
        post(ctx, uri, body);
      } else if (head.method().equals(HttpMethod.GET) && uri.startsWith(BLOBS)) {
        String range = head.headers().get(HttpHeaderNames.RANGE, "");
        get(
            ctx.channel(),
            BlobRequest.parse(
                uri.substring(BLOBS.length()), range, head.headers().contains(BLOCKS_ONLY)));
      } else {
        answer(ctx.channel(), HttpResponseStatus.NOT_FOUND, "no such resource");
      }
    } catch (LarderException e) {
      answerFault(ctx.channel(), e);
    }
  }

  /** Whether what the member proved when it connected still holds. */
  boolean isTrusted(ChannelHandlerContext ctx) {
    PeerTls tls = door.tls();
    if (tls == null) {
      return true;
    }
    ConnectionLife known = life;
    if (known == null) {
      SslHandler handler = ctx.pipeline().get(SslHandler.class);
      known = tls.served(handler.engine().getSession());
      life = known;
    }
    return known.isTrusted();
  }

  /** Whether the present answer is the connection's last; any thread. */
  private boolean endsAfterThis() {
    ConnectionLife known = life;
    return isLast || (known != null && known.isDue());
  }

  /** Whether the door has room for one more connection of this kind; one that it keeps has. */
  private boolean hasRoom(boolean isRange) {
    if (countedIn == null) {
      AtomicInteger counted = isRange ? door.rangeConnections() : door.askConnections();
      int max = isRange ? door.config().connectionsMax() : door.config().askConnectionsMax();
      isLast = counted.incrementAndGet() > max;
      countedIn = counted;
    }
    return !isLast;
  }

  private void post(ChannelHandlerContext ctx, String uri, byte[] body) {
    switch (uri) {
      case "/peer/v1/ask" -> {
        Ask ask = Wire.readAsk(body);
        requireName(ctx, ask.sender().member());
        answer(ctx.channel(), Wire.write(door.tracker().ask(ask, voice(ctx))));
      }
      case "/peer/v1/report" -> {
        Report report = Wire.readReport(body);
        requireName(ctx, report.sender().member());
        report(ctx, report);
      }
      default -> answer(ctx.channel(), HttpResponseStatus.NOT_FOUND, "no such resource");
    }
  }

  /** Trackers send others to whoever asks and reports, and believe its digests: it must be it. */
  private void requireName(ChannelHandlerContext ctx, String member) {
    PeerTls tls = door.tls();
    if (tls == null || member.equals(provedName)) {
      return;
    }
    SslHandler handler = ctx.pipeline().get(SslHandler.class);
    String refusal = tls.refusal(handler.engine().getSession(), member);
    if (refusal != null) {
      door.foreignNames().increment();
      if (!hasToldName) {
        hasToldName = true;
        log.warn("refused peer={} claims member={}", ctx.channel().remoteAddress(), member);
      }
      throw new LarderException(ErrorCode.UNAUTHENTICATED, refusal);
    }
    provedName = member;
  }

  private long voice(ChannelHandlerContext ctx) {
    Long known = voice;
    if (known == null) {
      SslHandler tls = ctx.pipeline().get(SslHandler.class);
      known = tls == null ? 0 : PeerTls.voice(tls.engine().getSession());
      voice = known;
    }
    return known;
  }

  private void report(ChannelHandlerContext ctx, Report report) {
    ReportAnswer now = door.tracker().report(report, voice(ctx));
    // One, as members ask for it: what is held lies outside of peer.bodies-max.
    boolean mayWait =
        report.waitMillis() > 0
            && report.reports().size() <= 1
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
    boolean isLastRange = endsAfterThis();
    RangeAnswer range = new RangeAnswer(channel, door, life, isLastRange);
    try {
      if (request.isDigests()) {
        byte[] digests =
            Wire.write(door.digests().of(request.key(), request.stripe(), request.isListKnown()));
        onLoop(channel, () -> answer(channel, digests));
      } else if (!serveSmall(channel, request, isLastRange)) {
        range.send(door.store(), engine, request.key(), request.first(), request.last());
        onLoop(channel, isLastRange ? channel::close : this::free);
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
  private boolean serveSmall(Channel channel, BlobRequest request, boolean isLastRange) {
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
    if (isLastRange) {
      response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
    }
    door.upload().spend(length);
    door.sentBytes().add(length);
    onLoop(channel, () -> finish(channel, response, isLastRange));
    return true;
  }

  private void answerFault(Channel channel, LarderException e) {
    HttpResponseStatus status =
        switch (e.code()) {
          case UNKNOWN_BLOB, STORE_CORRUPT, CANCELLED -> HttpResponseStatus.NOT_FOUND;
          case UNAUTHENTICATED -> HttpResponseStatus.FORBIDDEN;
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
    boolean isLastAnswer = endsAfterThis();
    if (isLastAnswer) {
      response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
    }
    finish(channel, response, isLastAnswer);
  }

  private void finish(Channel channel, DefaultFullHttpResponse response, boolean isLastAnswer) {
    if (isLastAnswer) {
      channel.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE);
      return;
    }
    isAnswering = true;
    // Not before: a member that asks on and reads nothing would have its answers pile up here.
    channel
        .writeAndFlush(response)
        .addListener(out -> {
          isAnswering = false;
          if (out.isSuccess()) {
            free();
          } else {
            channel.close();
          }
        });
  }

  /** Event loop: the answer is out. */
  private void free() {
    isBusy = false;
    DoorRequest waiting = takeNext();
    ChannelHandlerContext ctx = context;
    if (waiting != null && ctx != null) {
      begin(ctx, waiting);
    }
  }

  private @Nullable DoorRequest takeNext() {
    DoorRequest waiting = next;
    Future<?> timer = leaving;
    next = null;
    leaving = null;
    if (timer != null) {
      timer.cancel(false);
    }
    return waiting;
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
      if (!isBusy || isAnswering) {
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
