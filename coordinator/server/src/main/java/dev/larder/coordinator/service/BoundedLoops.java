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
import java.net.SocketAddress;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * The event loops of a server's connections, which take so many and no more: one that is refused is
 * closed before a byte of it is read. gRPC bounds calls and streams of a connection, not how many
 * connections there are.
 *
 * <p>Whoever makes it shuts it down.
 */
final class BoundedLoops extends MultiThreadIoEventLoopGroup {
  /**
   * These parts of all connections may be in their handshake, of all addresses and of one: who
   * proves nothing must neither take the heap nor keep out everybody.
   */
  private static final int UNPROVED_PART = 24;

  private static final int UNPROVED_HOST_PART = 96;
  private static final int UNPROVED_LEAST = 64;

  private final int max;
  private final Runnable refused;
  private final int unprovedMax;
  private final int unprovedHostMax;
  private final Map<InetAddress, Integer> unprovedByHost = new HashMap<>();
  private final Set<InetSocketAddress> unproved = new HashSet<>();
  private int open;

  /**
   * Two threads a core.
   *
   * @param max connections at once
   * @param refused told of each that is closed; must not block
   */
  BoundedLoops(int max, Runnable refused) {
    super(0, new DefaultThreadFactory("coordinator-connection", true), handler());
    this.max = max;
    this.unprovedMax = Math.max(UNPROVED_LEAST, max / UNPROVED_PART);
    this.unprovedHostMax = Math.max(UNPROVED_LEAST, max / UNPROVED_HOST_PART);
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
    if (!take(remote)) {
      refused.run();
      return closed(connection);
    }
    connection.closeFuture().addListener(closed -> giveBack(remote));
    return super.register(connection);
  }

  private ChannelFuture closed(Channel connection) {
    connection.unsafe().closeForcibly();
    // A failure, Netty would log for each.
    return new DefaultChannelPromise(connection, next()).setSuccess();
  }

  private synchronized boolean take(InetSocketAddress remote) {
    int ofHost = unprovedByHost.getOrDefault(remote.getAddress(), 0);
    if (open == max || unproved.size() == unprovedMax || ofHost == unprovedHostMax) {
      return false;
    }
    open++;
    unproved.add(remote);
    unprovedByHost.put(remote.getAddress(), ofHost + 1);
    return true;
  }

  /** The other end of a connection showed a certificate that is trusted. */
  synchronized void proved(SocketAddress remote) {
    if (remote instanceof InetSocketAddress known && unproved.remove(known)) {
      unprovedByHost.computeIfPresent(
          known.getAddress(), (any, count) -> count == 1 ? null : count - 1);
    }
  }

  private synchronized void giveBack(InetSocketAddress remote) {
    open--;
    proved(remote);
  }
}
