package dev.larder.csi;

import dev.larder.agent.NodeServices;
import dev.larder.agent.mount.Mounts;
import io.grpc.BindableService;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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

  private final Volumes volumes;
  private final UnixServer server;

  private CsiDriver(Volumes volumes, UnixServer server) {
    this.volumes = volumes;
    this.server = server;
  }

  /**
   * Puts right what a former agent left, then serves.
   *
   * @param services started
   * @param runDirectory the agent's; what is published stands in {@code csi} below it
   * @throws dev.larder.protocol.LarderException BAD_CONFIG, STORE_IO
   */
  public static CsiDriver start(
      CsiConfig config, NodeServices services, Mounts mounts, Path runDirectory, String version) {
    Volumes volumes =
        new Volumes(
            config,
            services.datasetsOfNode(),
            mounts,
            new VolumeBook(runDirectory.resolve("csi")),
            new Origination(services.datasetsOfNode(), services.secrets()),
            new WarmUps(services.jobsOfNode()),
            step -> {});
    volumes.start();
    Calls calls = new Calls(config.callsMax());
    List<BindableService> parts = new ArrayList<>();
    parts.add(new IdentityService(config, version, services::notReady, calls));
    parts.add(new NodeService(config, volumes, calls));
    UnixServer server = UnixServer.start(Path.of(config.socket()), parts);
    log.info("CSI driver={} node={} socket={}", config.name(), config.node(), config.socket());
    return new CsiDriver(volumes, server);
  }

  /** Figures for metrics, by name without prefix. */
  public Map<String, Long> figures() {
    return Map.of("volumes", (long) volumes.count());
  }

  @Override
  public void close() {
    server.close();
    volumes.close();
  }
}
