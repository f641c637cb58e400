package dev.larder.dist;

import dev.larder.agent.AgentConfig;
import dev.larder.agent.NodeServices;
import dev.larder.agent.http.HttpDoor;
import dev.larder.agent.http.RunDirectory;
import dev.larder.agent.http.RunDirectory.AgentInfo;
import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.csi.CsiConfig;
import dev.larder.csi.CsiDriver;
import dev.larder.mount.MountSettings;
import dev.larder.mount.NodeMounts;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.LarderStore;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An agent with its front door, mounts and run directory; what coordinates it is handed in.
 *
 * <p>Started and closed by one thread; {@link #close} is idempotent and closes in reverse order.
 */
final class AgentProcess implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(AgentProcess.class);

  private static final long MEMBER_POLL_NANOS = 20_000_000;

  private final Deque<AutoCloseable> parts = new ArrayDeque<>();
  private String address = "";
  private @Nullable NodeServices services;

  private AgentProcess() {}

  /**
   * Starts everything and writes {@code agent.json} and the ready file; on a fault what was started
   * is closed again, the coordination too.
   *
   * @param standbyFile where there is one, it exists while this waits for another agent that has
   *     the run directory; without one that is a fault
   * @throws LarderException STORE_LOCKED, STORE_UNUSABLE, BAD_CONFIG
   */
  static AgentProcess start(
      AgentConfig config,
      Coordination coordination,
      MountSettings mounting,
      CsiConfig csi,
      Path runDirectory,
      Optional<Path> readyFile,
      Optional<Path> standbyFile) {
    AgentProcess node = new AgentProcess();
    try {
      node.startParts(config, coordination, mounting, csi, runDirectory, readyFile, standbyFile);
      return node;
    } catch (RuntimeException e) {
      node.close();
      throw e;
    }
  }

  /** Host and port of the front door. */
  String address() {
    return address;
  }

  /**
   * Waits a while until the cluster lists this node as a member.
   *
   * @return why it does not; empty when it does
   */
  String awaitMembership(Duration patience) {
    NodeServices node = Objects.requireNonNull(services, "not started");
    long end = System.nanoTime() + patience.toNanos();
    while (node.lastMembers().members().stream()
        .noneMatch(member -> member.id().equals(node.cluster().self()))) {
      if (System.nanoTime() - end >= 0) {
        String problem = node.coordinatorProblem();
        return problem.isEmpty() ? "the coordinators did not list it yet" : problem;
      }
      LockSupport.parkNanos(MEMBER_POLL_NANOS);
    }
    return "";
  }

  private void startParts(
      AgentConfig config,
      Coordination coordination,
      MountSettings mounting,
      CsiConfig csi,
      Path runDirectory,
      Optional<Path> readyFile,
      Optional<Path> standbyFile) {
    Path data = config.directory();
    // First in, last out; also where the start fails.
    own(coordination);
    RunDirectory run = RunDirectory.open(runDirectory);
    own(lock(run.path().resolve("lock"), standbyFile));
    // A directory that is refused must not be changed, so this comes before everything else.
    LarderStore.requireUsable(data);
    // What serves reads comes first, as readers of mounts may be waiting; they need no coordinator.
    AgentMetrics metrics = new AgentMetrics(Main.version());
    NodeServices services =
        own(new NodeServices(config, coordination.client(), metrics, Main.version()));
    this.services = services;
    coordination.peerTls().ifPresent(tls -> services.peersBy(() -> tls));
    services.hostBy(coordination::ownHost);
    services.start();
    metrics.watchStore(services.store()::stats);
    NodeMounts mounts =
        own(NodeMounts.start(mounting, services, run.path(), KeeperLaunch.starter(mounting)));
    services.mountsBy(mounts);
    log.info("reads through mounts are served {} ms after the process began", ProcessAge.millis());
    coordination.start(metrics);
    metrics.watchMounts(mounts::figures);
    metrics.watchNode(services::counters, services::gauges);
    HttpDoor door = own(HttpDoor.start(config.http(), run.token(), services.doorServices()));
    if (csi.isOn()) {
      CsiDriver driver = own(CsiDriver.start(csi, services, mounts, run.path()));
      metrics.watchCsi(driver::figures);
      services.readyWithout(driver::notReady);
      services.readyWithout(mounts::notReady);
    }
    address = door.localAddress();
    AgentInfo info =
        new AgentInfo(
            address,
            ProcessHandle.current().pid(),
            data.resolve("blobs"),
            run.tokenFile(),
            services.startedAt());
    run.writeAgentFile(info);
    own(run::removeAgentFile);
    readyFile.ifPresent(file -> RunDirectory.writeInfo(file, info));
    log.info("everything is served {} ms after the process began", ProcessAge.millis());
  }

  /** Two agents that share a run directory would take each other's clients. */
  private static AutoCloseable lock(Path file, Optional<Path> standbyFile) {
    try {
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      FileLock held = tryLock(channel);
      if (held == null && standbyFile.isPresent()) {
        held = await(channel, standbyFile.get());
      }
      if (held == null) {
        channel.close();
        throw new LarderException(
            ErrorCode.STORE_LOCKED,
            "another agent uses the run directory "
                + file.getParent()
                + "; stop it, or give this one its own with --run-dir DIR");
      }
      return channel;
    } catch (IOException e) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "run directory: cannot lock " + file + ": " + e, e);
    }
  }

  /** As long as the other one lives: an upgrade of many nodes may take days. */
  private static FileLock await(FileChannel channel, Path standbyFile) throws IOException {
    Files.writeString(standbyFile, ProcessHandle.current().pid() + "\n");
    try {
      log.info("standing by: another agent has the run directory");
      return channel.lock();
    } finally {
      Files.deleteIfExists(standbyFile);
    }
  }

  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  private <T extends AutoCloseable> T own(T part) {
    parts.push(part);
    return part;
  }

  @Override
  public synchronized void close() {
    while (!parts.isEmpty()) {
      AutoCloseable part = parts.pop();
      try {
        part.close();
      } catch (Exception e) {
        log.error("closing {} failed; going on", part.getClass().getSimpleName(), e);
      }
    }
  }
}
