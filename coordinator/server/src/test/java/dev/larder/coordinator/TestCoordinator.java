package dev.larder.coordinator;

import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.tls.DevCa;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.TreeMap;

/** A coordinator on loopback with certificates of its own, and clients for it. */
public final class TestCoordinator implements AutoCloseable {
  private final DevCa ca;
  private final CoordinatorServer server;

  private TestCoordinator(DevCa ca, CoordinatorServer server) {
    this.ca = ca;
    this.server = server;
  }

  public static TestCoordinator start(Path data) {
    return start(data, defaults(), Clock.systemUTC());
  }

  public static TestCoordinator start(Path data, CoordinatorConfig.Limits limits, Clock clock) {
    DevCa ca = DevCa.create(data.resolve("tls"), Clock.systemUTC());
    return new TestCoordinator(
        ca, CoordinatorServer.start(config(data, limits, ca.material(Role.COORDINATOR)), clock));
  }

  public static CoordinatorConfig config(
      Path data, CoordinatorConfig.Limits limits, TlsMaterial tls) {
    return new CoordinatorConfig(
        data.resolve("coordinator"),
        "c1",
        "127.0.0.1:0",
        "127.0.0.1:0",
        "",
        new TreeMap<>(),
        false,
        tls,
        limits);
  }

  /** Defaults, except that a test's disk may be nearly full. */
  public static CoordinatorConfig.Limits defaults() {
    return limits(20_000, 5_000, 1_000, Duration.ofSeconds(30));
  }

  public static CoordinatorConfig.Limits limits(
      long snapshotEvery, int batchMax, int countMax, Duration expiryInterval) {
    CoordinatorConfig.Limits base = CoordinatorConfig.Limits.defaults();
    return new CoordinatorConfig.Limits(
        base.requestTimeout(),
        base.startTimeout(),
        base.closeTimeout(),
        base.electionTimeout(),
        snapshotEvery,
        1 << 20,
        base.rocks(),
        base.requestsMax(),
        base.streamsMax(),
        batchMax,
        countMax,
        countMax,
        countMax,
        countMax,
        expiryInterval,
        new CoordinatorConfig.Fleet(Duration.ofMinutes(1), Duration.ofMinutes(1), Duration.ZERO));
  }

  public CoordinatorServer server() {
    return server;
  }

  public DevCa ca() {
    return ca;
  }

  public GrpcCoordinatorClient grpc(Role role) {
    return GrpcCoordinatorClient.connect(
        CoordinatorClientConfig.of("127.0.0.1", server.address().getPort()), ca.material(role));
  }

  @Override
  public void close() {
    server.close();
  }
}
