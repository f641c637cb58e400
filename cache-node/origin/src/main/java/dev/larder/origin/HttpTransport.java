package dev.larder.origin;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.function.BiConsumer;
import org.apache.hc.client5.http.classic.methods.HttpUriRequestBase;
import org.apache.hc.client5.http.config.ConnectionConfig;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManagerBuilder;
import org.apache.hc.client5.http.routing.RoutingSupport;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpEntity;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.io.SocketConfig;
import org.apache.hc.core5.http.io.entity.ByteArrayEntity;
import org.apache.hc.core5.io.CloseMode;
import org.apache.hc.core5.util.TimeValue;
import org.apache.hc.core5.util.Timeout;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Blocking HTTP/1.1 with a handle to abort: one connection a body, no redirects, no retries, no
 * cookies, nothing decompressed. Proxies are those of the JVM's system properties. Any thread.
 *
 * <p>Apache's client, as the JDK's takes four times the CPU for a large body.
 */
final class HttpTransport implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(HttpTransport.class);
  // A connection that can't be made in this time will not be; a body may pause for longer.
  private static final Duration CONNECT_MAX = Duration.ofSeconds(5);
  // Beside reads, whose number is capped: one call each for a listing and a HEAD.
  private static final int SPARE_CONNECTIONS = 2;
  // Shorter than servers keep theirs, so that few are found dead.
  private static final TimeValue IDLE_MAX = TimeValue.ofSeconds(30);
  // The rest of an answer that is cheaper to read than a new connection.
  private static final int REST_BYTES_MAX = 16 << 10;
  private static final int PIECE_BYTES = 64 << 10;

  private final CloseableHttpClient client;

  HttpTransport(OriginLimits limits) {
    Duration deadline = limits.progressDeadline();
    // The watchdog is first; this is for a thread it cannot see.
    Timeout silence = Timeout.of(deadline.multipliedBy(2));
    int connections = limits.connectionsMax() + SPARE_CONNECTIONS;
    client =
        HttpClients.custom()
            .useSystemProperties()
            .setConnectionManager(
                PoolingHttpClientConnectionManagerBuilder.create()
                    .useSystemProperties()
                    .setMaxConnTotal(connections)
                    .setMaxConnPerRoute(connections)
                    .setDefaultSocketConfig(
                        SocketConfig.custom().setSoTimeout(silence).setTcpNoDelay(true).build())
                    .setDefaultConnectionConfig(
                        ConnectionConfig.custom()
                            .setConnectTimeout(
                                Timeout.of(
                                    deadline.compareTo(CONNECT_MAX) < 0 ? deadline : CONNECT_MAX))
                            .setSocketTimeout(silence)
                            .build())
                    .build())
            .setUserAgent("larder")
            .evictIdleConnections(IDLE_MAX)
            .disableRedirectHandling()
            .disableAutomaticRetries()
            .disableContentCompression()
            .disableCookieManagement()
            .disableAuthCaching()
            .build();
  }

  /** A body that has more bytes than its reader takes. */
  static final class TooLongException extends IOException {
    private static final long serialVersionUID = 1L;

    TooLongException(String message) {
      super(message);
    }
  }

  /** A request; one thread. */
  static final class Request {
    private final HttpUriRequestBase request;

    Request(String method, URI uri) {
      request = new HttpUriRequestBase(method, uri);
    }

    Request header(String name, String value) {
      request.addHeader(name, value);
      return this;
    }

    /** Its type, if it has one, is a header. */
    Request body(byte[] body) {
      request.setEntity(new ByteArrayEntity(body, null));
      return this;
    }
  }

  /** An answer, whatever its status. The caller closes it. One thread, except {@link #abort}. */
  static final class Answer implements AutoCloseable {
    private final HttpUriRequestBase request;
    private final ClassicHttpResponse response;
    private final Optional<Watch> watch;
    private final InputStream body;

    private Answer(HttpUriRequestBase request, ClassicHttpResponse response, Optional<Watch> watch)
        throws IOException {
      this.request = request;
      this.response = response;
      this.watch = watch;
      HttpEntity entity = response.getEntity();
      body = entity == null ? InputStream.nullInputStream() : entity.getContent();
    }

    int status() {
      return response.getCode();
    }

    /** A header's first value. */
    Optional<String> header(String name) {
      return Optional.ofNullable(response.getFirstHeader(name)).map(Header::getValue);
    }

    void headers(BiConsumer<String, String> each) {
      for (Header header : response.getHeaders()) {
        each.accept(header.getName(), header.getValue());
      }
    }

    /** Content-Length; -1 where it is missing or malformed. */
    long length() {
      return HttpStatuses.length(header("Content-Length").orElse(null));
    }

    InputStream body() {
      return body;
    }

    /**
     * Reads the body to its end; each piece that comes counts as progress.
     *
     * @throws IOException also where it has more bytes than that
     */
    byte[] whole(int bytesMax) throws IOException {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      byte[] piece = new byte[PIECE_BYTES];
      for (int count = body.read(piece); count >= 0; count = body.read(piece)) {
        if (bytes.size() + count > bytesMax) {
          throw new TooLongException("the answer has more than " + bytesMax + " bytes");
        }
        bytes.write(piece, 0, count);
        watch.ifPresent(Watch::progressed);
      }
      return bytes.toByteArray();
    }

    /** Drops the connection, also under a read. Any thread, idempotent. */
    void abort() {
      request.abort();
    }

    /** Ends the answer; the connection serves again where little or nothing was left to read. */
    @Override
    public void close() {
      try {
        if (length() > REST_BYTES_MAX || body.readNBytes(REST_BYTES_MAX).length == REST_BYTES_MAX) {
          request.abort();
        }
        response.close();
      } catch (IOException e) {
        request.abort();
        log.debug("closing an answer failed: {}", e.getClass().getName());
      }
    }
  }

  /**
   * Sends a request and waits for the answer's head.
   *
   * @param watch is told how to abort it
   */
  Answer send(Request request, Watch watch) throws IOException {
    watch.onAbort(request.request::abort);
    return send(request, Optional.of(watch));
  }

  /** As above, for a caller nobody watches. */
  Answer send(Request request) throws IOException {
    return send(request, Optional.empty());
  }

  private Answer send(Request request, Optional<Watch> watch) throws IOException {
    HttpUriRequestBase sent = request.request;
    try {
      HttpHost host = RoutingSupport.determineHost(sent);
      return new Answer(sent, client.executeOpen(host, sent, null), watch);
    } catch (HttpException e) {
      throw new IOException(e);
    }
  }

  @Override
  public void close() {
    client.close(CloseMode.IMMEDIATE);
  }
}
