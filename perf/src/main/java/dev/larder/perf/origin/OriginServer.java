package dev.larder.perf.origin;

import dev.larder.perf.origin.ServedFiles.Served;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;

/**
 * A file server over HTTP/1.1: GET and HEAD with one range, ETag, If-Match, and the part of S3 that
 * a reader needs (path style, ListObjectsV2). Bodies go out by sendfile, one thread a connection.
 *
 * <p>{@code main DIRECTORY LOG BYTES_PER_SECOND} listens on a free loopback port and prints {@code
 * ready PORT}.
 */
public final class OriginServer implements AutoCloseable {
  private static final int CONNECTIONS_MAX = 512;

  private final ServerSocketChannel listener;
  private final ServedFiles files;
  private final AccessLog log;
  private final Pacer pacer;
  private final ExecutorService threads =
      Executors.newThreadPerTaskExecutor(Thread.ofPlatform().daemon().name("origin-", 0).factory());
  private final Semaphore connections = new Semaphore(CONNECTIONS_MAX);

  /**
   * Binds a free port; {@link #serve} does the work.
   *
   * @param host where it listens
   * @param bytesPerSecond rate of all answers together; 0 for as fast as it goes
   */
  public OriginServer(Path directory, Path logFile, long bytesPerSecond, InetAddress host)
      throws IOException {
    files = new ServedFiles(directory);
    log = new AccessLog(logFile);
    pacer = new Pacer(bytesPerSecond);
    listener = ServerSocketChannel.open();
    listener.bind(new InetSocketAddress(host, 0), CONNECTIONS_MAX);
  }

  public static void main(String[] arguments) throws IOException {
    try (OriginServer server =
        new OriginServer(
            Path.of(arguments[0]),
            Path.of(arguments[1]),
            Long.parseLong(arguments[2]),
            InetAddress.getByName(arguments[3]))) {
      System.out.println("ready " + server.address().getPort());
      server.serve();
    }
  }

  /** Where it listens. */
  public InetSocketAddress address() throws IOException {
    return (InetSocketAddress) listener.getLocalAddress();
  }

  /** Accepts connections until closed. */
  public void serve() throws IOException {
    while (true) {
      SocketChannel channel;
      try {
        connections.acquireUninterruptibly();
        channel = listener.accept();
      } catch (ClosedChannelException e) {
        return;
      }
      threads.execute(() -> serve(channel));
    }
  }

  private void serve(SocketChannel channel) {
    try (channel) {
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      RequestReader requests = new RequestReader(channel);
      Optional<Request> request = requests.next();
      while (request.isPresent()) {
        answer(channel, request.get());
        request = requests.next();
      }
    } catch (IOException e) {
      // A client that goes away in the middle of a body is normal, and the log has its bytes.
      if (!(e instanceof java.net.SocketException) && !isCut(e)) {
        System.err.println("origin: " + e);
      }
    } finally {
      connections.release();
    }
  }

  private static boolean isCut(IOException e) {
    String message = String.valueOf(e.getMessage());
    return message.contains("Broken pipe") || message.contains("reset");
  }

  private void answer(SocketChannel channel, Request request) throws IOException {
    if (request.query().containsKey("list-type")) {
      if (!request.query().containsKey("continuation-token")) {
        files.look();
      }
      String body = S3Listing.page(files, request.path(), request.query());
      text(channel, request, 200, "application/xml", body);
      return;
    }
    Optional<Served> found = files.find(request.path());
    if (found.isEmpty()) {
      text(channel, request, 404, "application/xml", "<Error><Code>NoSuchKey</Code></Error>");
      return;
    }
    Served file = found.get();
    String match = request.fields().get("if-match");
    if (match != null && !match.replace("\"", "").equals(file.etag())) {
      text(
          channel,
          request,
          412,
          "application/xml",
          "<Error><Code>PreconditionFailed</Code></Error>");
      return;
    }
    Optional<long[]> range = request.range(file.sizeBytes());
    long from = range.map(r -> r[0]).orElse(0L);
    long end = range.map(r -> r[1]).orElse(file.sizeBytes());
    if (from >= end && range.isPresent()) {
      text(channel, request, 416, "application/xml", "<Error><Code>InvalidRange</Code></Error>");
      return;
    }
    int status = range.isPresent() ? 206 : 200;
    write(channel, fileHead(status, file, from, end));
    long sent = 0;
    try {
      if (request.method().equals("GET")) {
        try (FileChannel content = FileChannel.open(file.path())) {
          while (from + sent < end) {
            int part = (int) Math.min(pacer.partBytes(), end - from - sent);
            pacer.take(part);
            sent += content.transferTo(from + sent, part, channel);
          }
        }
      }
    } finally {
      log.add(request.method(), request.path(), status, from, sent);
    }
  }

  private static String fileHead(int status, Served file, long from, long end) {
    return "HTTP/1.1 "
        + (status == 206
            ? "206 Partial Content\r\nContent-Range: bytes "
                + from
                + "-"
                + (end - 1)
                + "/"
                + file.sizeBytes()
            : "200 OK")
        + "\r\nContent-Length: "
        + (end - from)
        + "\r\nETag: \""
        + file.etag()
        + "\"\r\nLast-Modified: "
        + DateTimeFormatter.RFC_1123_DATE_TIME.format(file.lastModified().atOffset(ZoneOffset.UTC))
        + "\r\nAccept-Ranges: bytes\r\nContent-Type: application/octet-stream\r\n\r\n";
  }

  private void text(SocketChannel channel, Request request, int status, String type, String body)
      throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    String head =
        "HTTP/1.1 "
            + status
            + " "
            + Map.of(200, "OK", 404, "Not Found", 412, "Precondition Failed")
                .getOrDefault(status, "Range Not Satisfiable")
            + "\r\nContent-Type: "
            + type
            + "\r\nContent-Length: "
            + bytes.length
            + "\r\n\r\n";
    write(channel, request.method().equals("HEAD") ? head : head + body);
    log.add(request.method(), request.path(), status, 0, bytes.length);
  }

  private static void write(SocketChannel channel, String text) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
    threads.shutdownNow();
    log.close();
  }
}
