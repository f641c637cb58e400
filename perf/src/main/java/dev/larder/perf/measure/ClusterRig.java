package dev.larder.perf.measure;

import dev.larder.client.LarderClient;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.tls.Authority;
import dev.larder.perf.Bench;
import dev.larder.perf.process.ChildProcess;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * One coordinator and some agents of the distribution, each a process with a directory of its own.
 * One thread.
 */
final class ClusterRig implements AutoCloseable {
  private static final long START_NANOS_MAX = TimeUnit.SECONDS.toNanos(120);

  private final Bench bench;
  private final Path work;
  private final List<Host> hosts;
  private final List<ChildProcess> agents = new ArrayList<>();
  private final ChildProcess coordinator;

  /**
   * Where a process runs.
   *
   * @param address others reach it at
   * @param prefix words in front of its command; none for this host as it is
   */
  record Host(String address, List<String> prefix) {
    static final Host HERE = new Host("127.0.0.1", List.of());
  }

  private ClusterRig(Bench bench, Path work, List<Host> hosts, ChildProcess coordinator) {
    this.bench = bench;
    this.work = work;
    this.hosts = hosts;
    this.coordinator = coordinator;
  }

  /**
   * Starts all; returns when every agent is ready and knows the others.
   *
   * @param hosts of the agents
   * @param settings {@code KEY: VALUE} lines of the agents' configuration
   */
  static ClusterRig start(Bench bench, Host ofCoordinator, List<Host> hosts, String settings)
      throws IOException {
    Path work = bench.fresh("cluster");
    Authority authority = Authority.open(work.resolve("tls"), Clock.systemUTC());
    List<String> names = new ArrayList<>(List.of("localhost", "127.0.0.1", ofCoordinator.address));
    hosts.forEach(host -> names.add(host.address));
    List<String> distinct = names.stream().distinct().toList();
    authority.issue("coordinator", Role.COORDINATOR, distinct);
    List<String> nodes = IntStream.range(0, hosts.size()).mapToObj(i -> "node-" + i).toList();
    authority.issueAgent("agent", nodes, distinct);
    Files.writeString(
        work.resolve("coordinator.yaml"),
        """
        tls: {certificate: "%1$s/coordinator.pem", key: "%1$s/coordinator.key", ca: "%1$s/ca.pem"}
        coordinator: {directory: "%2$s/coordinator", listen: "%3$s:0", raft-listen: "%3$s:0"}
        """
            .formatted(work.resolve("tls"), work, ofCoordinator.address));
    Path ready = work.resolve("coordinator.json");
    ChildProcess coordinator =
        launch(
            bench,
            "coordinator",
            ofCoordinator,
            List.of("--config", work.resolve("coordinator.yaml").toString()),
            ready);
    ClusterRig rig = new ClusterRig(bench, work, hosts, coordinator);
    boolean isUp = false;
    try {
      rig.await(coordinator, ready);
      rig.startAgents(field(Files.readString(ready), "address"), settings);
      isUp = true;
      return rig;
    } finally {
      if (!isUp) {
        rig.close();
      }
    }
  }

  private void startAgents(String coordinatorAddress, String settings) throws IOException {
    for (int node = 0; node < hosts.size(); node++) {
      Path run = Files.createDirectories(work.resolve("run-" + node));
      Files.setPosixFilePermissions(run, PosixFilePermissions.fromString("rwx------"));
      Files.writeString(
          work.resolve("node-" + node + ".yaml"),
          """
          tls.certificate: "%1$s/agent.pem"
          tls.key: "%1$s/agent.key"
          tls.ca: "%1$s/ca.pem"
          coordinator.addresses: ["%2$s"]
          node.id: node-%3$d
          peer.listen: "%4$s:0"
          http.port: 0
          %5$s
          """
              .formatted(
                  work.resolve("tls"),
                  coordinatorAddress,
                  node,
                  hosts.get(node).address,
                  settings));
      agents.add(
          launch(
              bench,
              "agent",
              hosts.get(node),
              List.of(
                  "--config",
                  work.resolve("node-" + node + ".yaml").toString(),
                  "--data",
                  work.resolve("data-" + node).toString(),
                  "--run-dir",
                  run.toString()),
              readyFile(node)));
    }
    for (int node = 0; node < hosts.size(); node++) {
      await(agents.get(node), readyFile(node));
    }
    long deadline = System.nanoTime() + START_NANOS_MAX;
    for (int node = 0; node < hosts.size(); node++) {
      while (count("\"id\"", run(node, "nodes", "-o", "json")) < hosts.size()) {
        if (System.nanoTime() > deadline) {
          throw new IOException("node-" + node + " does not know all members");
        }
        LockSupport.parkNanos(200_000_000);
      }
    }
  }

