package dev.larder.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One end of a connection of messages, each with up to {@link #DESCRIPTORS_MAX} descriptors.
 *
 * <p>A message arrives whole or not at all. <b>Threads:</b> any; messages of several senders come
 * in some order. <b>Ownership:</b> closes its descriptor; descriptors sent stay the sender's.
 */
public final class SeqPacketSocket implements AutoCloseable {
  /** Most descriptors of one message. */
  public static final int DESCRIPTORS_MAX = 4;

  static final int SOCK_CLOEXEC = 0x80000;
  private static final int SOCK_SEQPACKET = 5;
  private static final int SOL_SOCKET = 1;
  private static final int SCM_RIGHTS = 1;
  private static final int SO_PEERCRED = 17;
  private static final int SO_PEERPIDFD = 77;
  private static final int SHUT_RDWR = 2;
  private static final int MSG_CTRUNC = 0x8;
  private static final int MSG_TRUNC = 0x20;
  private static final int MSG_DONTWAIT = 0x40;
  private static final int MSG_NOSIGNAL = 0x4000;
  private static final int MSG_CMSG_CLOEXEC = 0x40000000;

  private final Fd fd;

  SeqPacketSocket(Fd fd) {
    this.fd = fd;
  }

  static Fd create(String subject) throws LinuxException {
    int type = SOCK_SEQPACKET | SOCK_CLOEXEC;
    int number = Libc.socket(SocketAddress.AF_UNIX, type, 0);
    return Fd.adopt((int) LinuxException.check(number, "socket", subject), subject);
  }

  /**
   * Connects to a listener.
   *
   * @throws LinuxException ENOENT or ECONNREFUSED when nobody listens, EAGAIN when too many wait
   */
  public static SeqPacketSocket connect(Path path) throws LinuxException {
    Fd fd = create(path.toString());
    try (SocketAddress address = new SocketAddress(path)) {
      // Without waiting: a listener that accepts nobody must not hold us.
      fd.nonblocking(true);
      LinuxException.check(address.connect(fd), "connect", path.toString());
      fd.nonblocking(false);
      return new SeqPacketSocket(fd);
    } catch (LinuxException | RuntimeException e) {
      fd.close();
      throw e;
    }
  }

  /** Two ends of one connection within this process. */
  public static List<SeqPacketSocket> pair() throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pair = arena.allocate(8, 4);
      int type = SOCK_SEQPACKET | SOCK_CLOEXEC;
      int result = Libc.socketpair(SocketAddress.AF_UNIX, type, 0, pair.address());
      LinuxException.check(result, "socketpair", "");
      return List.of(
          new SeqPacketSocket(Fd.adopt(pair.get(ValueLayout.JAVA_INT, 0), "socket pair")),
          new SeqPacketSocket(Fd.adopt(pair.get(ValueLayout.JAVA_INT, 4), "socket pair")));
    }
  }

  /** What to wait for: readable when a message has come or the other end is gone. */
  public Fd fd() {
    return fd;
  }

  /** Who is at the other end: who connected, or whose listener accepted. */
  public PeerCredentials peer() throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = option(arena, SO_PEERCRED, 12);
      return new PeerCredentials(
          value.get(ValueLayout.JAVA_INT, 0),
          value.get(ValueLayout.JAVA_INT, 4),
          value.get(ValueLayout.JAVA_INT, 8));
    }
  }

  /**
   * The process at the other end, as {@link #peer} means it.
   *
   * @throws LinuxException ESRCH (3) or EINVAL when it is gone already
   */
  public PidFd peerProcess() throws LinuxException {
    int pid = peer().pid();
    try (Arena arena = Arena.ofConfined()) {
      int number = option(arena, SO_PEERPIDFD, 4).get(ValueLayout.JAVA_INT, 0);
      return new PidFd(Fd.adopt(number, "process " + pid), pid);
    } catch (LinuxException e) {
      // Before Linux 6.5; a number that was given again since is told by the caller's other checks.
      return PidFd.open(pid);
    }
  }

  private MemorySegment option(Arena arena, int name, int bytes) throws LinuxException {
    MemorySegment value = arena.allocate(bytes, 4);
    MemorySegment length = arena.allocateFrom(ValueLayout.JAVA_INT, bytes);
    int result = Libc.getsockopt(fd.number(), SOL_SOCKET, name, value.address(), length.address());
    LinuxException.check(result, "getsockopt", fd.subject());
    return value;
  }

  /**
   * Sends one message.
   *
   * @param timeoutMillis how long to wait while the other end takes none; -1 without an end
   * @throws LinuxException ETIMEDOUT; EPIPE or ECONNRESET when the other end is gone
   */
  public void send(byte[] bytes, List<Fd> descriptors, int timeoutMillis) throws LinuxException {
    if (descriptors.size() > DESCRIPTORS_MAX) {
      throw new IllegalArgumentException(descriptors.size() + " descriptors");
    }
    try (Arena arena = Arena.ofConfined()) {
      Header header = new Header(arena, bytes.length);
      header.put(bytes, descriptors);
      long result;
      do {
        result = Libc.sendmsg(fd.number(), header.address(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (result == -Errno.EAGAIN && !fd.await(Poller.OUT, timeoutMillis)) {
          throw new LinuxException("send", fd.subject(), Errno.ETIMEDOUT);
        }
      } while (result == -Errno.EINTR || result == -Errno.EAGAIN);
      LinuxException.check(result, "send", fd.subject());
    }
  }

  /**
   * Receives one message.
   *
   * @param bytesMax longest message taken
   * @param timeoutMillis -1 without an end, 0 to only look
   * @return null at the end of the connection; to be closed
   * @throws LinuxException ETIMEDOUT; EMSGSIZE for a message that is longer or brings more
   *     descriptors, which is then lost; ECONNRESET
   */
  public @Nullable Message receive(int bytesMax, int timeoutMillis) throws LinuxException {
    if (!fd.awaitReadable(timeoutMillis)) {
      throw new LinuxException("receive", fd.subject(), Errno.ETIMEDOUT);
    }
    try (Arena arena = Arena.ofConfined()) {
      Header header = new Header(arena, bytesMax);
      long result;
      do {
        result = Libc.recvmsg(fd.number(), header.address(), MSG_CMSG_CLOEXEC);
      } while (result == -Errno.EINTR);
      int length = (int) LinuxException.check(result, "receive", fd.subject());
      List<Fd> descriptors = header.descriptors(fd.subject());
      if ((header.flags() & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        descriptors.forEach(Fd::close);
        throw new LinuxException("receive", fd.subject(), Errno.EMSGSIZE);
      }
      if (length == 0) {
        descriptors.forEach(Fd::close);
        return null;
      }
      return new Message(header.bytes(length), descriptors);
    }
  }

  /** Ends the connection, so that both ends see it, without giving the descriptor up. */
  public void shutdown() {
    // ENOTCONN: the other end was faster.
    int unused = Libc.shutdown(fd.number(), SHUT_RDWR);
  }

  @Override
  public void close() {
    fd.close();
  }

  /** A struct msghdr with its one buffer and its control data. */
  private static final class Header {
    private static final int CMSG_HEAD = 16;
    private static final int CONTROL = CMSG_HEAD + 4 * DESCRIPTORS_MAX;
    private final MemorySegment header;
    private final MemorySegment data;
    private final MemorySegment control;

    Header(Arena arena, int bytes) {
      header = arena.allocate(56, 8);
      data = arena.allocate(Math.max(1, bytes), 8);
      control = arena.allocate(CONTROL, 8);
      MemorySegment vector = arena.allocate(16, 8);
      vector.set(ValueLayout.JAVA_LONG, 0, data.address());
      vector.set(ValueLayout.JAVA_LONG, 8, bytes);
      header.set(ValueLayout.JAVA_LONG, 16, vector.address());
      header.set(ValueLayout.JAVA_LONG, 24, 1);
      header.set(ValueLayout.JAVA_LONG, 32, control.address());
      header.set(ValueLayout.JAVA_LONG, 40, CONTROL);
    }

    long address() {
      return header.address();
    }

    void put(byte[] bytes, List<Fd> descriptors) {
      MemorySegment.copy(bytes, 0, data, ValueLayout.JAVA_BYTE, 0, bytes.length);
      if (descriptors.isEmpty()) {
        header.set(ValueLayout.JAVA_LONG, 32, 0);
        header.set(ValueLayout.JAVA_LONG, 40, 0);
        return;
      }
      long length = CMSG_HEAD + 4L * descriptors.size();
      control.set(ValueLayout.JAVA_LONG, 0, length);
      control.set(ValueLayout.JAVA_INT, 8, SOL_SOCKET);
      control.set(ValueLayout.JAVA_INT, 12, SCM_RIGHTS);
      for (int i = 0; i < descriptors.size(); i++) {
        control.set(ValueLayout.JAVA_INT, CMSG_HEAD + 4L * i, descriptors.get(i).number());
      }
      header.set(ValueLayout.JAVA_LONG, 40, length);
    }

    int flags() {
      return header.get(ValueLayout.JAVA_INT, 48);
    }

    byte[] bytes(int length) {
      return data.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
    }

    List<Fd> descriptors(String subject) {
      List<Fd> found = new ArrayList<>();
      long length = header.get(ValueLayout.JAVA_LONG, 40);
      // One control message at most: nothing else was asked for, and there is room for no second.
      if (length >= CMSG_HEAD
          && control.get(ValueLayout.JAVA_INT, 8) == SOL_SOCKET
          && control.get(ValueLayout.JAVA_INT, 12) == SCM_RIGHTS) {
        long end = Math.min(length, control.get(ValueLayout.JAVA_LONG, 0));
        for (long at = CMSG_HEAD; at + 4 <= end; at += 4) {
          int number = control.get(ValueLayout.JAVA_INT, at);
          found.add(Fd.adopt(number, "descriptor from " + subject));
        }
      }
      return found;
    }
  }
}
