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
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.Map;

/**
 * The event loops of a server's connections, which take so many and no more: one that is refused is
 * closed before a byte of it is read. gRPC bounds calls and streams of a connection, not how many
 * connections there are.
 *
 * <p>Whoever makes it shuts it down.
 */
final class BoundedLoops extends MultiThreadIoEventLoopGroup {
  /**
   * Of all connections one address gets this part: who proves nothing must not keep out everybody.
   */
  private static final int HOST_PART = 8;

  private static final int HOST_LEAST = 64;

  private final int max;
  private final Runnable refused;
  private final int hostMax;
  private final Map<InetAddress, Integer> byHost = new HashMap<>();
  private int open;

  /**
   * Two threads a core.
   *
   * @param max connections at once, an eighth of them (64 at least) of one address
   * @param refused told of each that is closed; must not block
   */
  BoundedLoops(int max, Runnable refused) {
    super(0, new DefaultThreadFactory("coordinator-connection", true), handler());
    this.max = max;
    this.hostMax = Math.max(max / HOST_PART, Math.min(max, HOST_LEAST));
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
    if (!(connection.remoteAddress() instanceof InetSocketAddress remote)) {
      // It went while it waited to be accepted.
      return closed(connection);
    }
    InetAddress host = remote.getAddress();
    if (!take(host)) {
      refused.run();
      return closed(connection);
    }
    connection.closeFuture().addListener(closed -> giveBack(host));
    return super.register(connection);
  }

  private ChannelFuture closed(Channel connection) {
    connection.unsafe().closeForcibly();
    // A failure, Netty would log for each.
    return new DefaultChannelPromise(connection, next()).setSuccess();
  }

  private synchronized boolean take(InetAddress host) {
    int ofHost = byHost.getOrDefault(host, 0);
    if (open == max || ofHost == hostMax) {
      return false;
    }
    open++;
    byHost.put(host, ofHost + 1);
    return true;
  }

  private synchronized void giveBack(InetAddress host) {
    open--;
    byHost.computeIfPresent(host, (any, count) -> count == 1 ? null : count - 1);
  }
}
