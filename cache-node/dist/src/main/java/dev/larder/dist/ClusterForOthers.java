package dev.larder.dist;

import dev.larder.agent.AgentConfig;
import dev.larder.agent.config.ConfigTree;
import dev.larder.coordinator.CoordinatorConfig;
import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.CoordinatorServer;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.ReloadedTls;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.tls.Authority;
import dev.larder.csi.CsiConfig;
import dev.larder.mount.MountSettings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A cluster of one agent and one coordinator in this process, as pods have it: TLS between them, a
 * door for peers, a CSI driver. One thread starts and closes.
 */
final class ClusterForOthers implements AutoCloseable {
  private static final String NODE = "prepare";

  private final ReloadedTls coordinatorTls;
  private final CoordinatorServer coordinator;
  private final AgentProcess agent;

  private ClusterForOthers(
      ReloadedTls coordinatorTls, CoordinatorServer coordinator, AgentProcess agent) {
    this.coordinatorTls = coordinatorTls;
    this.coordinator = coordinator;
    this.agent = agent;
  }

  /**
   * Starts both, on free ports.
   *
   * @param kubelet where the driver's sockets are to be; there already, with a short name
   */
  static AutoCloseable start(Path data, Path run, Path ready, Path kubelet) {
    Path certificates = data.resolveSibling("pki");
    Authority authority = Authority.open(certificates, Clock.systemUTC());
    authority.issue(Role.COORDINATOR.name(), Role.COORDINATOR, List.of("127.0.0.1"));
    authority.issueAgent(Role.AGENT.name(), List.of(NODE), List.of("127.0.0.1"));
    ReloadedTls tls = tls(certificates, Role.COORDINATOR);
    try {
      Limits limits = CoordinatorKeys.of(new ConfigTree(Map.of()));
      CoordinatorServer coordinator =
          CoordinatorServer.start(
              CoordinatorConfig.alone(data.resolveSibling("coordinator"), tls.material(), limits));
      try {
        AgentProcess agent =
            startAgent(
                data, run, ready, kubelet, coordinator.address(), tls(certificates, Role.AGENT));
        return new ClusterForOthers(tls, coordinator, agent);
      } catch (RuntimeException e) {
        coordinator.close();
        throw e;
      }
    } catch (RuntimeException e) {
      tls.close();
      throw e;
    }
  }

  private static AgentProcess startAgent(
      Path data,
      Path run,
      Path ready,
      Path kubelet,
      InetSocketAddress coordinator,
      ReloadedTls tls) {
    ConfigTree tree = AgentOptions.readTree(file(data));
    tree.put("coordinator.addresses", "127.0.0.1:" + coordinator.getPort());
    tree.put("csi.socket", kubelet.resolve("csi.sock").toString());
    tree.put("csi.registry", kubelet.toString());
    // No names are looked up: where an image is made there may be no service for that.
    tree.put("csi.node-id", NODE);
    tree.put("node.id", NODE);
    MountSettings mounting = MountSettings.of(tree);
    CsiConfig csi = CsiConfig.of(tree);
    Limits limits = CoordinatorKeys.of(tree);
    CoordinatorClientConfig client = ClusterKeys.of(tree).client(limits);
    return AgentProcess.start(
        AgentConfig.of(data, tree),
        Coordination.elsewhere(client, tls, tls.material()),
        mounting,
        csi,
        run,
        Optional.of(ready),
        Optional.empty());
  }

  /** A configuration as a cluster has it. */
  private static Path file(Path data) {
    try {
      return Files.writeString(
          data.resolveSibling("larder.yaml"),
          """
          http:
            port: 0
          store:
            disk-min-free: 64MiB
          peer:
            listen: 127.0.0.1:0
          """);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ReloadedTls tls(Path certificates, Role role) {
    return ReloadedTls.open(
        certificates.resolve(role.name() + ".key"),
        certificates.resolve(role.name() + ".pem"),
        certificates.resolve("ca.pem"),
        ClusterKeys.of(new ConfigTree(Map.of())).reloadEvery());
  }

  @Override
  public void close() {
    agent.close();
    coordinator.close();
    coordinatorTls.close();
  }
}
