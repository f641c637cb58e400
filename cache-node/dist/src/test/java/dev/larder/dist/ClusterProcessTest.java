package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.client.Control.ControlApi;
import dev.larder.client.LarderClient;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The processes of a cluster from their configuration files: three coordinators and one agent. */
@Timeout(300)
class ClusterProcessTest {
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  @TempDir Path directory;

  private final Map<String, Process> processes = new TreeMap<>();

  @AfterEach
  void end() throws Exception {
    for (Process process : processes.values()) {
      process.destroyForcibly().waitFor();
    }
  }

  @Test
  void coordinatorsAndAnAgentFromFilesSurviveTheLeadersKill() throws Exception {
    Path certs = directory.resolve("certs");
    for (String role : List.of("coordinator", "agent", "client")) {
      List<String> words = new ArrayList<>(List.of("certs", certs.toString(), "--role", role));
      if (role.equals("agent")) {
        words.addAll(List.of("--node", "node-1"));
      }
      assertEquals(0, larder(new StringWriter(), words.toArray(String[]::new)));
    }
    List<String> doors = new ArrayList<>();
    List<String> peers = new ArrayList<>();
    List<Integer> ports = freePorts(8);
    for (int i = 0; i < 3; i++) {
      doors.add("127.0.0.1:" + ports.get(i));
      peers.add("c" + (i + 1) + "=127.0.0.1:" + ports.get(3 + i));
    }
    for (int i = 0; i < 3; i++) {
      Path config = directory.resolve("c" + (i + 1) + ".yaml");
      Files.writeString(
          config,
          """
          tls: {certificate: %1$s/coordinator.pem, key: %1$s/coordinator.key, ca: %1$s/ca.pem}
          coordinator:
            id: c%2$d
            directory: %3$s/c%2$d
            listen: %4$s
            raft-listen: %5$s
            watch-listen: 127.0.0.1:0
            peers: [%6$s]
            free-space-min: 1MiB
          """
              .formatted(
                  certs,
                  i + 1,
                  directory,
                  doors.get(i),
                  peers.get(i).substring(3),
                  String.join(", ", peers)));
      launch("c" + (i + 1), "coordinator", "--config", config.toString());
    }
    Path config = directory.resolve("agent.yaml");
    Files.writeString(
        config,
        """
        tls: {certificate: %1$s/node-1.pem, key: %1$s/node-1.key, ca: %1$s/ca.pem}
        coordinator: {addresses: [%2$s]}
        node: {id: node-1, zone: z1, labels: [pool=gpu]}
        http: {port: 0}
        """
            .formatted(certs, String.join(", ", doors)));
    launch(
        "agent",
        "agent",
        "--config",
        config.toString(),
        "--data",
        directory.resolve("data").toString(),
        "--run-dir",
        directory.resolve("run").toString());
    Path ready = directory.resolve("agent.json");
    await("all are ready", () -> processes.keySet().stream().allMatch(this::isReady));

    try (LarderClient client = LarderClient.builder().agentFile(ready).build()) {
      ControlApi control = client.control();
      await("the node is a member", () -> control.nodesJson().contains("\"node-1\""));
      await("it tracks", () -> control.nodesJson().contains("\"active\""));
      String leader = leader(control);
      Path origin = Files.createDirectories(directory.resolve("origin"));
      Files.writeString(origin.resolve("f"), "hello");
      control.create("before", origin.toUri().toString(), Map.of(), (objects, bytes) -> {});

      Process killed = processes.get(leader);
      killed.destroyForcibly().waitFor();
      long began = System.nanoTime();
      control.create("after", origin.toUri().toString(), Map.of(), (objects, bytes) -> {});
      System.err.printf(
          "a dataset was made %d ms after kill -9 of the leader%n",
          (System.nanoTime() - began) / 1_000_000);
      assertEquals(2, control.datasets().size());
      await("another leads", () -> !leader(control).equals(leader));
      await(
          "the killed one is called silent",
          () -> {
            StringWriter list = new StringWriter();
            return larder(list, "coordinators", "list", "--agent", ready.toString()) == 0
                && list.toString()
                    .lines()
                    .anyMatch(line -> line.startsWith(leader + " ") && line.contains(" silent "));
          });

      Files.move(directory.resolve(leader), directory.resolve("lost"));
      replace(certs, ready, leader, ports.get(6), ports.get(7));
      control.create("replaced", origin.toUri().toString(), Map.of(), (objects, bytes) -> {});

      StringWriter nodes = new StringWriter();
      assertEquals(0, larder(nodes, "nodes", "--agent", ready.toString()));
      assertTrue(nodes.toString().contains("node-1  active  z1"), nodes.toString());
      assertEquals(
          0, larder(new StringWriter(), "node", "drain", "node-1", "--agent", ready.toString()));
      await("it drains", () -> control.nodesJson().contains("\"draining\""));
      StringWriter coordinators = new StringWriter();
      assertEquals(0, larder(coordinators, "coordinators", "list", "--agent", ready.toString()));
      assertEquals(4, coordinators.toString().lines().count(), coordinators.toString());
      await(
          "status tells of the cluster",
          () -> control.statusJson().contains("\"coordinators\":3,\"majority\":true"));

      // With two of three gone changes wait and say so, and what is there is read.
      String second = leader(control);
      processes.get(second).destroyForcibly().waitFor();
      String third =
          List.of("c1", "c2", "c3").stream()
              .filter(id -> processes.get(id).isAlive())
              .findFirst()
              .orElseThrow();
      processes.get(third).destroyForcibly().waitFor();
      await(
          "status says that no majority answers",
          () ->
              !control.statusJson().contains("\"majority\":true")
                  || control.statusJson().contains("\"unavailable\""));
      assertEquals(3, control.datasets().size());
      String last =
          List.of("c1", "c2", "c3", "c4").stream()
              .filter(id -> processes.get(id).isAlive())
              .findFirst()
              .orElseThrow();
      await("the one that is left says that it is not ready", () -> readiness(last) == 503);
    }
  }

