package dev.larder.coordinator;

import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.NodeNames;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.testkit.Records;
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
        ca,
        CoordinatorServer.start(
            config(data, limits, ca.material(Role.COORDINATOR).believingShared(true)), clock));
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
    return Records.with(
        CoordinatorConfig.Limits.defaults(),
        "snapshotEvery",
        snapshotEvery,
        "freeSpaceMinBytes",
        1L << 20,
        "batchMax",
        batchMax,
        "membersMax",
        countMax,
        "datasetsMax",
        countMax,
        "snapshotsMax",
        countMax,
        "pinsMax",
        countMax,
        "expiryInterval",
        expiryInterval,
        "fleet",
        new CoordinatorConfig.Fleet(Duration.ofMinutes(1), Duration.ofMinutes(1), Duration.ZERO));
  }

  public CoordinatorServer server() {
    return server;
  }

  public DevCa ca() {
    return ca;
  }

  /** A client of a role; as an agent it speaks for every node. */
  public GrpcCoordinatorClient grpc(Role role) {
    return grpc(role == Role.AGENT ? ca.agent(NodeNames.ANY) : ca.material(role));
  }

  public GrpcCoordinatorClient grpc(TlsMaterial tls) {
    return GrpcCoordinatorClient.connect(
        CoordinatorClientConfig.of("127.0.0.1", server.address().getPort()), tls);
  }

  @Override
  public void close() {
    server.close();
  }
}
