package dev.larder.dist.prepare;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An S3 endpoint on loopback, just enough of one to read from: every bucket has the same objects,
 * so a dataset over a new bucket is cold. Its threads end with {@link #close}.
 */
final class TinyBucket implements AutoCloseable {
  private static final Pattern RANGE = Pattern.compile("bytes=(\\d+)-(\\d*)");
  private static final String ETAG = "\"0123456789abcdef0123456789abcdef\"";

  private final int smallObjects;
  private final byte[] small;
  private final byte[] large;
  private final HttpServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool();

  TinyBucket(int smallObjects, int smallBytes, int largeBytes) throws IOException {
    this.smallObjects = smallObjects;
    this.small = new byte[smallBytes];
    this.large = new byte[largeBytes];
    SplittableRandom random = new SplittableRandom(7450);
    random.nextBytes(small);
    random.nextBytes(large);
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 64);
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      String query = String.valueOf(exchange.getRequestURI().getQuery());
      if (query.contains("list-type=2")) {
        byte[] listing = listing().getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/xml");
        send(exchange, 200, listing, 0, listing.length);
      } else {
        object(exchange, exchange.getRequestURI().getPath().endsWith("large.bin") ? large : small);
      }
    }
  }

  private void object(HttpExchange exchange, byte[] content) throws IOException {
    exchange.getResponseHeaders().set("ETag", ETAG);
    exchange.getResponseHeaders().set("Last-Modified", "Sat, 03 Feb 2024 04:05:06 GMT");
    String asked = exchange.getRequestHeaders().getFirst("Range");
    Matcher range = RANGE.matcher(asked == null ? "" : asked);
    if (!range.matches()) {
      send(exchange, 200, content, 0, content.length);
      return;
    }
    int from = Integer.parseInt(range.group(1));
    int last =
        range.group(2).isEmpty()
            ? content.length - 1
            : Math.min(content.length - 1, Integer.parseInt(range.group(2)));
    exchange
        .getResponseHeaders()
        .set("Content-Range", "bytes " + from + "-" + last + "/" + content.length);
    send(exchange, 206, content, from, last + 1 - from);
  }

  private static void send(HttpExchange exchange, int status, byte[] bytes, int from, int length)
      throws IOException {
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.getResponseHeaders().set("Content-Length", Integer.toString(length));
      exchange.sendResponseHeaders(status, -1);
      return;
    }
    exchange.sendResponseHeaders(status, length);
    exchange.getResponseBody().write(bytes, from, length);
  }

  private String listing() {
    StringBuilder out =
        new StringBuilder("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult>");
    out.append("<IsTruncated>false</IsTruncated>");
    entry(out, "large.bin", large.length);
    for (int i = 0; i < smallObjects; i++) {
      entry(out, "small/%04d.txt".formatted(i), small.length);
    }
    return out.append("</ListBucketResult>").toString();
  }

  private static void entry(StringBuilder out, String name, int bytes) {
    out.append("<Contents><Key>").append(name);
    out.append("</Key><LastModified>2024-02-03T04:05:06.000Z</LastModified><ETag>");
    out.append(ETAG.replace("\"", "&quot;")).append("</ETag><Size>").append(bytes);
    out.append("</Size><StorageClass>STANDARD</StorageClass></Contents>");
  }
}
