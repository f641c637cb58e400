package dev.larder.perf.http;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * One HTTP/1.1 connection that reads bodies into one buffer and counts them: as cheap as a client
 * can be from Java, so that the server is what is measured. One thread at a time.
 */
public final class RawHttp implements AutoCloseable {
  // Fits a second-level cache: a larger buffer would make the client wait for memory.
  private static final int BUFFER_BYTES = 512 << 10;

  private final SocketChannel channel;
  private final String host;
  private final ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES).limit(0);

  private RawHttp(SocketChannel channel, String host) {
    this.channel = channel;
    this.host = host;
  }

  /** Connects. */
  public static RawHttp connect(InetSocketAddress address) throws IOException {
    SocketChannel channel = SocketChannel.open();
    try {
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      channel.connect(address);
    } catch (IOException e) {
      channel.close();
      throw e;
    }
    return new RawHttp(channel, address.getHostString() + ":" + address.getPort());
  }

  /**
   * What one request took.
   *
   * @param bytes bytes of the body
   * @param firstByteNanos from sending the request to the first byte of the body
   * @param nanos from sending the request to the last byte
   */
  public record Transfer(int status, long bytes, long firstByteNanos, long nanos) {
    /** Bytes a second, in GB. */
    public double gigabytesPerSecond() {
      return bytes / (double) nanos;
    }
  }

  /** Reads a body and throws it away. */
  public Transfer get(String target, Map<String, String> headers) throws IOException {
    return get(target, headers, part -> {});
  }

  /**
   * Reads a body with a Content-Length.
   *
   * @param sink gets each part as it arrives; the buffer is valid during the call
   * @throws IOException also for a status other than 200 and 206, and for a cut body
   */
  public Transfer get(String target, Map<String, String> headers, Consumer<ByteBuffer> sink)
      throws IOException {
    StringBuilder request = new StringBuilder(256).append("GET ").append(target);
    request.append(" HTTP/1.1\r\nHost: ").append(host).append("\r\n");
    headers.forEach(
        (name, value) -> request.append(name).append(": ").append(value).append("\r\n"));
    ByteBuffer bytes =
        ByteBuffer.wrap(request.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1));
    long started = System.nanoTime();
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
    Head head = readHead();
    long length = Long.parseLong(head.fields.getOrDefault("content-length", "-1"));
    if (length < 0) {
      throw new IOException(target + ": an answer without Content-Length");
    }
    if (head.status != 200 && head.status != 206) {
      throw new IOException(target + ": status " + head.status + " " + problem(length));
    }
    long left = length;
    long firstByte = 0;
    while (left > 0) {
      if (!buffer.hasRemaining()) {
        fill();
      }
      if (firstByte == 0) {
        firstByte = System.nanoTime() - started;
      }
      int part = (int) Math.min(buffer.remaining(), left);
      sink.accept(buffer.slice(buffer.position(), part));
      buffer.position(buffer.position() + part);
      left -= part;
    }
    return new Transfer(head.status, length, firstByte, System.nanoTime() - started);
  }

  private record Head(int status, Map<String, String> fields) {}

  private Head readHead() throws IOException {
    StringBuilder text = new StringBuilder(512);
    while (text.length() < 4 || text.indexOf("\r\n\r\n", text.length() - 4) < 0) {
      if (!buffer.hasRemaining()) {
        fill();
      }
      text.append((char) (buffer.get() & 0xff));
    }
    String[] lines = text.toString().split("\r\n", -1);
    Map<String, String> fields = new TreeMap<>();
    for (int i = 1; i < lines.length; i++) {
      int colon = lines[i].indexOf(':');
      if (colon > 0) {
        fields.put(
            lines[i].substring(0, colon).toLowerCase(Locale.ROOT),
            lines[i].substring(colon + 1).strip());
      }
    }
    return new Head(Integer.parseInt(lines[0].split(" ", -1)[1]), fields);
  }

  private String problem(long length) throws IOException {
    StringBuilder text = new StringBuilder();
    for (long i = 0; i < Math.min(length, 1000); i++) {
      if (!buffer.hasRemaining()) {
        fill();
      }
      text.append((char) (buffer.get() & 0xff));
    }
    return text.toString();
  }

  private void fill() throws IOException {
    buffer.clear();
    int count = channel.read(buffer);
    buffer.flip();
    if (count < 0) {
      throw new IOException("the server cut the connection");
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
