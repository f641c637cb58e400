package dev.larder.dist.quickstart;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.client.LarderClient;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.tls.Authority;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;

/**
 * A cluster on this machine: one coordinator and some agents, each a process of its own with its
 * own directory, certificates and configuration file. One thread.
 */
final class Fleet implements AutoCloseable {
  private static final Duration START_DEADLINE = Duration.ofSeconds(90);
  private static final Duration COUNT_DEADLINE = Duration.ofSeconds(10);
  private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
  private static final List<String> LOOPBACK = List.of("localhost", "127.0.0.1");

  private final Function<String[], List<String>> command;
  private final Path work;
  private final Map<String, String> environment;
  private final ObjectMapper json = new ObjectMapper();
  private final List<ChildProcess> agents = new ArrayList<>();
  private final List<ChildProcess> coordinators = new ArrayList<>();

  /**
   * Starts nothing yet.
   *
   * @param command the words that run a command of this distribution
   * @param environment of the agents: what they show the origin
   */
  Fleet(Function<String[], List<String>> command, Path work, Map<String, String> environment) {
    this.command = command;
    this.work = work;
    this.environment = environment;
  }

  /**
   * Bytes of a node since its start, by its own counters.
   *
   * @param handed to its readers
   * @param local of those, the ones it had when they were asked for
   * @param peer fetched from members, without what those broke off
   * @param origin fetched from the origin
   */
  record Sources(long handed, long local, long peer, long origin) {
    boolean has(long handedBytes, long fetchedBytes) {
      return handed >= handedBytes && peer + origin >= fetchedBytes;
    }

    Sources minus(Sources earlier) {
      return new Sources(
          handed - earlier.handed,
          local - earlier.local,
          peer - earlier.peer,
          origin - earlier.origin);
    }
  }

  void start(int nodes) throws InterruptedException, IOException {
    Authority authority = Authority.open(tls(), Clock.systemUTC());
    authority.issue("coordinator", Role.COORDINATOR, LOOPBACK);
    Path config = work.resolve("coordinator.yaml");
    Files.writeString(
        config,
        """
        tls: {certificate: "%1$s/coordinator.pem", key: "%1$s/coordinator.key", ca: "%1$s/ca.pem"}
        coordinator: {directory: "%2$s/coordinator", listen: "127.0.0.1:0", raft-listen: "127.0.0.1:0", watch-listen: "127.0.0.1:0"}
        """
            .formatted(tls(), work));
    Path ready = work.resolve("coordinator.json");
    ChildProcess coordinator =
        ChildProcess.start(
            "larder coordinator",
            words("coordinator", "--config", config.toString(), "--ready-file", ready.toString()),
            Map.of(),
            work.resolve("coordinator.log"));
    coordinators.add(coordinator);
    coordinator.awaitFile(ready, START_DEADLINE);
    String address = json.readTree(ready.toFile()).path("address").asText();
    for (int node = 1; node <= nodes; node++) {
      authority.issueAgent(name(node), List.of(name(node)), LOOPBACK);
      Files.writeString(
          work.resolve(name(node) + ".yaml"),
          """
          tls: {certificate: "%1$s/%3$s.pem", key: "%1$s/%3$s.key", ca: "%1$s/ca.pem"}
          coordinator: {addresses: ["%2$s"]}
          node: {id: %3$s}
          peer: {listen: "127.0.0.1:0"}
          http: {port: 0}
          """
              .formatted(tls(), address, name(node)));
      agents.add(launch(node));
    }
    for (int node = 1; node <= nodes; node++) {
      agents.get(node - 1).awaitFile(readyFile(node), START_DEADLINE);
    }
    awaitMembers(nodes);
  }

  /** Kills a node's agent as {@code kill -9} does. */
  void kill(int node) throws InterruptedException, IOException {
    agents.get(node - 1).kill();
    Files.deleteIfExists(readyFile(node));
  }

  /** Starts a killed node's agent on its old directory. */
  void startAgain(int node) throws InterruptedException {
    agents.set(node - 1, launch(node));
    agents.get(node - 1).awaitFile(readyFile(node), START_DEADLINE);
  }

  int size() {
    return agents.size();
  }

  static String name(int node) {
    return "node-" + node;
  }

  /** All that it reads goes through the agent, which does not see files opened in its store. */
  LarderClient connect(int node) {
    return LarderClient.builder().agentFile(readyFile(node)).directReads(false).build();
  }

  Path readyFile(int node) {
    return work.resolve(name(node) + ".json");
  }

  /** What a node's own counters say since its start. */
  Sources sources(int node) throws IOException {
    try (LarderClient client = connect(node)) {
      JsonNode status = json.readTree(client.control().statusJson());
      JsonNode reads = status.path("reads");
      long local = reads.path("local").path("bytes").asLong();
      return new Sources(
          local
              + reads.path("peer").path("bytes").asLong()
              + reads.path("origin").path("bytes").asLong(),
          local,
          status.path("peers").path("keptBytes").asLong(),
          status.path("origin").path("bytes").asLong());
    }
  }

  /**
   * As {@link #sources(int)}, once it has counted so many bytes handed out and so many fetched
   * since {@code before}: it counts them when they are out and stored, and the reader may be here
   * sooner. Whatever it says in the end.
   */
  Sources sources(int node, Sources before, long handedBytes, long fetchedBytes)
      throws IOException {
    long end = System.nanoTime() + COUNT_DEADLINE.toNanos();
    Sources now = sources(node);
    while (!now.minus(before).has(handedBytes, fetchedBytes) && System.nanoTime() < end) {
      LockSupport.parkNanos(POLL_NANOS);
      now = sources(node);
    }
    return now;
  }

  /** Every agent knows every other one. */
  private void awaitMembers(int nodes) throws IOException {
    long end = System.nanoTime() + START_DEADLINE.toNanos();
    for (int node = 1; node <= nodes; node++) {
      while (members(node) < nodes) {
        if (System.nanoTime() > end) {
          throw new LarderException(
              ErrorCode.INTERNAL,
              String.format(Locale.ROOT, "%s does not see %d members", name(node), nodes));
        }
        LockSupport.parkNanos(POLL_NANOS);
      }
    }
  }

  private int members(int node) throws IOException {
    try (LarderClient client = connect(node)) {
      return json.readTree(client.control().nodesJson()).path("nodes").size();
    }
  }

  private ChildProcess launch(int node) {
    return ChildProcess.start(
        name(node),
        words(
            "agent",
            "--config",
            work.resolve(name(node) + ".yaml").toString(),
            "--data",
            work.resolve(name(node)).toString(),
            "--run-dir",
            work.resolve(name(node) + ".run").toString(),
            "--ready-file",
            readyFile(node).toString()),
        environment,
        work.resolve(name(node) + ".log"));
  }

  private Path tls() {
    return work.resolve("tls");
  }

  private List<String> words(String... arguments) {
    return command.apply(arguments);
  }

  @Override
  public void close() {
    agents.forEach(ChildProcess::close);
    coordinators.forEach(ChildProcess::close);
  }
}
