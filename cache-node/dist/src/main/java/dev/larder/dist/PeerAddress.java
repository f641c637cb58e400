package dev.larder.dist;

import dev.larder.agent.config.ConfigTree;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Where other members reach an agent that was not told so. */
final class PeerAddress {
  private static final Logger log = LoggerFactory.getLogger(PeerAddress.class);
  private static final String LISTEN = "0.0.0.0:7451";

  private PeerAddress() {}

  /** Sets {@code peer.listen} where it is not set: every address of the host. */
  static void setDefaults(ConfigTree tree) {
    tree.putDefault("peer.listen", LISTEN);
  }

  /**
   * The address of this host that packets to a coordinator go out from; looks names up, and so may
   * block for seconds.
   *
   * @param coordinators host:port each; the first that can be looked up decides
   * @return empty when none can now
   */
  static Optional<String> ownHost(List<String> coordinators) {
    for (String coordinator : coordinators) {
      Optional<String> own = ownHost(coordinator);
      if (own.isPresent()) {
        return own;
      }
    }
    return Optional.empty();
  }

  private static Optional<String> ownHost(String coordinator) {
    int colon = coordinator.lastIndexOf(':');
    // Connecting such a socket sends nothing: it only chooses a route.
    try (DatagramSocket probe = new DatagramSocket()) {
      InetAddress host = InetAddress.getByName(coordinator.substring(0, colon));
      probe.connect(new InetSocketAddress(host, 9));
      InetAddress own = probe.getLocalAddress();
      return own.isAnyLocalAddress() ? Optional.empty() : Optional.of(own.getHostAddress());
    } catch (IOException | RuntimeException e) {
      log.debug("no way to {} now: {}", coordinator, e.toString());
      return Optional.empty();
    }
  }
}
