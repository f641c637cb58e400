package dev.larder.csi;

import dev.larder.agent.NodeServices;
import dev.larder.agent.job.Jobs;
import dev.larder.agent.mount.Mounts;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.SnapshotRef;
import io.grpc.BindableService;
import java.net.URI;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A node's datasets as CSI volumes, served on a Unix socket.
 *
 * <p><b>Threads:</b> one starts and closes. <b>Ownership:</b> services and mounts are the caller's
 * and closed after this. {@link #close} leaves what is published to the keeper and the next agent.
 */
public final class CsiDriver implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(CsiDriver.class);

  private static final long SWEEP_MIN_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
  private static final long SWEEP_MAX_NANOS = TimeUnit.MINUTES.toNanos(1);

  private final CsiConfig config;
  private final Volumes volumes;
  private final Pods pods;
  private final KeptSocket socket;
  private final Optional<KeptSocket> registry;
  private final RegistrationService registration;
  private final ScheduledExecutorService background =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("csi-sockets").factory());

  // Of its own, as the coordinator is asked.
  private final ScheduledExecutorService sweeper =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("csi-leftovers").factory());

  private CsiDriver(
      CsiConfig config, NodeServices services, Volumes volumes, Pods pods, Provisioning created) {
    this.config = config;
    this.pods = pods;
    this.volumes = volumes;
    Calls calls = new Calls(config.callsMax());
    registration = new RegistrationService(config, calls);
    List<BindableService> parts = new ArrayList<>();
    parts.add(new IdentityService(config, services.version(), services::notReady, calls));
    parts.add(new NodeService(config, volumes, pods, calls));
    if (config.controller()) {
      parts.add(
          new ControllerService(created, () -> services.store().stats().capacityBytes(), calls));
    }
    socket = new KeptSocket(Path.of(config.socket()), parts);
    registry =
        config.registry().isEmpty()
            ? Optional.empty()
            : Optional.of(
                new KeptSocket(
                    Path.of(config.registry()).resolve(RegistrationService.socketName(config)),
                    List.of(registration)));
  }

  /**
   * Puts right what a former agent left, then serves.
   *
   * @param services started
   * @param runDirectory the agent's; what is published stands in {@code csi} below it
   * @throws dev.larder.protocol.LarderException BAD_CONFIG, STORE_IO
   */
  public static CsiDriver start(
      CsiConfig config, NodeServices services, Mounts mounts, Path runDirectory) {
    return start(config, services, mounts, runDirectory, step -> {});
  }

  /**
   * The same with somebody who is told of every step of a publish or unpublish once it is done.
   *
   * @param steps what it throws breaks the change off, with nothing put right, as a crash would
   */
  public static CsiDriver start(
      CsiConfig config,
      NodeServices services,
      Mounts mounts,
      Path runDirectory,
      Consumer<String> steps) {
    Path own = services.dataDirectory().resolve("agent");
    Leftovers leftovers =
        new Leftovers(own.resolve("csi-datasets"), config.datasetKeep(), System::nanoTime);
    leftovers.load();
    Origination origins =
        new Origination(
            services.datasetsOfNode(),
            services.originCheck()::run,
            new VolumeSecrets(services.secrets()),
            leftovers,
            new Freshness(config.originRefresh(), InstantSource.system(), System::nanoTime),
            config.datasetsMax());
    Pods pods = new Pods(events(config));
    Volumes volumes =
        new Volumes(
            config,
            services.datasetsOfNode(),
            mounts,
            new VolumeBook(runDirectory.resolve("csi")),
            origins,
            new WarmUps(services.jobsOfNode()),
            pods,
            services.metrics()::csiPublished,
            step -> steps.accept(step.name()));
    Created created = new Created(own.resolve("csi"));
    created.load();
    Provisioning provisioning = new Provisioning(services.datasetsOfNode(), origins, created);
    CsiDriver driver = new CsiDriver(config, services, volumes, pods, provisioning);
    services.originsWatchedBy(volumes::readFailed);
    volumes.start();
    origins.keepWhat(name -> volumes.shows(name) || isPinned(services.jobsOfNode(), name));
    driver.serve(origins::sweep);
    return driver;
  }

  private static Optional<PodEvents> events(CsiConfig config) {
    EventsConfig events = config.events();
    Optional<URI> server = ApiServer.find(events, System.getenv());
    if (server.isEmpty()) {
      log.info("no events are posted: csi.events is false, or this is no container of Kubernetes");
      return Optional.empty();
    }
    PodEvents posting =
        new PodEvents(
            events.max(),
            events.interval(),
            new ApiServer(server.get(), Path.of(events.account()), config.name(), config.node()),
            InstantSource.system(),
            System::nanoTime);
    return Optional.of(posting);
  }

  private static boolean isPinned(Jobs jobs, DatasetName dataset) {
    return jobs.pins().stream()
        .anyMatch(pin -> SnapshotRef.parse(pin.snapshot()).dataset().equals(dataset));
  }

  private void serve(Runnable sweep) {
    pods.start();
    socket.start();
    registry.ifPresent(KeptSocket::look);
    long every = config.registryEvery().toNanos();
    var unused = background.scheduleWithFixedDelay(this::look, every, every, TimeUnit.NANOSECONDS);
    long sweeps = Math.clamp(config.datasetKeep().toNanos() / 4, SWEEP_MIN_NANOS, SWEEP_MAX_NANOS);
    unused = sweeper.scheduleWithFixedDelay(() -> sweep(sweep), 0, sweeps, TimeUnit.NANOSECONDS);
    log.info("CSI driver={} node={} socket={}", config.name(), config.node(), config.socket());
  }

  private static void sweep(Runnable sweep) {
    try {
      sweep.run();
    } catch (RuntimeException e) {
      // The next round must come whatever this one met.
      log.warn("looking for datasets that nobody uses failed; trying again", e);
    }
  }

  private void look() {
    try {
      socket.look();
      registry.ifPresent(KeptSocket::look);
    } catch (RuntimeException e) {
      // The next round must come whatever this one met.
      log.warn("looking after the sockets failed; trying again", e);
    }
  }

  /** Why kubelet cannot call, as {@code part: reason}; does not block. */
  public List<String> notReady() {
    return socket.isServing()
        ? List.of()
        : List.of("csi: nobody listens at csi.socket " + config.socket());
  }

  /** Figures for metrics, by name without prefix. */
  public Map<String, Long> figures() {
    Map<String, Long> all = new HashMap<>(pods.figures());
    all.put("volumes", (long) volumes.count());
    all.put("registered", registration.isRegistered() ? 1L : 0L);
    return all;
  }

  @Override
  public void close() {
    background.shutdownNow();
    sweeper.shutdownNow();
    registry.ifPresent(KeptSocket::close);
    socket.close();
    volumes.close();
    pods.close();
  }
}
