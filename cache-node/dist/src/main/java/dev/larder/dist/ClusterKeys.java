package dev.larder.dist;

import dev.larder.agent.AgentConfig;
import dev.larder.agent.config.ConfigTree;
import dev.larder.coordinator.CoordinatorConfig;
import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.api.ConnectionBounds;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.NodeNames;
import dev.larder.coordinator.api.ReloadedTls;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Keys of processes in a cluster: {@code tls.*} and how coordinators are reached and set up. One
 * file may serve all processes: each checks every key and uses its own.
 *
 * @param certificate {@code tls.certificate}
 * @param key {@code tls.key}
 * @param authorities {@code tls.ca}
 * @param reloadEvery {@code tls.reload-interval}: how often the files are looked at
 * @param sharedNodes {@code tls.shared-nodes}: whether a certificate that names all nodes is
 *     believed
 * @param connections {@code tls.connection-age-max} and {@code tls.connection-grace}: how long what
 *     a certificate proved is believed
 * @param addresses {@code coordinator.addresses}
 * @param silenceMax {@code coordinator.silence-max}
 * @param attemptsMax {@code coordinator.attempts-max}
 * @param backoffMin {@code coordinator.backoff-min}
 * @param backoffMax {@code coordinator.backoff-max}
 * @param directory {@code coordinator.directory}
 * @param id {@code coordinator.id}
 * @param listen {@code coordinator.listen}
 * @param raftListen {@code coordinator.raft-listen}
 * @param watchListen {@code coordinator.watch-listen}
 * @param advertise {@code coordinator.advertise}
 * @param peers {@code coordinator.peers}: {@code id=host:port} each
 * @param join {@code coordinator.join}
 */
record ClusterKeys(
    String certificate,
    String key,
    String authorities,
    Duration reloadEvery,
    boolean sharedNodes,
    ConnectionBounds connections,
    List<String> addresses,
    Duration silenceMax,
    int attemptsMax,
    Duration backoffMin,
    Duration backoffMax,
    String directory,
    String id,
    String listen,
    String raftListen,
    String watchListen,
    String advertise,
    List<String> peers,
    boolean join) {

  /** Takes the keys; BAD_CONFIG names one that is wrong by itself. */
  static ClusterKeys of(ConfigTree tree) {
    CoordinatorClientConfig base = CoordinatorClientConfig.of("localhost", 1);
    ConnectionBounds bounds = ConnectionBounds.defaults();
    return new ClusterKeys(
        tree.text("tls.certificate", ""),
        tree.text("tls.key", ""),
        tree.text("tls.ca", ""),
        tree.duration("tls.reload-interval", Duration.ofSeconds(10)),
        flag("tls.shared-nodes", tree.text("tls.shared-nodes", "false")),
        new ConnectionBounds(
            tree.duration("tls.connection-age-max", bounds.ageMax()),
            tree.duration("tls.connection-grace", bounds.grace())),
        tree.list("coordinator.addresses", List.of()),
        tree.duration("coordinator.silence-max", base.silenceMax()),
        tree.count("coordinator.attempts-max", base.attemptsMax()),
        tree.duration("coordinator.backoff-min", base.backoffMin()),
        tree.duration("coordinator.backoff-max", base.backoffMax()),
        tree.text("coordinator.directory", "/var/lib/larder/coordinator"),
        tree.text("coordinator.id", "c1"),
        tree.text("coordinator.listen", "0.0.0.0:7452"),
        tree.text("coordinator.raft-listen", "0.0.0.0:7453"),
        tree.text("coordinator.watch-listen", "127.0.0.1:7454"),
        tree.text("coordinator.advertise", ""),
        tree.list("coordinator.peers", List.of()),
        flag("coordinator.join", tree.text("coordinator.join", "false")));
  }

  /** What a process of these keys shows, whom it believes, and for how long. */
  TlsMaterial material(ReloadedTls tls) {
    return tls.material().believingShared(sharedNodes).bounded(connections);
  }

  /** The TLS files, looked at again from now on. */
  ReloadedTls openTls() {
    return ReloadedTls.open(
        file("tls.key", key),
        file("tls.certificate", certificate),
        file("tls.ca", authorities),
        reloadEvery);
  }

  /**
   * An agent as the member that its certificate speaks for: {@code node.id}, or where that is not
   * set the one node that the certificate names. One that is read later has to name it too.
   *
   * @throws LarderException BAD_CONFIG saying what the certificate lacks
   */
  AgentConfig identify(AgentConfig agent, ReloadedTls tls) {
    String id = agent.node().id();
    Set<String> named = NodeNames.of(tls.certificate()).ids();
    if (id.isEmpty() && named.size() != 1) {
      throw bad(
          "node.id",
          "must be set: the certificate in "
              + certificate
              + " (tls.certificate) names "
              + (named.isEmpty() ? "no node" : "several nodes")
              + "; see \"larder certs\"");
    }
    AgentConfig identified = id.isEmpty() ? agent.identified(String.join("", named)) : agent;
    tls.requireNode(identified.node().id(), sharedNodes);
    return identified;
  }

  /** How an agent reaches the coordinators. */
  CoordinatorClientConfig client(Limits limits) {
    return new CoordinatorClientConfig(
        addresses,
        limits.requestTimeout().multipliedBy(3).dividedBy(2),
        silenceMax,
        attemptsMax,
        backoffMin,
        backoffMax,
        limits.batchMax());
  }

  /** How a coordinator is set up. */
  CoordinatorConfig server(TlsMaterial tls, Limits limits) {
    SortedMap<String, String> map = new TreeMap<>();
    for (String peer : peers) {
      int equals = peer.indexOf('=');
      if (equals < 1) {
        throw bad("coordinator.peers", "must be id=host:port each, got \"" + peer + "\"");
      }
      map.put(peer.substring(0, equals), peer.substring(equals + 1));
    }
    return new CoordinatorConfig(
        Path.of(directory), id, listen, raftListen, advertise, map, join, tls, limits);
  }

  /** Where {@code /metrics} is served; BAD_CONFIG when it is no host and port. */
  InetSocketAddress watch() {
    String[] parts = CoordinatorConfig.hostPort("coordinator.watch-listen", watchListen);
    return new InetSocketAddress(parts[0], Integer.parseInt(parts[1]));
  }

  private static Path file(String key, String value) {
    if (value.isEmpty()) {
      throw bad(
          key,
          "is missing: processes of a cluster trust only who shows a certificate; see"
              + " \"larder certs\"");
    }
    return Path.of(value);
  }

  private static boolean flag(String key, String value) {
    return switch (value) {
      case "true" -> true;
      case "false" -> false;
      default -> throw bad(key, "must be true or false, is \"" + value + "\"");
    };
  }

  private static LarderException bad(String key, String rule) {
    return new LarderException(ErrorCode.BAD_CONFIG, key + " " + rule);
  }
}
