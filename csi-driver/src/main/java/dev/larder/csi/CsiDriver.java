package dev.larder.csi;

import dev.larder.agent.NodeServices;
import dev.larder.agent.mount.Mounts;
import io.grpc.BindableService;
import java.nio.file.Path;
import java.util.ArrayList;
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

  private final CsiConfig config;
  private final Volumes volumes;
  private final KeptSocket socket;
  private final Optional<KeptSocket> registry;
  private final RegistrationService registration;
  private final ScheduledExecutorService background =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("csi-sockets").factory());

  private CsiDriver(
      CsiConfig config, NodeServices services, Volumes volumes, Provisioning created) {
    this.config = config;
    this.volumes = volumes;
    Calls calls = new Calls(config.callsMax());
    registration = new RegistrationService(config, calls);
    List<BindableService> parts = new ArrayList<>();
    parts.add(new IdentityService(config, services.version(), services::notReady, calls));
    parts.add(new NodeService(config, volumes, calls));
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
    Origination origins = new Origination(services.datasetsOfNode(), services.secrets());
    Volumes volumes =
        new Volumes(
            config,
            services.datasetsOfNode(),
            mounts,
            new VolumeBook(runDirectory.resolve("csi")),
            origins,
            new WarmUps(services.jobsOfNode()),
            step -> steps.accept(step.name()));
    Created created = new Created(services.dataDirectory().resolve("agent").resolve("csi"));
    created.load();
    Provisioning provisioning =
        new Provisioning(services.datasetsOfNode(), origins, created, config.volumesMax());
    CsiDriver driver = new CsiDriver(config, services, volumes, provisioning);
    volumes.start();
    driver.serve();
    return driver;
  }

  private void serve() {
    socket.start();
    registry.ifPresent(KeptSocket::look);
    long every = config.registryEvery().toNanos();
    var unused = background.scheduleWithFixedDelay(this::look, every, every, TimeUnit.NANOSECONDS);
    log.info("CSI driver={} node={} socket={}", config.name(), config.node(), config.socket());
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

  /** Figures for metrics, by name without prefix. */
  public Map<String, Long> figures() {
    return Map.of(
        "volumes", (long) volumes.count(), "registered", registration.isRegistered() ? 1L : 0L);
  }

  @Override
  public void close() {
    background.shutdownNow();
    registry.ifPresent(KeptSocket::close);
    socket.close();
    volumes.close();
  }
}
