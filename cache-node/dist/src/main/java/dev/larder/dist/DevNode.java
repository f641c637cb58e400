package dev.larder.dist;

import dev.larder.agent.dataset.DatasetConfig;
import dev.larder.agent.dataset.LocalDatasets;
import dev.larder.agent.fill.FillConfig;
import dev.larder.agent.fill.FillEngine;
import dev.larder.agent.http.DoorServices;
import dev.larder.agent.http.HttpDoor;
import dev.larder.agent.http.HttpDoorConfig;
import dev.larder.agent.http.NodeState;
import dev.larder.agent.http.RunDirectory;
import dev.larder.agent.http.RunDirectory.AgentInfo;
import dev.larder.agent.job.Jobs;
import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.agent.read.CachedReadPlane;
import dev.larder.agent.read.ReadConfig;
import dev.larder.coordinator.CoordinatorConfig;
import dev.larder.coordinator.CoordinatorServer;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.origin.OriginLimits;
import dev.larder.origin.Origins;
import dev.larder.store.LarderStore;
import dev.larder.store.StoreConfig;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Coordinator and agent in one process. */
final class DevNode implements AutoCloseable {
  private final Deque<AutoCloseable> parts = new ArrayDeque<>();
  private final HttpDoor door;
  private final AgentInfo info;

  private DevNode(Path data, Path runDirectory, int port, Optional<Path> readyFile) {
    Instant startedAt = Instant.now();
    LarderStore store = own(LarderStore.open(StoreConfig.defaults(data)));
    DevCa ca = DevCa.create(data.resolve("tls"), Clock.systemUTC());
    CoordinatorServer server =
        own(
            CoordinatorServer.start(
                CoordinatorConfig.alone(
                    data.resolve("coordinator"), ca.material(Role.COORDINATOR))));
    CoordinatorClient coordinator = own(server.client());
    AgentMetrics metrics = new AgentMetrics(Main.version());
    metrics.watchStore(store::stats);
    CoordinatorRoots roots = own(new CoordinatorRoots(coordinator, "dev"));
    roots.start();
    FillEngine engine = own(new FillEngine(FillConfig.defaults(), store, roots));
    engine.start();
    LocalDatasets datasets =
        own(
            new LocalDatasets(
                DatasetConfig.defaults(),
                data.resolve("datasets"),
                store,
                coordinator,
                (uri, options) -> Origins.open(uri, options, OriginLimits.defaults())));
    datasets.start();
    CachedReadPlane reads =
        own(new CachedReadPlane(ReadConfig.defaults(), store, engine, datasets, 256));
    NodeState state = new State(data, startedAt, datasets);
    RunDirectory run = RunDirectory.open(runDirectory);
    door =
        own(
            HttpDoor.start(
                HttpDoorConfig.defaults(port),
                run.token(),
                new DoorServices(
                    reads, reads, datasets, datasets, new NoJobs(), store, state, metrics)));
    InetSocketAddress address = door.address();
    info =
        new AgentInfo(
            "127.0.0.1:" + address.getPort(),
            ProcessHandle.current().pid(),
            data.resolve("blobs"),
            run.tokenFile(),
            startedAt);
    run.writeAgentFile(info);
    readyFile.ifPresent(file -> RunDirectory.writeInfo(file, info));
  }

  static DevNode start(Path data, Path runDirectory, int port, Optional<Path> readyFile) {
    return new DevNode(data, runDirectory, port, readyFile);
  }

  String address() {
    return info.address();
  }

  private <T extends AutoCloseable> T own(T part) {
    parts.push(part);
    return part;
  }

  @Override
  public void close() {
    RuntimeException first = null;
    while (!parts.isEmpty()) {
      try {
        parts.pop().close();
      } catch (Exception e) {
        RuntimeException fault = e instanceof RuntimeException r ? r : new IllegalStateException(e);
        if (first == null) {
          first = fault;
        } else {
          first.addSuppressed(fault);
        }
      }
    }
    if (first != null) {
      throw first;
    }
  }

  private record State(Path dataDirectory, Instant startedAt, LocalDatasets attached)
      implements NodeState {
    @Override
    public List<String> notReady() {
      return List.of();
    }

    @Override
    public CoordinatorState coordinator() {
      return new CoordinatorState(true, 0, 0);
    }

    @Override
    public String version() {
      return Main.version();
    }

    @Override
    public int datasets() {
      return attached.size();
    }

    @Override
    public int jobs() {
      return 0;
    }
  }

  private static final class NoJobs implements Jobs {
    private static UnsupportedOperationException no() {
      return new UnsupportedOperationException();
    }
    public JobInfo warm(dev.larder.protocol.SnapshotRef s, String g) { throw no(); }
    public Optional<JobInfo> find(String id) { return Optional.empty(); }
    public List<JobInfo> list() { return List.of(); }
    public JobInfo cancel(String id) { throw no(); }
    public PinInfo pin(dev.larder.protocol.SnapshotRef s, String g) { throw no(); }
    public int unpin(dev.larder.protocol.SnapshotRef s, String g) { throw no(); }
    public List<PinInfo> pins() { return List.of(); }
  }
}
