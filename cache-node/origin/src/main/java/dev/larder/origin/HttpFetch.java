package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * Sends requests and follows redirects: never from https to http, never from a public host to this
 * machine or its neighbours' link, and with credentials only for the host they were given for. Any
 * thread.
 */
final class HttpFetch implements AutoCloseable {
  private static final int REDIRECTS_MAX = 5;
  private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);
  private static final Duration CONNECT_MAX = Duration.ofSeconds(5);

  private final URI home;
  private final Optional<SecretRef> authorization;
  private final Redactor redactor;
  private final Timing timing;
  private final HttpClient client;

  /**
   * @param home where credentials may go: this scheme, host and port
   * @param authorization value of the Authorization header
   */
  HttpFetch(URI home, Optional<SecretRef> authorization, Redactor redactor, OriginContext context) {
    this.home = home;
    this.authorization = authorization;
    this.redactor = redactor;
    this.timing = context.timing();
    Duration deadline = context.limits().progressDeadline();
    client =
        HttpClient.newBuilder()
            // One connection a body: HTTP/2's shared window holds back bulk reads.
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(deadline.compareTo(CONNECT_MAX) < 0 ? deadline : CONNECT_MAX)
            .build();
  }

  /** Sends a request; the answer's status is whatever came. The caller closes the body. */
  HttpResponse<InputStream> send(String method, URI uri, Map<String, String> headers, Watch watch)
      throws OriginFailure {
    URI at = uri;
    for (int hops = 0; hops <= REDIRECTS_MAX; hops++) {
      HttpResponse<InputStream> answer = sendOnce(method, at, headers, watch);
      if (!REDIRECTS.contains(answer.statusCode())) {
        return answer;
      }
      close(answer);
      at = target(at, answer);
    }
    throw OriginFailure.lasting(
        ErrorCode.BAD_ORIGIN,
        redactor.text(uri.toString()) + ": more than " + REDIRECTS_MAX + " redirects");
  }

  private HttpResponse<InputStream> sendOnce(
      String method, URI uri, Map<String, String> headers, Watch watch) throws OriginFailure {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri)
            .method(method, HttpRequest.BodyPublishers.noBody())
            .header("Accept-Encoding", "identity");
    headers.forEach(request::header);
    if (authorization.isPresent() && isHome(uri)) {
      request.header("Authorization", authorization.get().value());
    }
    CompletableFuture<HttpResponse<InputStream>> answer =
        client.sendAsync(request.build(), HttpResponse.BodyHandlers.ofInputStream());
    watch.onAbort(() -> answer.cancel(true));
    try {
      return answer.get();
    } catch (InterruptedException e) {
      answer.cancel(true);
      Thread.currentThread().interrupt();
      throw unavailable(uri, e);
    } catch (CancellationException e) {
      throw unavailable(uri, e);
    } catch (ExecutionException e) {
      throw unavailable(uri, e.getCause() == null ? e : e.getCause());
    }
  }

  private OriginFailure unavailable(URI uri, Throwable e) {
    return OriginFailure.passing(
            ErrorCode.ORIGIN_UNAVAILABLE,
            redactor.text(uri + ": " + e.getClass().getSimpleName() + " " + e.getMessage()))
        .because(redactor.cause(e));
  }

  /** What a status that is no success means. */
  OriginFailure failure(String subject, HttpResponse<InputStream> answer) {
    close(answer);
    return HttpStatuses.failure(
        answer.statusCode(),
        redactor.text(subject + ": status " + answer.statusCode()),
        answer.headers().firstValue("Retry-After").orElse(null),
        timing.now());
  }

  private URI target(URI from, HttpResponse<InputStream> answer) throws OriginFailure {
    String location = answer.headers().firstValue("Location").orElse("");
    URI to;
    try {
      to = from.resolve(location);
    } catch (IllegalArgumentException e) {
      throw refused(from, "to something that is no URI");
    }
    String scheme = String.valueOf(to.getScheme()).toLowerCase(Locale.ROOT);
    boolean secure = "https".equalsIgnoreCase(from.getScheme());
    if (location.isEmpty() || to.getHost() == null) {
      throw refused(from, "to nowhere");
    }
    if (!scheme.equals("https") && (secure || !scheme.equals("http"))) {
      throw refused(from, "from " + from.getScheme() + " to " + scheme);
    }
    if (!to.getHost().equalsIgnoreCase(from.getHost()) && isNear(to) && !isNear(from)) {
      throw refused(from, "to this machine or its link");
    }
    return to;
  }

  private OriginFailure refused(URI from, String why) {
    return OriginFailure.lasting(
        ErrorCode.BAD_ORIGIN, redactor.text(from + ": it redirects " + why + ", which is refused"));
  }

  // A public server must not make this node read its cloud's metadata service or local daemons.
  private static boolean isNear(URI uri) {
    try {
      for (InetAddress address : InetAddress.getAllByName(uri.getHost())) {
        if (address.isLoopbackAddress()
            || address.isLinkLocalAddress()
            || address.isAnyLocalAddress()) {
          return true;
        }
      }
      return false;
    } catch (UnknownHostException unknown) {
      return false; // the request itself will say so
    }
  }

  private boolean isHome(URI uri) {
    return home.getScheme().equalsIgnoreCase(uri.getScheme())
        && Endpoint.authority(home).equals(Endpoint.authority(uri));
  }

  static void close(HttpResponse<InputStream> answer) {
    try (InputStream body = answer.body()) {
      // Closing is enough: it drops the connection where something is left to read.
    } catch (IOException e) {
      org.slf4j.LoggerFactory.getLogger(HttpFetch.class).debug("closing an answer failed");
    }
  }

  @Override
  public void close() {
    client.shutdownNow();
    client.close();
  }
}
