package dev.larder.agent.peer;

import dev.larder.coordinator.api.ConnectionLife;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.BindException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.StandardSocketOptions;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;

/** One connection to a member's peer door. One thread; {@link #abort} from any. */
final class PeerConnection {
  private static final int BUFFER_BYTES = 64 << 10;
  private static final int HEAD_LINES_MAX = 64;
  private static final int LINE_BYTES_MAX = 4 << 10;

  /** As much as a link of 25 Gbit/s holds in a quarter of a millisecond, and the kernel's limit. */
  private static final int RECEIVE_BYTES = 1 << 20;

  private final Socket socket;

  /** Below TLS, or the same. */
  private final Socket plain;

  private final InputStream in;
  private final OutputStream out;
  private final byte[] buffer = new byte[BUFFER_BYTES];
  private int position;
  private int limit;
  private boolean isMoreToCome;

  /** Whether the member said that it closes it after this answer. */
  private boolean isLast;

  /** When it was given back to its pool. */
  long idleSinceNanos;

  /** Null without TLS. */
  private final @Nullable ConnectionLife life;

  private PeerConnection(Socket socket, Socket plain, @Nullable ConnectionLife life)
      throws IOException {
    this.life = life;
    this.socket = socket;
    this.plain = plain;
    this.in = socket.getInputStream();
    this.out = socket.getOutputStream();
  }

  /**
   * Status and fields of an answer.
   *
   * @param length of the body, -1 when it is chunked
   */
  record Head(int status, Map<String, String> fields, long length) {}

  /**
   * Connects; who drags a handshake out is cut off by the clock, and whoever does not prove to be
   * the member meant is told nothing.
   */
  static PeerConnection open(
      MemberDoor door, PeerConfig config, @Nullable PeerTls tls, ScheduledExecutorService clock)
      throws IOException {
    Address to = door.address();
    Socket plain = new Socket();
    boolean isOpen = false;
    try {
      plain.setOption(StandardSocketOptions.SO_RCVBUF, RECEIVE_BYTES);
      plain.setTcpNoDelay(true);
      connect(plain, to, (int) config.connectTimeout().toMillis());
      plain.setSoTimeout((int) config.progressDeadline().toMillis());
      Socket socket = plain;
      ConnectionLife life = null;
      if (tls != null) {
        SSLSocket secured =
            (SSLSocket) tls.sockets().createSocket(plain, to.host(), to.port(), true);
        PeerTls.limit(secured);
        handshake(secured, plain, clock, 2 * config.progressDeadline().toMillis());
        tls.requireMember(secured.getSession(), door.member());
        life = tls.asking(secured.getSession());
        socket = secured;
      }
      PeerConnection connection = new PeerConnection(socket, plain, life);
      isOpen = true;
      return connection;
    } finally {
      if (!isOpen) {
        plain.close();
      }
    }
  }

  /** No way there is no connection either, as one that is refused. */
  private static void connect(Socket plain, Address to, int millis) throws IOException {
    try {
      plain.connect(new InetSocketAddress(to.host(), to.port()), millis);
    } catch (ConnectException | BindException e) {
      throw e;
    } catch (SocketException e) {
      PeerClient.checkInterrupted(e);
      throw (ConnectException) new ConnectException(e.getMessage()).initCause(e);
    }
  }

  private static void handshake(
      SSLSocket secured, Socket plain, ScheduledExecutorService clock, long millis)
      throws IOException {
    ScheduledFuture<?> cut;
    try {
      cut = clock.schedule(() -> drop(plain), millis, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      throw new LarderException(ErrorCode.CLOSED, "the node is leaving its cluster", e);
    }
    try {
      secured.startHandshake();
    } finally {
      cut.cancel(false);
    }
  }

  void send(String head, byte[] body) throws IOException {
    byte[] headBytes = head.getBytes(StandardCharsets.US_ASCII);
    byte[] all = new byte[headBytes.length + body.length];
    System.arraycopy(headBytes, 0, all, 0, headBytes.length);
    System.arraycopy(body, 0, all, headBytes.length, body.length);
    out.write(all);
    out.flush();
  }

  Head readHead() throws IOException {
    String status = line();
    if (!status.startsWith("HTTP/1.1 ") || status.length() < 12) {
      throw new IOException("not an HTTP/1.1 answer");
    }
    Map<String, String> fields = new HashMap<>();
    for (String line = line(); !line.isEmpty(); line = line()) {
      int colon = line.indexOf(':');
      if (colon < 1 || fields.size() >= HEAD_LINES_MAX) {
        throw new IOException("a malformed answer");
      }
      fields.put(
          line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).strip());
    }
    isLast = "close".equals(fields.get("connection"));
    try {
      boolean isChunked = "chunked".equals(fields.get("transfer-encoding"));
      long length = isChunked ? -1 : Long.parseLong(fields.getOrDefault("content-length", "0"));
      if (length < (isChunked ? -1 : 0)) {
        throw new IOException("an answer of negative length");
      }
      return new Head(Integer.parseInt(status.substring(9, 12)), fields, length);
    } catch (NumberFormatException e) {
      throw new IOException("a malformed answer", e);
    }
  }

