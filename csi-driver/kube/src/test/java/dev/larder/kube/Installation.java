package dev.larder.kube;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

/** Larder on a node, by the manifests of {@code csi-driver/deploy} and the page's own steps. */
final class Installation {
  static final String NAMESPACE = "larder-system";
  static final String DRIVER = "csi.larder.dev";

  private static final Path DEPLOY = Path.of("../deploy").toAbsolutePath().normalize();
  private static final String PLACEHOLDER = "/larder-test";
  private static final Duration READY_LIMIT = Duration.ofMinutes(3);
  private static final Duration AGENT_LIMIT = Duration.ofMinutes(1);

  private final KubeNode node;
  private final Path deploy;

  private Installation(KubeNode node, Path deploy) {
    this.node = node;
    this.deploy = deploy;
  }

  /** Applies the overlay for this node, and waits until all of it is ready. */
  static Installation install(KubeNode node, Origin origin) throws Exception {
    Path deploy = node.work().resolve("deploy");
    copy(DEPLOY, deploy);
    Installation larder = new Installation(node, deploy);
    larder.makePlaces();
    larder.makeSecrets(origin);
    String unused = node.kubectl("apply", "-k", larder.overlay());
    larder.awaitReady();
    return larder;
  }

  private String overlay() {
    return deploy.resolve("overlays/local").toString();
  }

  private static void copy(Path from, Path to) {
    try (Stream<Path> tree = Files.walk(from)) {
      for (Path each : tree.toList()) {
        Path target = to.resolve(from.relativize(each).toString());
        if (Files.isDirectory(each)) {
          Files.createDirectories(target);
        } else if (each.toString().contains("/overlays/local/")) {
          String text = Files.readString(each);
          Files.writeString(target, text.replace(PLACEHOLDER, String.valueOf(to.getParent())));
        } else {
          Files.copy(each, target);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void makePlaces() throws Exception {
    Path coordinator = Files.createDirectories(node.work().resolve("coordinator"));
    // A volume plug-in would do that by fsGroup, which host paths know nothing of.
    String unused =
        Shell.must(Duration.ofSeconds(10), List.of("chown", "65532:65532", "" + coordinator));
  }

  private void makeSecrets(Origin origin) throws Exception {
    Path pki = node.work().resolve("larder-pki");
    String unused = node.kubectl("create", "namespace", NAMESPACE);
    for (String role : List.of("agent", "coordinator")) {
      unused =
          Shell.must(
              AGENT_LIMIT,
              List.of(
                  KubeNode.home().resolve("bin/larder").toString(),
                  "certs",
                  pki.toString(),
                  "--role",
                  role,
                  "--file",
                  role,
                  "--name",
                  KubeNode.ADDRESS));
      unused =
          node.kubectl(
              "-n",
              NAMESPACE,
              "create",
              "secret",
              "generic",
              "larder-" + role + "-tls",
              "--from-file=tls.crt=" + pki.resolve(role + ".pem"),
              "--from-file=tls.key=" + pki.resolve(role + ".key"),
              "--from-file=ca.crt=" + pki.resolve("ca.pem"));
    }
    unused =
        node.kubectl(
            "-n",
            NAMESPACE,
            "create",
            "secret",
            "generic",
            "larder-origins",
            "--from-literal=test=" + origin.credentials());
  }

  /** Waits until coordinator, keeper, agent and provisioner are rolled out. */
  void awaitReady() throws Exception {
    for (String object :
        List.of(
            "sts/larder-coordinator",
            "ds/larder-keeper",
            "ds/larder-agent",
            "deploy/larder-provisioner")) {
      Shell.Result result =
          node.tryKubectl(
              "-n",
              NAMESPACE,
              "rollout",
              "status",
              object,
              "--timeout=" + READY_LIMIT.toSeconds() + "s");
      if (result.status() != 0 && !object.contains("keeper")) {
        throw new AssertionError(object + " is not ready: " + result.errors() + words());
      }
    }
    Shell.await("the keeper", READY_LIMIT, () -> isReady("larder-keeper"));
  }

  private boolean isReady(String daemonSet) {
    return node.field("ds/" + daemonSet, NAMESPACE, ".status.numberReady").equals("1");
  }

  /** What is to be looked at when something does not come. */
  String words() throws Exception {
    StringBuilder text = new StringBuilder("\n");
    text.append(node.tryKubectl("get", "pods", "-A", "-o", "wide").output());
    text.append(node.tryKubectl("get", "events", "-A", "--sort-by=.lastTimestamp").output());
    for (String pod : List.of("larder-agent", "larder-keeper", "larder-coordinator")) {
      text.append("--- ").append(pod).append('\n');
      text.append(
          node.tryKubectl(
                  "-n",
                  NAMESPACE,
                  "logs",
                  "-l",
                  "app.kubernetes.io/name=" + pod,
                  "--tail=60",
                  "--prefix=false")
              .output());
    }
    return text.toString();
  }

  /** The command line in the agent's container. */
  String larder(String... arguments) throws Exception {
    String[] command = new String[arguments.length + 6];
    List<String> before = List.of("-n", NAMESPACE, "exec", "ds/larder-agent", "--", "larder");
    for (int i = 0; i < before.size(); i++) {
      command[i] = before.get(i);
    }
    System.arraycopy(arguments, 0, command, before.size(), arguments.length);
    return node.kubectl(command);
  }

  /** Defines a dataset over a prefix of the origin. */
  void createDataset(String name, Origin origin) throws Exception {
    String unused =
        larder(
            "dataset",
            "create",
            name,
            Origin.uri(name),
            "--endpoint",
            origin.endpoint(),
            "--region",
            "us-east-1",
            "-O",
            "credentials=file:/etc/larder/origins/test");
  }

  /** The agent's Java on this machine; -1 while there is none or more than one. */
  long agentPid() {
    List<ProcessHandle> found =
        KubeNode.processes("dev.larder.dist.Main agent", "--data=" + node.work().resolve("data"));
    return found.size() == 1 ? found.getFirst().pid() : -1;
  }

  /** When the agent that serves was started, as it says itself; empty while none says so. */
  String agentStart() {
    return Shell.lines(node.work().resolve("run-larder/agent.json")).stream()
        .findFirst()
        .map(line -> line.replaceAll(".*\"startedAt\":\"([^\"]*)\".*", "$1"))
        .orElse("");
  }

  /** Kills the agent's process as the kernel's out-of-memory killer would. */
  void killAgent() {
    long pid = agentPid();
    if (pid < 0 || !ProcessHandle.of(pid).orElseThrow().destroyForcibly()) {
      throw new AssertionError("no agent to kill");
    }
  }

  /** Waits until another agent serves than the one that began at a time. */
  void awaitAnotherAgent(String before) {
    Shell.await(
        "the next agent",
        AGENT_LIMIT,
        () -> !agentStart().isEmpty() && !agentStart().equals(before) && agentPid() > 0);
  }

  /** Applies the examples, as they are. */
  void applyExamples() throws Exception {
    String unused = node.kubectl("apply", "-k", deploy.resolve("examples").toString());
  }

  /** Deletes them; a node that was drained has lost those that nobody makes again. */
  void deleteExamples() throws Exception {
    String unused =
        node.kubectl(
            "delete", "-k", deploy.resolve("examples").toString(), "--ignore-not-found");
  }

  void uninstall() throws Exception {
    String unused = node.kubectl("delete", "-k", overlay(), "--timeout=120s");
  }
}
