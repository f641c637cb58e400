package dev.larder.agent.http;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.netty.handler.codec.http.HttpMethod;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Everything the front door answers. A pattern's {@code *} stands for one component, a last {@code
 * **} for any number of them.
 */
enum Route {
  HEALTHZ("GET HEAD", "healthz"),
  READYZ("GET HEAD", "readyz"),
  METRICS("GET HEAD", "metrics"),
  DATASET_PATH("GET HEAD", "datasets/*/**", "stat", "after", "limit", "recursive", "glob"),
  BLOB("GET HEAD", "blobs/*"),
  BLOB_DIGESTS("GET HEAD", "blobs/*/digests", "stripes"),
  DATASETS("GET HEAD", "v1/datasets"),
  DATASET_CREATE("POST", "v1/datasets"),
  DATASET("GET HEAD", "v1/datasets/*"),
  DATASET_DELETE("DELETE", "v1/datasets/*"),
  DATASET_SNAPSHOTS_DELETE("DELETE", "v1/datasets/*/snapshots", "keep-last"),
  DATASET_SNAPSHOT_DELETE("DELETE", "v1/datasets/*/snapshots/*"),
  DATASET_REFRESH("POST", "v1/datasets/*/refresh"),
  WARM("POST", "v1/warm"),
  JOBS("GET HEAD", "v1/jobs"),
  JOB("GET HEAD", "v1/jobs/*"),
  JOB_CANCEL("DELETE", "v1/jobs/*"),
  WARM_UPS("GET HEAD", "v1/warmups"),
  WARM_UP_START("POST", "v1/warmups"),
  WARM_UP("GET HEAD", "v1/warmups/*"),
  WARM_UP_CANCEL("DELETE", "v1/warmups/*"),
  PINS("GET HEAD", "v1/pins"),
  PIN("POST", "v1/pins"),
  UNPIN("DELETE", "v1/pins", "snapshot", "glob", "owner"),
  MOUNTS("GET HEAD", "v1/mounts"),
  MOUNT("POST", "v1/mounts"),
  UNMOUNT("DELETE", "v1/mounts", "target", "mode"),
  PACK("POST", "v1/mounts/pack"),
  NODES("GET HEAD", "v1/nodes"),
  NODE_DRAIN("POST", "v1/nodes/*/drain"),
  NODE_REMOVE("DELETE", "v1/nodes/*"),
  COORDINATORS("GET HEAD", "v1/coordinators"),
  COORDINATOR_REPLACE("POST", "v1/coordinators/replace"),
  STATUS("GET HEAD", "v1/status");

  private static final Route[] ALL = values();

  private final Set<String> methods;
  private final String[] pattern;
  private final Set<String> parameters;
  private final String label = name().toLowerCase(Locale.ROOT);

  Route(String methods, String pattern, String... parameters) {
    this.methods = Set.of(methods.split(" "));
    this.pattern = pattern.split("/");
    this.parameters = Set.of(parameters);
  }

  /** The word for this route in metrics. */
  String label() {
    return label;
  }

  /** Whether no token is needed. */
  boolean isPublic() {
    return this == HEALTHZ || this == READYZ;
  }

  Set<String> methods() {
    return methods;
  }

  /** The pattern with slashes. */
  String pattern() {
    return "/" + String.join("/", pattern);
  }

  /** Refuses query parameters this route does not know, so that a typing error is not ignored. */
  void checkQuery(RequestTarget target) {
    for (String name : target.query().keySet()) {
      if (!parameters.contains(name)) {
        throw new LarderException(
            ErrorCode.BAD_REQUEST, "unknown query parameter \"" + RequestTarget.shown(name) + "\"");
      }
    }
  }

  /** The route of a request, or null when there is none for this path and method. */
  static @Nullable Route find(HttpMethod method, RequestTarget target) {
    for (Route route : ALL) {
      if (route.matches(target.components()) && route.methods.contains(method.name())) {
        return route;
      }
    }
    return null;
  }

  /** Methods some route knows for a path, for {@code Allow}; empty when nothing is there. */
  static Set<String> allowed(RequestTarget target) {
    Set<String> methods = new TreeSet<>();
    for (Route route : EnumSet.allOf(Route.class)) {
      if (route.matches(target.components())) {
        methods.addAll(route.methods);
      }
    }
    return methods;
  }

  private boolean matches(List<String> components) {
    boolean open = pattern[pattern.length - 1].equals("**");
    int fixed = open ? pattern.length - 1 : pattern.length;
    if (components.size() < fixed || (!open && components.size() > fixed)) {
      return false;
    }
    for (int i = 0; i < fixed; i++) {
      if (!pattern[i].equals("*") && !pattern[i].equals(components.get(i))) {
        return false;
      }
    }
    return true;
  }
}
