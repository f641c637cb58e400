package dev.larder.dist;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An S3 endpoint on loopback whose objects are names only: any that S3 can have, as no disk holds
 * them, listed in pages as S3 does. An object's content tells its name. Any thread.
 */
final class ListedBucket implements AutoCloseable {
  private static final Pattern RANGE = Pattern.compile("bytes=(\\d+)-(\\d*)");
  private static final int LISTED_AT_ONCE = 1000;

  private final List<String> keys;
  private final HttpServer server;
  private volatile CountDownLatch speaking = new CountDownLatch(0);
  private final ExecutorService threads = Executors.newCachedThreadPool();

  ListedBucket(List<String> keys) throws IOException {
    this.keys = keys.stream().sorted().toList();
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 64);
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
  }

  /** Takes requests from now on and does not answer, or answers again, those that wait too. */
  void silent(boolean isSilent) {
    CountDownLatch before = speaking;
    speaking = new CountDownLatch(isSilent ? 1 : 0);
    before.countDown();
  }

  static String content(String key) {
    return "content of " + key;
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      speaking.await();
      String query = exchange.getRequestURI().getRawQuery();
      if (query != null && query.contains("list-type=2")) {
        exchange.getResponseHeaders().set("Content-Type", "application/xml");
        byte[] listing = listing(parameters(query)).getBytes(StandardCharsets.UTF_8);
        send(exchange, 200, listing);
      } else {
        String path = exchange.getRequestURI().getPath();
        object(exchange, path.substring(path.indexOf('/', 1) + 1));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static Map<String, String> parameters(String query) {
    Map<String, String> all = new TreeMap<>();
    for (String part : query.split("&")) {
      int equals = part.indexOf('=');
      String value = equals < 0 ? "" : part.substring(equals + 1);
      all.put(
          equals < 0 ? part : part.substring(0, equals),
          URLDecoder.decode(value, StandardCharsets.UTF_8));
    }
    return all;
  }

  private String listing(Map<String, String> parameters) {
    int from = Integer.parseInt(parameters.getOrDefault("continuation-token", "0"));
    int to = Math.min(keys.size(), from + LISTED_AT_ONCE);
    StringBuilder out =
        new StringBuilder("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult>");
    out.append("<IsTruncated>").append(to < keys.size()).append("</IsTruncated>");
    if (to < keys.size()) {
      out.append("<NextContinuationToken>").append(to).append("</NextContinuationToken>");
    }
    for (String key : keys.subList(from, to)) {
      out.append("<Contents><Key>").append(key);
      out.append("</Key><LastModified>2024-02-03T04:05:06.000Z</LastModified><ETag>&quot;");
      out.append(tag(key)).append("&quot;</ETag><Size>").append(content(key).length());
      out.append("</Size><StorageClass>STANDARD</StorageClass></Contents>");
    }
    return out.append("</ListBucketResult>").toString();
  }

  private static String tag(String key) {
    return "0".repeat(24) + HexFormat.of().toHexDigits(key.hashCode());
  }

  private void object(HttpExchange exchange, String key) throws IOException {
    if (!keys.contains(key)) {
      exchange.sendResponseHeaders(404, -1);
      return;
    }
    byte[] content = content(key).getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("ETag", '"' + tag(key) + '"');
    exchange.getResponseHeaders().set("Last-Modified", "Sat, 03 Feb 2024 04:05:06 GMT");
    String asked = exchange.getRequestHeaders().getFirst("Range");
    Matcher range = RANGE.matcher(asked == null ? "" : asked);
    if (!range.matches()) {
      send(exchange, 200, content);
      return;
    }
    int from = Integer.parseInt(range.group(1));
    int last = content.length - 1;
    if (!range.group(2).isEmpty()) {
      last = Math.min(last, Integer.parseInt(range.group(2)));
    }
    exchange
        .getResponseHeaders()
        .set("Content-Range", "bytes " + from + "-" + last + "/" + content.length);
    send(exchange, 206, Arrays.copyOfRange(content, from, last + 1));
  }

  private static void send(HttpExchange exchange, int status, byte[] bytes) throws IOException {
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.getResponseHeaders().set("Content-Length", Integer.toString(bytes.length));
      exchange.sendResponseHeaders(status, -1);
      return;
    }
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
