package dev.larder.agent.peer;

import dev.larder.agent.fill.FillEngine;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.timeout.IdleStateHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.net.InetSocketAddress;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The door that serves other members: asks and reports to this node's tracker, ranges and digests
 * of its store. Nobody but agents of the cluster gets in.
 *
 * <p><b>Threads:</b> any. <b>Ownership:</b> closes its sockets and threads, never store or engine.
 */
final class PeerDoor implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(PeerDoor.class);
  private static final long CLOSE_SECONDS = 5;
  private static final int BACKLOG = 1024;

  private final EventLoopGroup loops;
  private final ThreadPoolExecutor workers;
  private final ChannelGroup channels = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE, true);
  private final AtomicInteger connections = new AtomicInteger();
  private final DoorParts parts;
  private final Channel server;

  private PeerDoor(
      PeerConfig config,
      @Nullable PeerTls tls,
      BlobStore store,
      FillEngine engine,
      TrackerService tracker) {
    boolean epoll = Epoll.isAvailable();
    this.loops =
        new MultiThreadIoEventLoopGroup(
            config.eventLoops(),
            new DefaultThreadFactory("larder-peer-loop", true),
            epoll ? EpollIoHandler.newFactory() : NioIoHandler.newFactory());
    AtomicInteger number = new AtomicInteger();
    this.workers =
        new ThreadPoolExecutor(
            0,
            config.requestsMax(),
            10,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            work ->
                Thread.ofPlatform()
                    .daemon()
                    .name("larder-peer-" + number.incrementAndGet())
                    .unstarted(work));
    this.parts =
        new DoorParts(
            config,
            tls,
            store,
            engine,
            new StoredDigests(store, config.buffersMaxBytes() / 8),
            tracker,
            workers,
            new Semaphore((int) (config.buffersMaxBytes() / PeerConfig.BUFFER_BYTES)),
            new DoorBodies(config.bodiesMaxBytes()),
            new RateCap(config.uploadMax()),
            new LongAdder(),
            new LongAdder(),
            new LongAdder(),
            new LongAdder(),
            new AtomicInteger(),
            new AtomicInteger());
    boolean isOpen = false;
    try {
      this.server = bind(epoll);
      isOpen = true;
    } finally {
      if (!isOpen) {
        stopThreads();
      }
    }
  }

  /**
   * Opens the door.
   *
   * @param tls null where {@code peer.tls} is off
   * @throws LarderException BAD_CONFIG if the address cannot be bound
   */
  static PeerDoor start(
      PeerConfig config,
      @Nullable PeerTls tls,
      BlobStore store,
      FillEngine engine,
      TrackerService tracker) {
    return new PeerDoor(config, tls, store, engine, tracker);
  }

  InetSocketAddress address() {
    return (InetSocketAddress) server.localAddress();
  }

  Map<String, Long> counters() {
    Map<String, Long> out = new LinkedHashMap<>();
    out.put("peer_served_bytes_total", parts.sentBytes().sum());
    out.put("peer_refused_total", parts.refused().sum());
    out.put("peer_foreign_names_total", parts.foreignNames().sum());
    out.put("peer_bodies_total", parts.bodies().taken());
    out.put("peer_trust_ended_total", parts.untrusted().sum());
    return out;
  }

  Map<String, Long> gauges() {
    Map<String, Long> out = new LinkedHashMap<>();
    out.put("peer_connections", (long) connections.get());
    out.put("peer_bodies_bytes", parts.bodies().heldBytes());
    out.put("peer_requests_open", (long) workers.getActiveCount());
    return out;
  }

  @Override
  public void close() {
    server.close().awaitUninterruptibly(CLOSE_SECONDS, TimeUnit.SECONDS);
    channels.close().awaitUninterruptibly(CLOSE_SECONDS, TimeUnit.SECONDS);
    stopThreads();
  }

  private void stopThreads() {
    workers.shutdown();
    try {
      if (!workers.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
        log.warn("peer door's workers still busy, interrupting");
        workers.shutdownNow();
      }
    } catch (InterruptedException e) {
      workers.shutdownNow();
      Thread.currentThread().interrupt();
    }
    loops
        .shutdownGracefully(0, CLOSE_SECONDS, TimeUnit.SECONDS)
        .awaitUninterruptibly(CLOSE_SECONDS, TimeUnit.SECONDS);
  }

  private Channel bind(boolean epoll) {
    Class<? extends ServerChannel> type =
        epoll ? EpollServerSocketChannel.class : NioServerSocketChannel.class;
    PeerConfig config = parts.config();
    var bound =
        new ServerBootstrap()
            .group(loops)
            .channel(type)
            .option(ChannelOption.SO_BACKLOG, BACKLOG)
            .option(ChannelOption.SO_REUSEADDR, true)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childHandler(new Acceptor())
            .bind(config.host(), config.port())
            .awaitUninterruptibly();
    if (!bound.isSuccess()) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG,
          "peer.listen: cannot listen at %s: %s"
              .formatted(config.listen(), ListenFault.why(config.port(), bound.cause())),
          bound.cause());
    }
    return bound.channel();
  }

  private final class Acceptor extends ChannelInitializer<Channel> {
    @Override
    protected void initChannel(Channel channel) {
      PeerConfig config = parts.config();
      PeerTls tls = parts.tls();
      int open = connections.incrementAndGet();
      channel.closeFuture().addListener(done -> connections.decrementAndGet());
      if (open > config.connectionsMax() + 2L * config.askConnectionsMax()) {
        parts.refused().increment();
        channel.close();
        return;
      }
      channels.add(channel);
      ChannelPipeline pipeline = channel.pipeline();
      if (tls != null) {
        SslHandler handler = new SslHandler(tls.serverEngine());
        handler.setHandshakeTimeoutMillis(config.progressDeadline().toMillis());
        pipeline.addLast(handler);
      }
      DoorConnection connection = new DoorConnection(parts);
      pipeline
          .addLast(
              new IdleStateHandler(0, 0, config.idleTimeout().toMillis(), TimeUnit.MILLISECONDS))
          .addLast(new HttpServerCodec())
          .addLast(new DoorIntake(parts, connection::isTrusted))
          .addLast(connection);
    }
  }
}