  /** As a person does it who has lost a coordinator with its disk. */
  private void replace(Path certs, Path ready, String dead, int door, int raftDoor)
      throws Exception {
    Path config = directory.resolve("c4.yaml");
    Files.writeString(
        config,
        """
        tls: {certificate: %1$s/coordinator.pem, key: %1$s/coordinator.key, ca: %1$s/ca.pem}
        coordinator:
          id: c4
          directory: %2$s/c4
          join: true
          listen: 127.0.0.1:%3$d
          raft-listen: 127.0.0.1:%4$d
          watch-listen: 127.0.0.1:0
          free-space-min: 1MiB
        """
            .formatted(certs, directory, door, raftDoor));
    launch("c4", "coordinator", "--config", config.toString());
    await("the new one runs", () -> processes.get("c4").isAlive());
    String fresh = "c4=127.0.0.1:" + raftDoor;
    refuses("there is no coordinator \"c9\"", ready, "c9", fresh);
    refuses("must not come back as", ready, dead, dead + "=127.0.0.1:" + raftDoor);
    refuses("ID=HOST:PORT", ready, dead, "c4=127.0.0.1");
    StringWriter said = new StringWriter();
    await(
        "replaced: " + said,
        () ->
            larder(said, "coordinators", "replace", dead, fresh, "--agent", ready.toString()) == 0);
    StringWriter list = new StringWriter();
    assertEquals(0, larder(list, "coordinators", "list", "--agent", ready.toString()));
    assertTrue(list.toString().lines().anyMatch(line -> line.startsWith("c4 ")), list.toString());
    assertTrue(
        list.toString().lines().noneMatch(line -> line.startsWith(dead + " ")), list.toString());
    await("the new one is ready", () -> isReady("c4"));
  }

  private static void refuses(String why, Path ready, String dead, String fresh) {
    StringWriter said = new StringWriter();
    int status = larder(said, "coordinators", "replace", dead, fresh, "--agent", ready.toString());
    assertTrue(status != 0 && said.toString().contains(why), status + " " + said);
  }

