package dev.larder.perf.http;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** {@link RequestLoad} by one thread over non-blocking sockets. */
final class SelectorLoad implements RequestLoad {
  private static final int ANSWER_BYTES_MAX = 128 << 10;

  private final int connections;
  private final double seconds;

  SelectorLoad(int connections, double seconds) {
    this.connections = connections;
    this.seconds = seconds;
  }

  @Override
  public double perSecond(InetSocketAddress server, List<String> paths, Map<String, String> headers)
      throws IOException {
    List<byte[]> requests = new ArrayList<>();
    for (String path : paths) {
      StringBuilder text = new StringBuilder("GET " + path + " HTTP/1.1\r\nHost: larder\r\n");
      headers.forEach((name, value) -> text.append(name).append(": ").append(value).append("\r\n"));
      requests.add(text.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1));
    }
    List<SocketChannel> channels = new ArrayList<>();
    try (Selector selector = Selector.open()) {
      for (int i = 0; i < connections; i++) {
        SocketChannel channel = SocketChannel.open(server);
        channels.add(channel);
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        channel.configureBlocking(false);
        Connection connection = new Connection(channel);
        channel.register(selector, SelectionKey.OP_READ, connection);
        connection.send(requests.get(i % requests.size()));
      }
      return run(selector, requests);
    } finally {
      for (SocketChannel channel : channels) {
        channel.close();
      }
    }
  }

  private double run(Selector selector, List<byte[]> requests) throws IOException {
    long started = System.nanoTime();
    long end = started + (long) (seconds * 1e9);
    int next = connections;
    long answers = 0;
    while (System.nanoTime() < end) {
      selector.select(100);
      for (SelectionKey key : selector.selectedKeys()) {
        Connection connection = (Connection) key.attachment();
        if (connection.receive()) {
          answers++;
          connection.send(requests.get(next++ % requests.size()));
        }
      }
      selector.selectedKeys().clear();
    }
    return answers / ((System.nanoTime() - started) / 1e9);
  }

  /** One connection with at most one request under way. */
  private static final class Connection {
    private final SocketChannel channel;
    private final ByteBuffer answer = ByteBuffer.allocate(ANSWER_BYTES_MAX);
    private int expected;

    Connection(SocketChannel channel) {
      this.channel = channel;
    }

    void send(byte[] request) throws IOException {
      ByteBuffer bytes = ByteBuffer.wrap(request);
      // One small request always fits an empty socket buffer.
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      answer.clear();
      expected = -1;
    }

    /** Whether the answer is complete. */
    boolean receive() throws IOException {
      if (channel.read(answer) < 0) {
        throw new IOException("the server cut a connection");
      }
      if (expected < 0) {
        expected = expectedBytes();
      }
      return expected >= 0 && answer.position() >= expected;
    }

    private int expectedBytes() throws IOException {
      String text =
          new String(
              answer.array(), 0, Math.min(answer.position(), 4096), StandardCharsets.ISO_8859_1);
      int end = text.indexOf("\r\n\r\n");
      if (end < 0) {
        return -1;
      }
      String head = text.substring(0, end).toLowerCase(Locale.ROOT);
      if (!head.startsWith("http/1.1 200")) {
        throw new IOException("unexpected answer: " + head.lines().findFirst().orElse(""));
      }
      int field = head.indexOf("content-length:");
      if (field < 0) {
        throw new IOException("an answer without Content-Length");
      }
      String length = head.substring(field + 15).lines().findFirst().orElse("").strip();
      return end + 4 + Integer.parseInt(length);
    }
  }
}
