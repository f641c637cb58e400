package dev.larder.agent.http;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.netty.handler.codec.TooLongFrameException;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Decides about a request by its head: version, host, token, route, declared body. Nothing about
 * what exists is told before the token was right. Any thread.
 *
 * <p>A token anywhere but in its own field is a mistake that would put it into messages, logs and
 * stored definitions, so such a request is refused without a word of it.
 */
final class Gate {
  private static final RequestTarget NOWHERE = new RequestTarget(List.of(), false, Map.of());
  private static final String SCHEME = "bearer ";

  private final HostCheck hosts;
  private final byte[] token;
  private final String tokenText;
  private final int bodyBytesMax;

  Gate(HostCheck hosts, String token, int bodyBytesMax) {
    this.hosts = hosts;
    this.token = token.getBytes(StandardCharsets.ISO_8859_1);
    this.tokenText = token;
    this.bodyBytesMax = bodyBytesMax;
  }

  /** A request and why it is refused, if it is. */
  record Checked(Request request, @Nullable Fault fault) {}

  Checked check(HttpRequest head) {
    HttpVersion version = head.protocolVersion();
    boolean http10 = version.equals(HttpVersion.HTTP_1_0);
    if (!http10 && !version.equals(HttpVersion.HTTP_1_1)) {
      return refused(head, Fault.of(505, "only HTTP/1.0 and HTTP/1.1 are spoken here"));
    }
    String uri = head.uri();
    String authority = null;
    if (uri.startsWith("http://")) {
      int slash = uri.indexOf('/', "http://".length());
      authority = uri.substring("http://".length(), slash < 0 ? uri.length() : slash);
      uri = slash < 0 ? "/" : uri.substring(slash);
    }
    Fault fault = checkHost(head.headers(), authority, http10);
    if (fault == null && !isPublic(uri) && !isAuthenticated(head.headers())) {
      fault =
          Fault.of(
              ErrorCode.UNAUTHENTICATED,
              "the token is not this agent's: it is in the file named in its agent.json, and goes into"
                  + " Authorization: Bearer");
    }
    if (fault == null && (head.uri().contains(tokenText) || isInOtherField(head))) {
      fault = misplacedToken();
    }
    return fault != null ? refused(head, fault) : route(head, uri, http10);
  }

  /** Why a body is refused whatever it asks for, or null. */
  @Nullable Fault checkContent(byte[] body) {
    return new String(body, StandardCharsets.ISO_8859_1).contains(tokenText)
        ? misplacedToken()
        : null;
  }

  private boolean isInOtherField(HttpRequest head) {
    for (Map.Entry<String, String> field : head.headers()) {
      boolean own = HttpHeaderNames.AUTHORIZATION.contentEqualsIgnoreCase(field.getKey());
      if (field.getKey().contains(tokenText) || (!own && field.getValue().contains(tokenText))) {
        return true;
      }
    }
    return head.method().name().contains(tokenText);
  }

  private boolean isIn(RequestTarget target) {
    return target.components().stream().anyMatch(part -> part.contains(tokenText))
        || target.query().entrySet().stream()
            .anyMatch(
                part -> part.getKey().contains(tokenText) || part.getValue().contains(tokenText));
  }

  private static Fault misplacedToken() {
    return Fault.of(
        ErrorCode.BAD_REQUEST, "the token stands in another place than the field Authorization");
  }

  private Checked route(HttpRequest head, String uri, boolean http10) {
    RequestTarget target;
    Route route;
    try {
      target = RequestTarget.parse(uri);
      if (isIn(target)) {
        return refused(head, misplacedToken());
      }
      route = Route.find(head.method(), target);
      if (route != null) {
        route.checkQuery(target);
      }
    } catch (LarderException e) {
      return refused(head, Fault.of(e));
    }
    Request request =
        new Request(
            head.method(), route, target, head.headers(), http10, HttpUtil.isKeepAlive(head));
    if (route == null) {
      Set<String> allowed = Route.allowed(target);
      return new Checked(
          request,
          allowed.isEmpty()
              ? Fault.of(ErrorCode.NO_SUCH_PATH, "nothing is served at this path")
              : Fault.of(405, "this path knows " + String.join(", ", allowed))
                  .with("Allow: " + String.join(", ", allowed)));
    }
    return new Checked(request, checkBody(request, head));
  }

  private @Nullable Fault checkBody(Request request, HttpRequest head) {
    HttpHeaders headers = head.headers();
    boolean changes =
        !request.method().equals(HttpMethod.GET) && !request.method().equals(HttpMethod.HEAD);
    if (changes && headers.contains(HttpHeaderNames.ORIGIN)) {
      return Fault.of(
          ErrorCode.BAD_REQUEST, "requests of web pages (Origin) may not change anything");
    }
    String expect = headers.get(HttpHeaderNames.EXPECT);
    if (expect != null && !expect.equalsIgnoreCase("100-continue")) {
      return Fault.of(417, "unknown expectation");
    }
    if (HttpUtil.getContentLength(head, 0L) > bodyBytesMax) {
      return bodyTooLarge();
    }
    return null;
  }

  Fault bodyTooLarge() {
    return Fault.of(413, "the body is larger than http.body-max, " + bodyBytesMax + " bytes");
  }

  /** What a decoder's failure means. */
  static Fault malformed(@Nullable Throwable cause) {
    if (cause instanceof TooLongHttpLineException) {
      return Fault.of(414, "the request line is longer than http.request-line-max");
    }
    if (cause instanceof TooLongHttpHeaderException) {
      return Fault.of(431, "the header fields are longer than http.headers-max");
    }
    if (cause instanceof TooLongFrameException) {
      return Fault.of(400, "a part of the request is too long");
    }
    return Fault.of(400, "the request is not HTTP");
  }

  private @Nullable Fault checkHost(
      HttpHeaders headers, @Nullable String authority, boolean http10) {
    List<String> fields = headers.getAll(HttpHeaderNames.HOST);
    if (fields.isEmpty() && http10 && authority == null) {
      return null;
    }
    if (fields.size() != 1 && !(fields.isEmpty() && http10)) {
      return Fault.of(ErrorCode.BAD_REQUEST, "exactly one Host field is needed");
    }
    boolean ours = fields.isEmpty() || hosts.accepts(fields.get(0));
    if (!ours || (authority != null && !hosts.accepts(authority))) {
      return Fault.of(
          ErrorCode.BAD_REQUEST,
          "Host does not name this machine's loopback; see http.hosts-allowed");
    }
    return null;
  }

  private boolean isAuthenticated(HttpHeaders headers) {
    List<String> fields = headers.getAll(HttpHeaderNames.AUTHORIZATION);
    if (fields.size() != 1 || !fields.get(0).regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
      return false;
    }
    String given = fields.get(0).substring(SCHEME.length()).strip();
    return MessageDigest.isEqual(given.getBytes(StandardCharsets.ISO_8859_1), token);
  }

  private static boolean isPublic(String uri) {
    int end = uri.indexOf('?');
    String path = end < 0 ? uri : uri.substring(0, end);
    return path.equals("/healthz") || path.equals("/readyz");
  }

  private static Checked refused(HttpRequest head, Fault fault) {
    boolean http10 = !head.protocolVersion().equals(HttpVersion.HTTP_1_1);
    boolean keepAlive = fault.status() != 505 && HttpUtil.isKeepAlive(head);
    return new Checked(
        new Request(head.method(), null, NOWHERE, head.headers(), http10, keepAlive), fault);
  }
}
