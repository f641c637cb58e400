package dev.larder.perf.measure;

import dev.larder.coordinator.api.NodeNames;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.tls.Authority;
import dev.larder.perf.Bench;
import dev.larder.perf.process.ChildProcess;
import dev.larder.perf.process.Etcd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Coordinators of the distribution, each a process with a directory of its own, in one group. One
 * thread.
 */
final class CoordinatorGroup implements AutoCloseable {
  private static final long START_NANOS_MAX = TimeUnit.SECONDS.toNanos(120);

  private final Bench bench;
  private final Path work;
  private final Map<String, String> environment;
  private final List<ChildProcess> members = new ArrayList<>();

  private final List<Integer> raftPorts;

  private CoordinatorGroup(
      Bench bench, Path work, List<Integer> raftPorts, Map<String, String> environment) {
    this.bench = bench;
    this.work = work;
    this.raftPorts = raftPorts;
    this.environment = environment;
  }

  /**
   * Starts them; returns when all are ready, which they are when one leads.
   *
   * @param count 1, 3 or 5
   * @param settings more {@code KEY: VALUE} lines of their configuration
   */
  static CoordinatorGroup start(
      Bench bench, int count, String settings, Map<String, String> environment) throws IOException {
    Path work = bench.fresh("coordinators");
    Authority authority = Authority.open(work.resolve("tls"), Clock.systemUTC());
    List<String> hosts = List.of("localhost", "127.0.0.1");
    authority.issue("coordinator", Role.COORDINATOR, hosts);
    // The load speaks for many members.
    authority.issueAgent("agent", List.of(NodeNames.ANY), hosts);
    List<Integer> ports = Etcd.freePorts(count);
    List<String> peers = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      peers.add("c" + i + "=127.0.0.1:" + ports.get(i));
    }
    CoordinatorGroup group = new CoordinatorGroup(bench, work, ports, environment);
    boolean isUp = false;
    try {
      for (int i = 0; i < count; i++) {
        Files.writeString(
            group.file(i, "yaml"),
            """
            tls: {certificate: "%1$s/coordinator.pem", key: "%1$s/coordinator.key", ca: "%1$s/ca.pem", shared-nodes: true}
            coordinator.directory: "%2$s/c%3$d"
            coordinator.id: c%3$d
            coordinator.listen: "127.0.0.1:0"
            coordinator.raft-listen: "127.0.0.1:%4$d"
            coordinator.watch-listen: "127.0.0.1:0"
            %5$s
            %6$s
            """
                .formatted(
                    group.tls(),
                    work,
                    i,
                    ports.get(i),
                    count == 1
                        ? ""
                        : "coordinator.peers: [\"" + String.join("\", \"", peers) + "\"]",
                    settings));
        group.members.add(group.launch(i));
      }
      for (int i = 0; i < count; i++) {
        group.await(i);
      }
      isUp = true;
      return group;
    } finally {
      if (!isUp) {
        group.close();
      }
    }
  }

  private Path file(int member, String suffix) {
    return work.resolve("c" + member + "." + suffix);
  }

  private ChildProcess launch(int member) throws IOException {
    Files.deleteIfExists(file(member, "json"));
    List<String> command =
        List.of(
            ClusterRig.program(bench).toString(),
            "coordinator",
            "--config",
            file(member, "yaml").toString(),
            "--ready-file",
            file(member, "json").toString());
    return bench.children().start("c" + member, command, environment);
  }

  private void await(int member) throws IOException {
    long deadline = System.nanoTime() + START_NANOS_MAX;
    while (!Files.exists(file(member, "json"))) {
      ChildProcess process = members.get(member);
      if (!process.isAlive() || System.nanoTime() > deadline) {
        throw new IOException("c" + member + " did not become ready; see " + process.log());
      }
      LockSupport.parkNanos(5_000_000);
    }
  }

  /** Kills one; nothing of it is cleaned up. */
  void kill(int member) throws InterruptedException {
    members.get(member).kill();
  }

  /** Starts a killed one again over its directory; returns when it is ready. */
  void restart(int member) throws IOException {
    members.set(member, launch(member));
    await(member);
  }

  ChildProcess member(int member) {
    return members.get(member);
  }

  /** Where one's door is: other than before after a restart. */
  String address(int member) throws IOException {
    return ClusterRig.field(Files.readString(file(member, "json")), "address");
  }

  /** Doors of all, separated by commas. */
  String addresses() throws IOException {
    List<String> all = new ArrayList<>();
    for (int i = 0; i < members.size(); i++) {
      all.add(address(i));
    }
    return String.join(",", all);
  }

  /** Certificates: {@code agent.pem}, {@code coordinator.pem}, their keys, and {@code ca.pem}. */
  Path tls() {
    return work.resolve("tls");
  }

  /** Where one keeps log and state. */
  Path directory(int member) {
    return work.resolve("c" + member);
  }

  /** Where one listens for the others. */
  String raftAddress(int member) {
    return "127.0.0.1:" + raftPorts.get(member);
  }

  /** CPU seconds of all until now. */
  double cpuSeconds() throws IOException {
    double sum = 0;
    for (ChildProcess member : members) {
      sum += member.stat().cpuSeconds();
    }
    return sum;
  }

  @Override
  public void close() {
    members.forEach(ChildProcess::close);
  }
}
