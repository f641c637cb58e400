package dev.larder.csi;

import dev.larder.protocol.LarderException;
import io.grpc.BindableService;
import java.io.IOException;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A server whose socket is made again when somebody takes it away, as a kubelet that starts does.
 * Where another process serves the same socket, it is left alone. One thread at a time.
 */
final class KeptSocket implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(KeptSocket.class);

  private final Path socket;
  private final List<BindableService> services;
  private volatile @Nullable UnixServer server;
  private String said = "";

  KeptSocket(Path socket, List<BindableService> services) {
    this.socket = socket;
    this.services = List.copyOf(services);
  }

  /**
   * Makes the socket for the first time.
   *
   * @throws LarderException BAD_CONFIG when it cannot be made
   */
  synchronized void start() {
    server = UnixServer.start(socket, services);
  }

  /** Makes the socket if it is not there; a fault is tried again the next time. */
  synchronized void look() {
    UnixServer now = server;
    if (now != null && now.isReachable()) {
      return;
    }
    if (now != null) {
      say("the socket was taken away");
      now.close();
      server = null;
    }
    Path directory = socket.getParent();
    if (directory == null || !Files.isDirectory(directory)) {
      say("its directory is not there yet");
    } else if (isServed()) {
      say("another process serves it");
    } else {
      try {
        server = UnixServer.start(socket, services);
        say("serving");
      } catch (LarderException e) {
        say(String.valueOf(e.getMessage()));
      }
    }
  }

  /** Says something once. */
  private void say(String what) {
    if (!what.equals(said)) {
      said = what;
      log.info("socket {}: {}", socket, what);
    }
  }

  private boolean isServed() {
    if (!Files.exists(socket, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      // Somebody who listens and accepts nobody must not hold us.
      channel.configureBlocking(false);
      boolean unused = channel.connect(UnixDomainSocketAddress.of(socket));
      return true;
    } catch (ConnectException e) {
      // Nobody listens: it is a dead process's.
      return false;
    } catch (IOException e) {
      // So many wait already that it takes no more.
      return true;
    }
  }

  /** Whether it is served by this. */
  boolean isServing() {
    UnixServer now = server;
    return now != null && now.isReachable();
  }

  @Override
  public synchronized void close() {
    UnixServer now = server;
    if (now != null) {
      now.close();
    }
  }
}