  private static int count(String what, String text) {
    return text.split(Pattern.quote(what), -1).length - 1;
  }

  private static ChildProcess launch(
      Bench bench, String what, Host host, List<String> arguments, Path ready) throws IOException {
    List<String> command = new ArrayList<>(host.prefix);
    command.addAll(List.of(program(bench).toString(), what));
    command.addAll(arguments);
    command.addAll(List.of("--ready-file", ready.toString()));
    String log = ready.getFileName().toString().replace(".json", "");
    return bench.children().start(log, command, Map.of());
  }

  static Path program(Bench bench) throws IOException {
    Path program = bench.root().resolve("cache-node/dist/target/larder/bin/larder");
    if (!Files.isExecutable(program)) {
      throw new IOException("no distribution at " + program + "; ./larder --version builds it");
    }
    return program;
  }

  private void await(ChildProcess process, Path ready) throws IOException {
    long deadline = System.nanoTime() + START_NANOS_MAX;
    while (!Files.exists(ready)) {
      if (!process.isAlive() || System.nanoTime() > deadline) {
        throw new IOException("it did not become ready; see " + process.log());
      }
      LockSupport.parkNanos(20_000_000);
    }
  }

  /** Runs a command of the CLI against an agent, where the agent runs; its standard output. */
  String run(int node, String... words) throws IOException {
    List<String> command = new ArrayList<>(hosts.get(node).prefix);
    command.add(program(bench).toString());
    command.addAll(List.of(words));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("LARDER_AGENT", readyFile(node).toString());
    Process process = builder.start();
    try {
      process.getOutputStream().close();
      String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) {
        throw new IOException(String.join(" ", command) + ": " + text);
      }
      return text;
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  /** What an agent wrote when it was ready: address and token of its front door. */
  Path readyFile(int node) {
    return work.resolve("node-" + node + ".json");
  }

  /** A client of an agent that runs on this host; the caller closes it. */
  LarderClient client(int node) {
    return LarderClient.builder().agentFile(readyFile(node)).build();
  }

  /** Certificates: {@code agent.pem}, {@code agent.key}, {@code ca.pem}. */
  Path tls() {
    return work.resolve("tls");
  }

  Path data(int node) {
    return work.resolve("data-" + node);
  }

  /** Where an agent's peer door listens, {@code host:port}. */
  String peerDoor(int node) throws IOException {
    String nodes = run(node, "nodes", "-o", "json");
    Matcher own =
        Pattern.compile(
                "\"id\"\\s*:\\s*\"node-" + node + "\"[^}]*?\"address\"\\s*:\\s*\"([^\"]+)\"")
            .matcher(nodes);
    if (!own.find()) {
      throw new IOException("node-" + node + " has no door in " + nodes);
    }
    return own.group(1);
  }

  static String field(String json, String name) throws IOException {
    Matcher matcher = Pattern.compile("\"" + name + "\"\\s*:\\s*\"([^\"]+)\"").matcher(json);
    if (!matcher.find()) {
      throw new IOException("there is no " + name + " in " + json);
    }
    return matcher.group(1);
  }

  @Override
  public void close() {
    agents.forEach(ChildProcess::close);
    coordinator.close();
  }
}
