package dev.larder.origin;

import dev.larder.origin.HttpTransport.Answer;
import dev.larder.origin.HttpTransport.Request;
import dev.larder.protocol.ErrorCode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Sends requests and follows redirects: never from https to http, never from a public host into a
 * private network, nor from either to this machine or its link, and with credentials only for the
 * host they were given for. Any thread.
 */
final class HttpFetch implements AutoCloseable {
  private static final int REDIRECTS_MAX = 5;
  private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);

  private final URI home;
  private final Optional<SecretRef> authorization;
  private final Redactor redactor;
  private final Timing timing;
  private final HttpTransport transport;

  /**
   * @param home where credentials may go: this scheme, host and port
   * @param authorization value of the Authorization header
   */
  HttpFetch(URI home, Optional<SecretRef> authorization, Redactor redactor, OriginContext context) {
    this.home = home;
    this.authorization = authorization;
    this.redactor = redactor;
    this.timing = context.timing();
    transport = new HttpTransport(context.limits());
  }

  /** Sends a request; the answer's status is whatever came. The caller closes the body. */
  Answer send(String method, URI uri, Map<String, String> headers, Watch watch)
      throws OriginFailure {
    URI at = uri;
    for (int hops = 0; hops <= REDIRECTS_MAX; hops++) {
      Answer answer = sendOnce(method, at, headers, watch);
      if (!REDIRECTS.contains(answer.status())) {
        return answer;
      }
      answer.close();
      at = target(at, answer);
    }
    throw OriginFailure.lasting(
        ErrorCode.BAD_ORIGIN,
        redactor.text(uri.toString()) + ": more than " + REDIRECTS_MAX + " redirects");
  }

  private Answer sendOnce(String method, URI uri, Map<String, String> headers, Watch watch)
      throws OriginFailure {
    Request request = new Request(method, uri).header("Accept-Encoding", "identity");
    headers.forEach(request::header);
    if (authorization.isPresent() && isHome(uri)) {
      request.header("Authorization", authorization.get().value());
    }
    try {
      return transport.send(request, watch);
    } catch (IOException | IllegalStateException e) {
      throw unavailable(uri, e);
    }
  }

  private OriginFailure unavailable(URI uri, Throwable e) {
    return OriginFailure.passing(
            ErrorCode.ORIGIN_UNAVAILABLE,
            redactor.text(uri + ": " + e.getClass().getSimpleName() + " " + e.getMessage()))
        .because(redactor.cause(e));
  }

  /** What a status that is no success means. */
  OriginFailure failure(String subject, Answer answer) {
    answer.close();
    return HttpStatuses.failure(
        answer.status(),
        redactor.text(subject + ": status " + answer.status()),
        answer.header("Retry-After").orElse(null),
        timing.now());
  }

  private URI target(URI from, Answer answer) throws OriginFailure {
    String location = answer.header("Location").orElse("");
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
    if (!to.getHost().equalsIgnoreCase(from.getHost()) && nearness(to) > nearness(from)) {
      throw refused(from, "to a private network, this machine or its link");
    }
    return to;
  }

  private OriginFailure refused(URI from, String why) {
    return OriginFailure.lasting(
        ErrorCode.BAD_ORIGIN, redactor.text(from + ": it redirects " + why + ", which is refused"));
  }

  // A server must not make this node read what only its own side reaches: services of its network,
  // its cloud's metadata service, local daemons.
  private static int nearness(URI uri) {
    try {
      int nearest = 0;
      for (InetAddress address : InetAddress.getAllByName(uri.getHost())) {
        nearest = Math.max(nearest, nearness(address));
      }
      return nearest;
    } catch (UnknownHostException unknown) {
      return 0; // the request itself will say so
    }
  }

  /** 0 for a public address, 1 for one of a private network, 2 for this machine and its link. */
  static int nearness(InetAddress address) {
    if (address.isLoopbackAddress()
        || address.isLinkLocalAddress()
        || address.isAnyLocalAddress()) {
      return 2;
    }
    byte[] bytes = address.getAddress();
    boolean isUniqueLocal = bytes.length == 16 && (bytes[0] & 0xfe) == 0xfc; // RFC 4193
    boolean isShared = bytes.length == 4 && bytes[0] == 100 && (bytes[1] & 0xc0) == 64; // RFC 6598
    return address.isSiteLocalAddress() || isUniqueLocal || isShared ? 1 : 0;
  }

  private boolean isHome(URI uri) {
    return home.getScheme().equalsIgnoreCase(uri.getScheme())
        && Endpoint.authority(home).equals(Endpoint.authority(uri));
  }

  @Override
  public void close() {
    transport.close();
  }
}
