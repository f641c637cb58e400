package dev.larder.client;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digests;
import dev.larder.protocol.OriginKeys;
import dev.larder.protocol.PathGlob;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/** An agent's front door for the client's tests: files in memory, faults on request. */
final class FakeAgent implements AutoCloseable {
  static final String TOKEN = "t0ken-of-the-test-with-some-length";

  final Map<String, byte[]> files = new TreeMap<>();
  final List<String> requests = new CopyOnWriteArrayList<>();

  /** Answers with a body are cut after so many bytes, so many times. */
  final AtomicInteger cuts = new AtomicInteger();

  /** The most requests that were being answered at one time. */
  final AtomicInteger atWorkMax = new AtomicInteger();

  private final AtomicInteger atWork = new AtomicInteger();
  volatile int cutAfterBytes = Integer.MAX_VALUE;

  /** Time each answer takes, so that readers who do not wait their turn pile up. */
  volatile long answerNanos;

  volatile boolean wrongEtag;
  volatile boolean wrongRoot;

  /** Whether answers with a small file name its root. */
  volatile boolean namesRoots = true;

  volatile String problem = "";

  private final HttpServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Path directory;

  FakeAgent(Path directory) throws IOException {
    this.directory = directory;
    this.server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
    Files.createDirectories(directory.resolve("blobs"));
    Files.writeString(directory.resolve("token"), TOKEN + "\n");
    Files.writeString(
        directory.resolve("agent.json"),
        "{\"version\":1,\"address\":\"127.0.0.1:%d\",\"pid\":1,\"blobs\":\"%s\",\"tokenFile\":\"%s\"}"
            .formatted(
                server.getAddress().getPort(),
                directory.resolve("blobs"),
                directory.resolve("token")));
  }

  Path agentFile() {
    return directory.resolve("agent.json");
  }

  Path blobs() {
    return directory.resolve("blobs");
  }

  String key(String path) {
    return OriginKeys.key("test://" + OriginKeys.encode(path), "v1", files.get(path).length)
        .toString();
  }

  private void handle(HttpExchange exchange) throws IOException {
    atWorkMax.accumulateAndGet(atWork.incrementAndGet(), Math::max);
    try (exchange) {
      LockSupport.parkNanos(answerNanos);
      URI uri = exchange.getRequestURI();
      requests.add(
          exchange.getRequestMethod()
              + " "
              + uri
              + " "
              + exchange.getRequestHeaders().getFirst("Range"));
      if (!("Bearer " + TOKEN).equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
        problem(exchange, 401, "UNAUTHENTICATED");
        return;
      }
      if (!problem.isEmpty()) {
        problem(exchange, 503, problem);
        return;
      }
      route(exchange, uri.getPath(), uri.getQuery() == null ? "" : uri.getQuery());
    } finally {
      atWork.decrementAndGet();
    }
  }

  private void route(HttpExchange exchange, String path, String query) throws IOException {
    if (path.startsWith("/blobs/")) {
      digests(exchange, path.split("/")[2]);
      return;
    }
    if (!path.startsWith("/datasets/data")) {
      problem(exchange, 404, "UNKNOWN_DATASET");
      return;
    }
    int slash = path.indexOf('/', "/datasets/".length());
    String name = slash < 0 ? "" : path.substring(slash + 1).replaceAll("/$", "");
    exchange.getResponseHeaders().set("Larder-Snapshot", "data@1");
    if (query.startsWith("recursive=true")) {
      listing(exchange, query.substring(query.indexOf("glob=") + 5));
    } else if (query.equals("stat=true")) {
      stat(exchange, name);
    } else if (files.containsKey(name)) {
      content(exchange, name);
    } else {
      problem(exchange, 404, "NO_SUCH_PATH");
    }
  }

  private void listing(HttpExchange exchange, String glob) throws IOException {
    PathGlob pattern = PathGlob.parse(glob);
    StringBuilder out = new StringBuilder();
    files.forEach((path, content) -> {
      if (pattern.matches(path)) {
        out.append(entry(path, content)).append('\n');
      }
    });
    text(exchange, 200, "application/x-ndjson", out + "{\"end\":true,\"files\":0,\"bytes\":0}\n");
  }

  private void stat(HttpExchange exchange, String path) throws IOException {
    if (files.containsKey(path)) {
      text(exchange, 200, "application/json", entry(path, files.get(path)));
    } else if (path.isEmpty() || files.keySet().stream().anyMatch(f -> f.startsWith(path + "/"))) {
      String json =
          "{\"snapshot\":\"data@1\",\"path\":\"%s\",\"type\":\"directory\",\"size\":0,\"mtime\":\"2026-01-01T00:00:00Z\"}";
      text(exchange, 200, "application/json", json.formatted(path));
    } else {
      problem(exchange, 404, "NO_SUCH_PATH");
    }
  }

  private String entry(String path, byte[] content) {
    return "{\"snapshot\":\"data@1\",\"path\":\"%s\",\"type\":\"file\",\"size\":%d,\"mtime\":\"2026-01-02T03:04:05.123456789Z\",\"key\":\"%s\"}"
        .formatted(path, content.length, key(path));
  }

  private void digests(HttpExchange exchange, String key) throws IOException {
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      if (key(file.getKey()).equals(key)) {
        String root = root(file.getValue());
        text(exchange, 200, "application/json", "{\"root\":\"" + root + "\",\"stripes\":[]}");
        return;
      }
    }
    problem(exchange, 404, "UNKNOWN_BLOB");
  }

  private void content(HttpExchange exchange, String path) throws IOException {
    byte[] all = files.get(path);
    String asked = exchange.getRequestHeaders().getFirst("Range");
    int from = 0;
    int to = all.length;
    if (asked != null) {
      String[] range = asked.substring(6).split("-");
      from = Integer.parseInt(range[0]);
      to = Integer.parseInt(range[1]) + 1;
      exchange
          .getResponseHeaders()
          .set("Content-Range", "bytes " + from + "-" + (to - 1) + "/" + all.length);
    }
    if (Blocks.isSmall(all.length) && namesRoots) {
      exchange.getResponseHeaders().set("Larder-Root", root(all));
    }
    exchange.getResponseHeaders().set("ETag", "\"" + (wrongEtag ? "other" : key(path)) + "\"");
    exchange.sendResponseHeaders(asked == null ? 200 : 206, to - from);
    OutputStream body = exchange.getResponseBody();
    if (to - from > cutAfterBytes && cuts.getAndDecrement() > 0) {
      body.write(all, from, cutAfterBytes);
      body.flush();
      throw new UncheckedIOException(new IOException("cut on request"));
    }
    body.write(all, from, to - from);
    body.close();
  }

  private String root(byte[] content) {
    return wrongRoot ? "0".repeat(64) : Digests.rootOf(ByteBuffer.wrap(content)).hex();
  }

  private static void problem(HttpExchange exchange, int status, String code) throws IOException {
    text(
        exchange,
        status,
        "application/problem+json",
        "{\"status\":%d,\"code\":\"%s\",\"detail\":\"said by the test\"}".formatted(status, code));
  }

  private static void text(HttpExchange exchange, int status, String type, String text)
      throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.sendResponseHeaders(status, bytes.length);
    try (OutputStream body = exchange.getResponseBody()) {
      body.write(bytes);
    }
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
