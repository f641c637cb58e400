package dev.larder.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.jspecify.annotations.Nullable;

/**
 * Listens on a Unix socket that keeps message boundaries and carries descriptors.
 *
 * <p>The socket's file has mode 0600 from its first moment and replaces one that stands there, at
 * once: a client reaches the old listener or the new one. <b>Threads:</b> any. <b>Ownership:</b>
 * {@link #close} does not delete the file, as a successor may have replaced it.
 */
public final class SeqPacketServer implements AutoCloseable {
  private static final int BACKLOG = 64;

  private final Fd fd;
  private final Path path;

  private SeqPacketServer(Fd fd, Path path) {
    this.fd = fd;
    this.path = path;
  }

  /** Listens at a path whose directory exists. */
  public static SeqPacketServer bind(Path path) throws IOException {
    Path absolute = path.toAbsolutePath();
    Path fresh =
        absolute.resolveSibling("." + absolute.getFileName() + "." + ProcessHandle.current().pid());
    Fd fd = SeqPacketSocket.create(path.toString());
    try {
      Files.deleteIfExists(fresh);
      // bind gives the file the mode of the socket, less the process's mask.
      LinuxException.check(Libc.fchmod(fd.number(), 0600), "fchmod", path.toString());
      try (SocketAddress address = new SocketAddress(fresh)) {
        LinuxException.check(address.bind(fd), "bind", path.toString());
      }
      LinuxException.check(Libc.listen(fd.number(), BACKLOG), "listen", path.toString());
      Files.move(fresh, absolute, StandardCopyOption.ATOMIC_MOVE);
      fd.nonblocking(true);
      return new SeqPacketServer(fd, absolute);
    } catch (IOException | RuntimeException e) {
      fd.close();
      Files.deleteIfExists(fresh);
      throw e;
    }
  }

  /** What to wait for: readable when somebody wants to connect. */
  public Fd fd() {
    return fd;
  }

  /** Where it listens. */
  public Path path() {
    return path;
  }

  /**
   * Takes the next connection.
   *
   * @param timeoutMillis -1 without an end, 0 to only look
   * @return null when the time is over
   */
  public @Nullable SeqPacketSocket accept(int timeoutMillis) throws LinuxException {
    long end = System.nanoTime() + timeoutMillis * 1_000_000L;
    int left = timeoutMillis;
    while (true) {
      int result = Libc.accept(fd.number(), SeqPacketSocket.SOCK_CLOEXEC);
      if (result >= 0) {
        return new SeqPacketSocket(Fd.adopt(result, "peer of " + path));
      }
      if (result != -Errno.EAGAIN && result != -Errno.EINTR && result != -Errno.ECONNABORTED) {
        throw new LinuxException("accept", path.toString(), -result);
      }
      if (timeoutMillis >= 0) {
        left = (int) Math.max(0, (end - System.nanoTime()) / 1_000_000L);
      }
      if (result == -Errno.EAGAIN && !fd.awaitReadable(left)) {
        return null;
      }
    }
  }

  @Override
  public void close() {
    fd.close();
  }
}
