package dev.larder.agent.http;

import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import org.jspecify.annotations.Nullable;

/**
 * A request whose head was read.
 *
 * @param route null when there is none for it, then it is only answered with a fault
 * @param keepAlive whether the client wants the connection to stay
 */
record Request(
    HttpMethod method,
    @Nullable Route route,
    RequestTarget target,
    HttpHeaders headers,
    boolean http10,
    boolean keepAlive) {

  boolean isHead() {
    return method.equals(HttpMethod.HEAD);
  }

  /** A component of the path. */
  String component(int index) {
    return target.components().get(index);
  }

  /** A query parameter, or the default. */
  String query(String name, String otherwise) {
    return target.query().getOrDefault(name, otherwise);
  }

  /** The word for metrics. */
  String routeLabel() {
    return route == null ? "none" : route.label();
  }
}
