package dev.larder.csi;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A gRPC server on a Unix socket that only this user may open. A socket that is there already is
 * taken for a dead process's: who serves it is told apart by the run directory's lock.
 *
 * <p><b>Threads:</b> handlers run on virtual threads; {@link Calls} bounds them. <b>Ownership:</b>
 * {@link #close} ends the calls at work and takes the socket away, if it is still its own.
 */
final class UnixServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(UnixServer.class);
  private static final int MESSAGE_BYTES_MAX = 1 << 20;
  private static final int HEADER_BYTES_MAX = 8 << 10;
  private static final int CLOSE_SECONDS = 5;

  /**
   * Where a socket is bound before it gets its name. Netty deletes whatever is at the place that it
   * bound when it closes, and that may be another's socket by then. Kubelet passes over such names.
   */
  private static final String BINDING = ".new";

  private final Path socket;
  private final Server server;
  private final EventLoopGroup loops;
  private final ExecutorService handlers;
  private final Object identity;

  private UnixServer(
      Path socket, Server server, EventLoopGroup loops, ExecutorService handlers, Object identity) {
    this.socket = socket;
    this.server = server;
    this.loops = loops;
    this.handlers = handlers;
    this.identity = identity;
  }

  /**
   * Binds and serves.
   *
   * @throws LarderException BAD_CONFIG when the socket cannot be made
   */
  static UnixServer start(Path socket, List<BindableService> services) {
    EventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
    ExecutorService handlers =
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("csi-call-", 0).factory());
    Path binding = socket.resolveSibling(BINDING);
    @Nullable Server server = null;
    try {
      removeStale(binding);
      NettyServerBuilder builder =
          NettyServerBuilder.forAddress(new DomainSocketAddress(binding.toFile()))
              .channelType(EpollServerDomainSocketChannel.class)
              .bossEventLoopGroup(loops)
              .workerEventLoopGroup(loops)
              // One of TCP's alone.
              .withChildOption(ChannelOption.SO_KEEPALIVE, null)
              .executor(handlers)
              .maxInboundMessageSize(MESSAGE_BYTES_MAX)
              .maxInboundMetadataSize(HEADER_BYTES_MAX);
      services.forEach(builder::addService);
      server = builder.build().start();
      Files.setPosixFilePermissions(binding, PosixFilePermissions.fromString("rw-------"));
      removeStale(socket);
      Files.move(binding, socket, StandardCopyOption.ATOMIC_MOVE);
      return new UnixServer(socket, server, loops, handlers, identity(socket));
    } catch (IOException e) {
      if (server != null) {
        // Which takes the file away that it bound.
        server.shutdownNow();
      }
      var unused = loops.shutdownGracefully(0, CLOSE_SECONDS, TimeUnit.SECONDS);
      handlers.shutdown();
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "cannot listen on the socket " + socket + ": " + e.getMessage(), e);
    }
  }

  private static void removeStale(Path socket) throws IOException {
    if (!Files.exists(socket, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    boolean isSocket =
        (Integer.parseInt(
                    Files.getAttribute(socket, "unix:mode", LinkOption.NOFOLLOW_LINKS).toString())
                & 0170000)
            == 0140000;
    if (!isSocket) {
      throw new IOException("something else than a socket is there");
    }
    Files.delete(socket);
  }

  /** With the time, as a file system gives an inode's number again at once. */
  private static Object identity(Path socket) throws IOException {
    return Files.readAttributes(socket, "unix:dev,ino,ctime", LinkOption.NOFOLLOW_LINKS);
  }

  /** Whether the socket that was bound is still in its place. */
  boolean isReachable() {
    try {
      return identity(socket).equals(identity);
    } catch (NoSuchFileException e) {
      return false;
    } catch (IOException e) {
      log.warn("cannot look at the socket {}: {}", socket, e.toString());
      return false;
    }
  }

  @Override
  public void close() {
    server.shutdownNow();
    try {
      if (!server.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
        log.warn("calls on {} did not end", socket);
      }
      if (isReachable()) {
        Files.deleteIfExists(socket);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      log.warn("the socket {} stays: {}", socket, e.toString());
    }
    var unused = loops.shutdownGracefully(0, CLOSE_SECONDS, TimeUnit.SECONDS);
    handlers.shutdown();
  }
}
