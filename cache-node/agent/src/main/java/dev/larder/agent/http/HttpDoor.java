package dev.larder.agent.http;

import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.agent.peer.ListenFault;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.PoolArenaMetric;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The agent's front door, open.
 *
 * <p><b>Threads:</b> any. <b>Ownership:</b> closes its sockets and threads, never the services.
 */
public final class HttpDoor implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(HttpDoor.class);
  private static final int READ_BYTES_MAX = 16 << 10;
  private static final int BACKLOG = 1024;
  private static final long CLOSE_SECONDS = 5;
  private static final byte[] FULL =
      ("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
              + "Connection: close\r\n\r\n")
          .getBytes(StandardCharsets.US_ASCII);

  private final EventLoopGroup loops;
  private final Workers workers;
  private final ChannelGroup channels;
  private final Channel server;
  private final PooledByteBufAllocator allocator;
  private final DoorContext context;

  private HttpDoor(
      EventLoopGroup loops,
      Workers workers,
      ChannelGroup channels,
      Channel server,
      PooledByteBufAllocator allocator,
      DoorContext context) {
    this.context = context;
    this.loops = loops;
    this.workers = workers;
    this.channels = channels;
    this.server = server;
    this.allocator = allocator;
  }

  /**
   * Opens the door.
   *
   * @param token what clients must present; see {@link RunDirectory#token}
   * @throws LarderException BAD_CONFIG if the address cannot be bound
   */
  public static HttpDoor start(HttpDoorConfig config, String token, DoorServices services) {
    boolean epoll = Epoll.isAvailable();
    IoHandlerFactory io = epoll ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
    EventLoopGroup loops =
        new MultiThreadIoEventLoopGroup(
            config.eventLoops(), new DefaultThreadFactory("larder-http-loop", true), io);
    Workers workers = new Workers(config);
    ChannelGroup channels = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE, true);
    AtomicReference<String> address = new AtomicReference<>("");
    DoorContext context = context(config, token, services, workers, channels, address);
    // Chunks of 512 KiB: the default of 4 MiB an event loop is much for connections that buffer
    // no more than their head and one short answer.
    PooledByteBufAllocator allocator =
        new PooledByteBufAllocator(true, 1, config.eventLoops(), 8192, 6);
    boolean open = false;
    try {
      Channel server = bind(config, loops, epoll, context, allocator);
      address.set(text((InetSocketAddress) server.localAddress()));
      services.metrics().watchDoor(context.connections()::get, workers::busy, workers::queued);
      HttpDoor door = new HttpDoor(loops, workers, channels, server, allocator, context);
      open = true;
      return door;
    } finally {
      if (!open) {
        loops.shutdownGracefully(0, CLOSE_SECONDS, TimeUnit.SECONDS);
        workers.close();
      }
    }
  }

  /** Where the door listens. */
  public InetSocketAddress address() {
    return (InetSocketAddress) server.localAddress();
  }

  /** Buffers allocated and not given back; 0 once closed, or something leaks. */
  long activeBuffers() {
    return Stream.concat(
            allocator.metric().directArenas().stream(), allocator.metric().heapArenas().stream())
        .mapToLong(PoolArenaMetric::numActiveAllocations)
        .sum();
  }

  /** Requests that wait for a worker. */
  int queued() {
    return workers.queued();
  }

  /**
   * Takes no connection and begins no request from now on, lets answers in progress end within
   * {@code http.drain-timeout}, cuts what is left, and waits some seconds for the threads. Called
   * again it only waits.
   */
  @Override
  public void close() {
    context.draining().set(true);
    server.close().awaitUninterruptibly(CLOSE_SECONDS, TimeUnit.SECONDS);
    for (Channel channel : channels) {
      Connection connection = channel.pipeline().get(Connection.class);
      if (connection != null) {
        connection.drain();
      }
    }
    boolean drained =
        channels
            .newCloseFuture()
            .awaitUninterruptibly(
                context.config().drainTimeout().toMillis(), TimeUnit.MILLISECONDS);
    if (!drained) {
      log.warn(
          "front door closes with connections={} still at work after http.drain-timeout={}",
          channels.size(),
          context.config().drainTimeout());
    }
    channels.close().awaitUninterruptibly(CLOSE_SECONDS, TimeUnit.SECONDS);
    workers.close();
    loops
        .shutdownGracefully(0, CLOSE_SECONDS, TimeUnit.SECONDS)
        .awaitUninterruptibly(CLOSE_SECONDS, TimeUnit.SECONDS);
  }

  private static DoorContext context(
      HttpDoorConfig config,
      String token,
      DoorServices services,
      Workers workers,
      ChannelGroup channels,
      AtomicReference<String> address) {
    HostCheck hosts =
        new HostCheck(
            config.hostsAllowed().stream()
                .map(name -> name.toLowerCase(Locale.ROOT))
                .collect(Collectors.toUnmodifiableSet()));
    AgentMetrics metrics = services.metrics();
    return new DoorContext(
        config,
        new Gate(hosts, token, config.bodyBytesMax()),
        workers,
        new Dispatcher(services, new StatusRoutes(services, address)),
        metrics,
        metrics.httpReadDuration(),
        channels,
        new AtomicInteger(),
        new AtomicBoolean());
  }

  private static Channel bind(
      HttpDoorConfig config,
      EventLoopGroup loops,
      boolean epoll,
      DoorContext context,
      PooledByteBufAllocator allocator) {
    Class<? extends ServerChannel> type =
        epoll ? EpollServerSocketChannel.class : NioServerSocketChannel.class;
    var future =
        new ServerBootstrap()
            .group(loops)
            .channel(type)
            .option(ChannelOption.SO_BACKLOG, BACKLOG)
            .option(ChannelOption.SO_REUSEADDR, true)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childOption(ChannelOption.ALLOCATOR, allocator)
            .childOption(
                ChannelOption.RCVBUF_ALLOCATOR,
                new AdaptiveRecvByteBufAllocator(512, 2048, READ_BYTES_MAX))
            .childOption(
                ChannelOption.WRITE_BUFFER_WATER_MARK,
                new WriteBufferWaterMark(32 << 10, 128 << 10))
            .childHandler(new Acceptor(context))
            .bind(config.host(), config.port())
            .awaitUninterruptibly();
    if (!future.isSuccess()) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG,
          "http.host, http.port: cannot listen at %s:%d: %s"
              .formatted(
                  config.host(), config.port(), ListenFault.why(config.port(), future.cause())),
          future.cause());
    }
    return future.channel();
  }

  /** Host and port by which clients of this host reach the door. */
  public String localAddress() {
    return text(address());
  }

  private static String text(InetSocketAddress address) {
    // The wildcard is no name that a request may carry as its Host.
    String host =
        address.getAddress().isAnyLocalAddress()
            ? "127.0.0.1"
            : address.getAddress().getHostAddress();
    return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + address.getPort();
  }

  /** Takes connections in, up to their bound. */
  private static final class Acceptor extends ChannelInitializer<Channel> {
    private final DoorContext context;

    Acceptor(DoorContext context) {
      this.context = context;
    }

    @Override
    protected void initChannel(Channel channel) {
      HttpDoorConfig config = context.config();
      int open = context.connections().incrementAndGet();
      channel.closeFuture().addListener(done -> context.connections().decrementAndGet());
      if (open > config.connectionsMax()) {
        context.metrics().httpRejected("connections");
        channel
            .writeAndFlush(Unpooled.wrappedBuffer(FULL))
            .addListener(ChannelFutureListener.CLOSE);
        return;
      }
      context.channels().add(channel);
      channel
          .pipeline()
          .addLast(
              new RequestDecoder(
                  new HttpDecoderConfig()
                      .setMaxInitialLineLength(config.lineBytesMax())
                      .setMaxHeaderSize(config.headerBytesMax())
                      .setMaxChunkSize(READ_BYTES_MAX)))
          .addLast(new Connection(context));
    }
  }
}
