package dev.larder.dist;

import dev.larder.agent.config.ConfigTree;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Where other members reach an agent that was not told so. */
final class PeerAddress {
  private static final Logger log = LoggerFactory.getLogger(PeerAddress.class);
  private static final String LISTEN = "0.0.0.0:7451";

  private PeerAddress() {}

  /**
   * Sets {@code peer.listen} and {@code node.address} where they are not set: every address of the
   * host, made known by the one it reaches the coordinators from.
   *
   * @param coordinators host:port each
   */
  static void setDefaults(ConfigTree tree, List<String> coordinators) {
    tree.putDefault("peer.listen", LISTEN);
    String listen = tree.peek("peer.listen").orElse(LISTEN);
    int colon = listen.lastIndexOf(':');
    boolean isAnywhere = listen.startsWith("0.0.0.0:") || listen.startsWith("[::]:");
    if (!isAnywhere || tree.peek("node.address").isPresent() || coordinators.isEmpty()) {
      return;
    }
    String own = ownAddress(coordinators.getFirst());
    if (!own.isEmpty()) {
      tree.put("node.address", own + listen.substring(colon));
    }
  }

  /** The address that packets to a host go out from; empty when there is no way there. */
  private static String ownAddress(String coordinator) {
    int colon = coordinator.lastIndexOf(':');
    // Connecting such a socket sends nothing: it only chooses a route.
    try (DatagramSocket probe = new DatagramSocket()) {
      InetAddress host = InetAddress.getByName(coordinator.substring(0, colon));
      probe.connect(new InetSocketAddress(host, 9));
      InetAddress own = probe.getLocalAddress();
      String text = own.getHostAddress();
      return own.isAnyLocalAddress() ? "" : text.contains(":") ? "[" + text + "]" : text;
    } catch (IOException | RuntimeException e) {
      log.warn("no way to {} now; set node.address: {}", coordinator, e.toString());
      return "";
    }
  }
}