  /** Status of {@code /readyz} of a coordinator. */
  private int readiness(String name) {
    try {
      String ready = Files.readString(directory.resolve(name + ".json"));
      int at = ready.indexOf("\"watchAddress\":\"") + "\"watchAddress\":\"".length();
      String address = ready.substring(at, ready.indexOf('"', at));
      URL url = URI.create("http://" + address + "/readyz").toURL();
      return ((HttpURLConnection) url.openConnection()).getResponseCode();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void anUnknownKeyStopsTheStartAndIsNamed() throws Exception {
    Path config = directory.resolve("bad.yaml");
    Files.writeString(config, "coordinator: {colour: red}\n");
    for (String process : List.of("agent", "coordinator")) {
      StringWriter out = new StringWriter();
      assertEquals(2, larder(out, process, "--config", config.toString()), out.toString());
      assertTrue(out.toString().contains("coordinator.colour"), out.toString());
    }
    Files.writeString(config, "coordinator: {addresses: 'host:1'}\n");
    StringWriter out = new StringWriter();
    assertEquals(2, larder(out, "agent", "--config", config.toString()));
    assertTrue(out.toString().contains("tls.key"), out.toString());
  }

  @Test
  void anAgentWhoseCertificateDoesNotNameItDoesNotStart() throws Exception {
    Path certs = directory.resolve("certs");
    StringWriter refused = new StringWriter();
    assertEquals(2, larder(refused, "certs", certs.toString(), "--role", "agent"));
    assertTrue(refused.toString().contains("--node"), refused.toString());
    List<String> words = List.of("certs", certs.toString(), "--role", "agent", "--file", "own");
    for (String[] names :
        new String[][] {{"--node", "node-6"}, {"--node", "*"}, {"--node", "x", "--node", "y"}}) {
      List<String> all = new ArrayList<>(words);
      all.addAll(List.of(names));
      assertEquals(0, larder(new StringWriter(), all.toArray(String[]::new)));
      String what = String.join(" ", names);
      assertTrue(start(certs, "node: {id: node-7}").contains("larder://node/node-7"), what);
      if (!what.equals("--node node-6")) {
        assertTrue(start(certs, "").contains("node.id must be set"), what);
      }
    }
  }

  /** What an agent says that does not start. */
  private String start(Path certs, String more) throws IOException {
    Path config = directory.resolve("agent.yaml");
    Files.writeString(
        config,
        """
        tls: {certificate: %1$s/own.pem, key: %1$s/own.key, ca: %1$s/ca.pem}
        coordinator: {addresses: ['127.0.0.1:1']}
        %2$s
        """
            .formatted(certs, more));
    StringWriter out = new StringWriter();
    Path data = directory.resolve("never");
    assertEquals(2, larder(out, "agent", "--config", config.toString(), "--data", data.toString()));
    assertFalse(Files.exists(data), "nothing was begun");
    return out.toString();
  }

  private static String leader(ControlApi control) {
    String json = control.coordinatorsJson();
    int at = json.indexOf("\"leader\":true");
    if (at < 0) {
      return "";
    }
    int id = json.lastIndexOf("\"id\":\"", at) + "\"id\":\"".length();
    return json.substring(id, json.indexOf('"', id));
  }

  private static int larder(StringWriter out, String... arguments) {
    PrintWriter to = new PrintWriter(out, true);
    return Main.commandLine().setOut(to).setErr(to).execute(arguments);
  }

  private void launch(String name, String... arguments) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx192m",
                "-XX:TieredStopAtLevel=1",
                "-ea",
                "-Djava.io.tmpdir=" + Files.createDirectories(directory.resolve("tmp")),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.larder.dist.Main"));
    command.addAll(List.of(arguments));
    command.addAll(List.of("--ready-file", directory.resolve(name + ".json").toString()));
    processes.put(
        name,
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve(name + ".log").toFile())
            .start());
  }

  private boolean isReady(String name) {
    if (!processes.get(name).isAlive()) {
      throw new AssertionError(name + " ended: " + log(name));
    }
    return Files.exists(directory.resolve(name + ".json"));
  }

  private String log(String name) {
    try {
      return Files.readString(directory.resolve(name + ".log"));
    } catch (IOException e) {
      return e.toString();
    }
  }

  private static List<Integer> freePorts(int count) throws IOException {
    List<ServerSocket> sockets = new ArrayList<>();
    try {
      for (int i = 0; i < count; i++) {
        sockets.add(new ServerSocket(0));
      }
      return sockets.stream().map(ServerSocket::getLocalPort).toList();
    } finally {
      for (ServerSocket socket : sockets) {
        socket.close();
      }
    }
  }

  private static void await(String what, BooleanSupplier condition) {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      try {
        if (condition.getAsBoolean()) {
          return;
        }
      } catch (dev.larder.protocol.LarderException e) {
        // An election may be going on.
        if (System.nanoTime() > end) {
          throw e;
        }
      }
      if (System.nanoTime() > end) {
        throw new AssertionError("not within " + PATIENCE + ": " + what);
      }
      LockSupport.parkNanos(20_000_000);
    }
  }
}
