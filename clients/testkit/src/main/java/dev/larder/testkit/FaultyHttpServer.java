package dev.larder.testkit;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * An HTTP/1.1 server for GET and HEAD with ranges and conditions that misbehaves on order. It knows
 * enough to stand in for S3's object reads too. Each fault queued for a path spoils one request for
 * it; then the server behaves again. Any thread.
 */
public final class FaultyHttpServer implements AutoCloseable {
  private static final int HEAD_BYTES_MAX = 64 << 10;

  private final ServerSocket listener;
  private final Map<String, Resource> resources = new ConcurrentHashMap<>();
  private final Map<String, Deque<Fault>> faults = new ConcurrentHashMap<>();
  private final List<Request> requests = new CopyOnWriteArrayList<>();
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
  private final AtomicInteger atWork = new AtomicInteger();
  private final AtomicInteger atWorkMax = new AtomicInteger();
  private volatile boolean ignoringConditions;
  private volatile boolean ignoringRanges;
  private volatile boolean refusingHead;
  private volatile Optional<String> credential = Optional.empty();

  private FaultyHttpServer(ServerSocket listener) {
    this.listener = listener;
  }

  /**
   * Something the server has.
   *
   * @param etag ETag header as sent, quotes included; empty for none
   * @param lastModified Last-Modified; null for none
   * @param headers further headers
   */
  public record Resource(
      byte[] content, String etag, @Nullable Instant lastModified, Map<String, String> headers) {}

  /**
   * A request that came.
   *
   * @param target path and query as they came
   * @param headers by lower-case name
   */
  public record Request(String method, String target, Map<String, String> headers) {
    /** A header's value, or empty. */
    public String header(String name) {
      return headers.getOrDefault(name.toLowerCase(Locale.ROOT), "");
    }

    String path() {
      int query = target.indexOf('?');
      return query < 0 ? target : target.substring(0, query);
    }
  }

  /** Starts a server on any free port. */
  public static FaultyHttpServer start() throws IOException {
    FaultyHttpServer server =
        new FaultyHttpServer(new ServerSocket(0, 100, InetAddress.getLoopbackAddress()));
    Thread.ofPlatform().daemon().name("faulty-http").start(server::accept);
    return server;
  }

  /** {@code http://127.0.0.1:PORT}. */
  public URI endpoint() {
    return URI.create("http://127.0.0.1:" + listener.getLocalPort());
  }

  /** Serves content under a percent-encoded path, with a strong ETag. */
  public void put(String path, byte[] content, String etag) {
    put(path, new Resource(content, '"' + etag + '"', Instant.EPOCH, Map.of()));
  }

  /** Serves a resource under a percent-encoded path. */
  public void put(String path, Resource resource) {
    resources.put(path, resource);
  }

  /** From now on 404. */
  public void remove(String path) {
    resources.remove(path);
  }

  /** Spoils the next requests for a path, one each, in this order. */
  public void spoil(String path, Fault... next) {
    Deque<Fault> queue = faults.computeIfAbsent(path, p -> new ArrayDeque<>());
    synchronized (queue) {
      queue.addAll(List.of(next));
    }
  }

  /** Whether If-Match and If-Unmodified-Since are to be ignored, as some servers do. */
  public void ignoreConditions(boolean ignore) {
    ignoringConditions = ignore;
  }

  /** Whether Range is to be ignored. */
  public void ignoreRanges(boolean ignore) {
    ignoringRanges = ignore;
  }

  /** Whether HEAD is answered 405. */
  public void refuseHead(boolean refuse) {
    refusingHead = refuse;
  }

  /** Demands this Authorization header; others get 401. */
  public void requireAuthorization(String value) {
    credential = Optional.of(value);
  }

  /** Every request so far. */
  public List<Request> requests() {
    return List.copyOf(requests);
  }

  /** The most requests that were being answered at one time. */
  public int concurrencyMax() {
    return atWorkMax.get();
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket socket = listener.accept();
        sockets.add(socket);
        Thread.ofVirtual().start(() -> serve(socket));
      } catch (IOException closed) {
        return;
      }
    }
  }

  private void serve(Socket socket) {
    try (socket) {
      InputStream in = new BufferedInputStream(socket.getInputStream());
      OutputStream out = socket.getOutputStream();
      while (true) {
        Request request = readHead(in);
        if (request == null) {
          return;
        }
        requests.add(request);
        int now = atWork.incrementAndGet();
        atWorkMax.accumulateAndGet(now, Math::max);
        try {
          if (!new FaultyAnswer(request, fault(request), this, in, out).send()) {
            return;
          }
        } finally {
          atWork.decrementAndGet();
        }
      }
    } catch (IOException | InterruptedException clientGone) {
      // What the client makes of it is the test's business.
    } finally {
      sockets.remove(socket);
    }
  }

  private @Nullable Fault fault(Request request) {
    Deque<Fault> queue = faults.get(request.path());
    if (queue == null) {
      return null;
    }
    synchronized (queue) {
      return queue.poll();
    }
  }

  @Nullable Resource resource(Request request) {
    return resources.get(request.path());
  }

  boolean ignoresConditions() {
    return ignoringConditions;
  }

  boolean ignoresRanges() {
    return ignoringRanges;
  }

  boolean refuses(Request request) {
    return refusingHead && request.method().equals("HEAD");
  }

  boolean isAuthorized(Request request) {
    return credential.isEmpty() || credential.get().equals(request.header("authorization"));
  }

  private static @Nullable Request readHead(InputStream in) throws IOException {
    StringBuilder head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      int next = in.read();
      if (next < 0 || head.length() > HEAD_BYTES_MAX) {
        return null;
      }
      head.append((char) next);
    }
    String[] lines = head.toString().split("\r\n");
    String[] first = lines[0].split(" ");
    Map<String, String> headers = new TreeMap<>();
    for (int i = 1; i < lines.length; i++) {
      int colon = lines[i].indexOf(':');
      headers.put(
          lines[i].substring(0, colon).toLowerCase(Locale.ROOT),
          lines[i].substring(colon + 1).strip());
    }
    int body = Integer.parseInt(headers.getOrDefault("content-length", "0"));
    in.readNBytes(body);
    return new Request(first[0], first[1], Map.copyOf(headers));
  }

  static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  /** Closes the listener and every connection. Idempotent. */
  @Override
  public void close() throws IOException {
    listener.close();
    for (Socket socket : sockets) {
      socket.close();
    }
  }
}
