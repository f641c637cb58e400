package dev.larder.csi;

import dev.larder.agent.config.ConfigTree;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.net.URI;
import java.time.Duration;

/**
 * How pods are told what is wrong with their volumes: as events at the Kubernetes API server.
 *
 * @param on {@code csi.events}: whether events are posted where there is an API server
 * @param server {@code csi.events-server}: its URL; empty takes what Kubernetes tells every
 *     container, and posts nothing outside of one
 * @param account {@code csi.events-account}: directory with {@code token} and {@code ca.crt} of a
 *     service account, read again when they change
 * @param max {@code csi.events-max}: events remembered at once, those that wait among them
 * @param interval {@code csi.events-interval}: shortest time between two posts of the same event;
 *     what happens in between is counted
 */
public record EventsConfig(boolean on, String server, String account, int max, Duration interval) {

  /** Checks bounds; BAD_CONFIG names the key. */
  public EventsConfig {
    require(server.isEmpty() || isHttps(server), "csi.events-server", server);
    require(account.startsWith("/"), "csi.events-account", account);
    require(max >= 1, "csi.events-max", max);
    require(interval.isPositive(), "csi.events-interval", interval);
  }

  private static boolean isHttps(String text) {
    try {
      URI uri = URI.create(text);
      // The token goes there: never without encryption.
      return "https".equals(uri.getScheme()) && uri.getHost() != null && uri.getQuery() == null;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static void require(boolean holds, String key, Object value) {
    if (!holds) {
      throw new LarderException(ErrorCode.BAD_CONFIG, key + ": value out of range: " + value);
    }
  }

  static EventsConfig defaults() {
    return new EventsConfig(
        true, "", "/var/run/secrets/kubernetes.io/serviceaccount", 1000, Duration.ofMinutes(5));
  }

  /** Takes its keys from a tree and leaves the others. */
  static EventsConfig of(ConfigTree tree) {
    EventsConfig base = defaults();
    String on = tree.text("csi.events", Boolean.toString(base.on()));
    require(on.equals("true") || on.equals("false"), "csi.events", on);
    return new EventsConfig(
        on.equals("true"),
        tree.text("csi.events-server", base.server()),
        tree.text("csi.events-account", base.account()),
        tree.count("csi.events-max", base.max()),
        tree.duration("csi.events-interval", base.interval()));
  }
}
