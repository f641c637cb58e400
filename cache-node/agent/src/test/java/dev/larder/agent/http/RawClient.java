package dev.larder.agent.http;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** A socket that speaks HTTP as the test writes it, and reads answers strictly. */
final class RawClient implements AutoCloseable {
  private static final int TIMEOUT_MILLIS = 20_000;

  final Socket socket = new Socket();
  private final InputStream in;

  RawClient(int port) throws IOException {
    this(port, 0);
  }

  /** With a receive buffer of this size, 0 for the system's. */
  RawClient(int port, int receiveBytes) throws IOException {
    if (receiveBytes > 0) {
      socket.setReceiveBufferSize(receiveBytes);
    }
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), TIMEOUT_MILLIS);
    socket.setSoTimeout(TIMEOUT_MILLIS);
    socket.setTcpNoDelay(true);
    in = new BufferedInputStream(socket.getInputStream(), 8192);
  }

  /** An answer. */
  record Response(int status, List<String> headers, byte[] body) {
    Optional<String> header(String name) {
      String prefix = name.toLowerCase(Locale.ROOT) + ":";
      return headers.stream()
          .filter(line -> line.toLowerCase(Locale.ROOT).startsWith(prefix))
          .map(line -> line.substring(prefix.length()).strip())
          .findFirst();
    }

    String text() {
      return new String(body, StandardCharsets.UTF_8);
    }
  }

  /** A request with the test token. */
  static String request(String method, String target, String body, String... headers) {
    StringBuilder text = new StringBuilder();
    text.append(method).append(' ').append(target).append(" HTTP/1.1\r\nHost: localhost\r\n");
    text.append("Authorization: Bearer ").append(DoorFixture.TOKEN).append("\r\n");
    for (String header : headers) {
      text.append(header).append("\r\n");
    }
    if (!body.isEmpty()) {
      text.append("Content-Length: ").append(body.getBytes(StandardCharsets.UTF_8).length);
      text.append("\r\n");
    }
    return text.append("\r\n").append(body).toString();
  }

  void send(String text) throws IOException {
    send(text.getBytes(StandardCharsets.UTF_8));
  }

  void send(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
    socket.getOutputStream().flush();
  }

  Response receive() throws IOException {
    return receive(false);
  }

  /** The next answer whole. */
  Response receive(boolean headOnly) throws IOException {
    Response head = receiveHead();
    boolean empty = headOnly || head.status == 204 || head.status == 304 || head.status / 100 == 1;
    if (empty) {
      return head;
    }
    if (head.header("Transfer-Encoding").isPresent()) {
      return new Response(head.status, head.headers, chunks());
    }
    Optional<String> length = head.header("Content-Length");
    byte[] body = length.isPresent() ? exactly(Long.parseLong(length.get())) : in.readAllBytes();
    return new Response(head.status, head.headers, body);
  }

  /** Status line and fields only. */
  Response receiveHead() throws IOException {
    String first = line();
    if (!first.startsWith("HTTP/1.1 ")) {
      throw new IOException("not an answer: " + first);
    }
    List<String> headers = new ArrayList<>();
    for (String field = line(); !field.isEmpty(); field = line()) {
      headers.add(field);
    }
    return new Response(Integer.parseInt(first.substring(9, 12)), headers, new byte[0]);
  }

  /** Body bytes as they come, -1 at the end of the connection. */
  int read(byte[] buffer) throws IOException {
    return in.read(buffer);
  }

  byte[] exactly(long length) throws IOException {
    byte[] body = in.readNBytes((int) length);
    if (body.length != length) {
      throw new EOFException("body ended after " + body.length + " of " + length);
    }
    return body;
  }

  /** Whether the server closes the connection, instead of sending anything more. */
  boolean isClosedByServer() throws IOException {
    try {
      return in.read() < 0;
    } catch (java.net.SocketException e) {
      return true;
    }
  }

  String line() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    while (true) {
      int b = in.read();
      if (b < 0) {
        throw new EOFException("connection closed after: " + line);
      }
      if (b == '\n') {
        String text = line.toString(StandardCharsets.ISO_8859_1);
        return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
      }
      line.write(b);
    }
  }

  private byte[] chunks() throws IOException {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    while (true) {
      int length = Integer.parseInt(line(), 16);
      body.writeBytes(exactly(length));
      if (!line().isEmpty()) {
        throw new IOException("a chunk does not end with a line end");
      }
      if (length == 0) {
        return body.toByteArray();
      }
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
