package dev.larder.dist;

import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.coordinator.CoordinatorConfig;
import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.CoordinatorServer;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.ReloadedTls;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.tls.DevCa;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Optional;

/** What coordinates an agent: a coordinator in its process, or others elsewhere. */
interface Coordination extends AutoCloseable {
  /** What the agent calls; usable at once, closed with this. */
  CoordinatorClient client();

  /** What this process shows other nodes and trusts of them; empty where there are none. */
  Optional<TlsMaterial> peerTls();

  /**
   * The address of this host that leads to the coordinators; may block for seconds.
   *
   * @return empty when it is not known now, or there are none elsewhere
   */
  Optional<String> ownHost();

  /** Starts what is to be started in this process, once what serves reads runs. */
  void start(AgentMetrics metrics);

  @Override
  void close();

  /** A coordinator in this process, alone. */
  static Coordination inside(Path data, Limits limits) {
    LateCoordinator late = new LateCoordinator(limits.startTimeout());
    return new Coordination() {
      @Override
      public CoordinatorClient client() {
        return late;
      }

      @Override
      public Optional<TlsMaterial> peerTls() {
        return Optional.empty();
      }

      @Override
      public Optional<String> ownHost() {
        return Optional.empty();
      }

      @Override
      public void start(AgentMetrics metrics) {
        CoordinatorServer server =
            late.start(() -> {
              DevCa ca = DevCa.create(data.resolve("tls"), Clock.systemUTC());
              return CoordinatorServer.start(
                  CoordinatorConfig.alone(
                      data.resolve("coordinator"), ca.material(Role.COORDINATOR), limits));
            });
        metrics.watchCoordinator(server::figures);
      }

      @Override
      public void close() {
        late.close();
      }
    };
  }

  /**
   * Coordinators elsewhere, over gRPC.
   *
   * @param material of the files, and closed with them
   */
  static Coordination elsewhere(
      CoordinatorClientConfig config, ReloadedTls tls, TlsMaterial material) {
    GrpcCoordinatorClient grpc = GrpcCoordinatorClient.connect(config, material);
    return new Coordination() {
      @Override
      public CoordinatorClient client() {
        return grpc;
      }

      @Override
      public Optional<TlsMaterial> peerTls() {
        return Optional.of(material);
      }

      @Override
      public Optional<String> ownHost() {
        return PeerAddress.ownHost(config.addresses());
      }

      @Override
      public void start(AgentMetrics metrics) {
        // They run already, or come when they do.
      }

      @Override
      public void close() {
        grpc.close();
        tls.close();
      }
    };
  }
}