  /** Whether another request may be sent: neither end is done with it, and its trust holds. */
  boolean isKept() {
    return !isLast && (life == null || !life.isDue());
  }

  /** Some bytes, at least one. */
  int read(byte[] target, int length) throws IOException {
    if (position < limit) {
      int count = Math.min(length, limit - position);
      System.arraycopy(buffer, position, target, 0, count);
      position += count;
      return count;
    }
    int count = in.read(target, 0, length);
    if (count < 0) {
      throw new EOFException("the member closed the connection");
    }
    return count;
  }

  /** Size of the next chunk; 0 ends the body, whose trailer was read then. */
  long chunkSize(boolean isFirst) throws IOException {
    if (!isFirst && !line().isEmpty()) {
      throw new IOException("a malformed chunk");
    }
    try {
      long size = Long.parseLong(line(), 16);
      if (size < 0) {
        throw new IOException("a malformed chunk");
      }
      if (size == 0) {
        readTrailer();
      }
      return size;
    } catch (NumberFormatException e) {
      throw new IOException("a malformed chunk", e);
    }
  }

  /** Whether the last body's trailer said that more is to come. */
  boolean isMoreToCome() {
    return isMoreToCome;
  }

  private void readTrailer() throws IOException {
    isMoreToCome = false;
    int lines = 0;
    for (String line = line(); !line.isEmpty(); line = line()) {
      isMoreToCome |= line.toLowerCase(Locale.ROOT).startsWith(RangeAnswer.MORE + ":");
      if (++lines > HEAD_LINES_MAX) {
        throw new IOException("an endless trailer");
      }
    }
  }

  byte[] readAll(Head head, int max) throws IOException {
    if (head.length < 0 || head.length > max) {
      throw new IOException("an answer of " + head.length + " bytes");
    }
    // Room for what came, not for what was announced.
    byte[] body = new byte[(int) Math.min(head.length, BUFFER_BYTES)];
    byte[] part = new byte[body.length];
    for (int at = 0; at < head.length; ) {
      int count = read(part, (int) Math.min(part.length, head.length - at));
      if (at + count > body.length) {
        body = Arrays.copyOf(body, (int) Math.min(head.length, 2L * body.length));
      }
      System.arraycopy(part, 0, body, at, count);
      at += count;
    }
    return body;
  }

  /** How long a read waits for a byte. */
  void waitAtMost(long millis) throws IOException {
    socket.setSoTimeout((int) Math.clamp(millis, 1, Integer.MAX_VALUE));
  }

  /** Drops the connection and ends reads in progress; waits for nothing. */
  void abort() {
    // TLS would wait for the other side's farewell, which a silent one never says.
    drop(plain);
  }

  private static void drop(Socket plain) {
    try {
      plain.close();
    } catch (IOException e) {
      throw new LarderException(ErrorCode.INTERNAL, "a socket cannot be closed", e);
    }
  }

  private String line() throws IOException {
    StringBuilder line = new StringBuilder(64);
    while (true) {
      if (position == limit) {
        limit = in.read(buffer, 0, buffer.length);
        position = 0;
        if (limit < 0) {
          limit = 0;
          throw new EOFException("the member closed the connection");
        }
      }
      byte next = buffer[position++];
      if (next == '\n') {
        int end = line.length();
        return end > 0 && line.charAt(end - 1) == '\r'
            ? line.substring(0, end - 1)
            : line.toString();
      }
      if (line.length() >= LINE_BYTES_MAX) {
        throw new IOException("an endless line");
      }
      line.append((char) (next & 0xff));
    }
  }
}
