package dev.larder.coordinator.service;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.DefaultChannelPromise;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The event loops of a server's connections, which take so many and no more: one that is refused is
 * closed before a byte of it is read. gRPC bounds calls and streams of a connection, not how many
 * connections there are.
 *
 * <p>Whoever makes it shuts it down.
 */
final class BoundedLoops extends MultiThreadIoEventLoopGroup {
  private final int max;
  private final Runnable refused;
  private final AtomicInteger open = new AtomicInteger();

  /**
   * Two threads a core.
   *
   * @param max connections at once
   * @param refused told of each that is closed; must not block
   */
  BoundedLoops(int max, Runnable refused) {
    super(0, new DefaultThreadFactory("coordinator-connection", true), handler());
    this.max = max;
    this.refused = refused;
  }

  /** One thread that accepts. */
  static MultiThreadIoEventLoopGroup accepting() {
    return new MultiThreadIoEventLoopGroup(
        1, new DefaultThreadFactory("coordinator-accept", true), handler());
  }

  /** The kind of channel that goes with these loops. */
  static Class<? extends ServerChannel> channelType() {
    return Epoll.isAvailable() ? EpollServerSocketChannel.class : NioServerSocketChannel.class;
  }

  private static IoHandlerFactory handler() {
    return Epoll.isAvailable() ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
  }

  @Override
  public ChannelFuture register(Channel connection) {
    if (open.incrementAndGet() > max) {
      open.decrementAndGet();
      refused.run();
      connection.unsafe().closeForcibly();
      // A failure, Netty would log for each.
      return new DefaultChannelPromise(connection, next()).setSuccess();
    }
    connection.closeFuture().addListener(closed -> open.decrementAndGet());
    return super.register(connection);
  }
}
