package dev.larder.dist.kube;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Larder on a node, by the manifests of {@code csi-driver/deploy} and the steps of
 * docs/KUBERNETES.md. One thread.
 */
public final class Installation {
  /** Where everything of Larder is. */
  public static final String NAMESPACE = "larder-system";

  /** The name of the CSI driver. */
  public static final String DRIVER = "csi.larder.dev";

  private static final String PLACEHOLDER = "/larder-test";
  private static final Duration READY_LIMIT = Duration.ofMinutes(3);
  private static final Duration AGENT_LIMIT = Duration.ofMinutes(1);

  private final KubeNode node;
  private final Path deploy;
  private final String overlay;

  private Installation(KubeNode node, Path deploy, String overlay) {
    this.node = node;
    this.deploy = deploy;
    this.overlay = overlay;
  }

  /**
   * Applies the overlay for this node, and waits until all of it is ready.
   *
   * @param credentials of the origin: what datasets read from {@code /etc/larder/origins/test}
   */
  public static Installation install(KubeNode node, String credentials)
      throws IOException, InterruptedException {
    return install(node, credentials, "local", 1);
  }

  /** As {@link #install(KubeNode, String)}, with three coordinators. */
  public static Installation installThree(KubeNode node, String credentials)
      throws IOException, InterruptedException {
    return install(node, credentials, "local-three", 3);
  }

  private static Installation install(
      KubeNode node, String credentials, String overlay, int coordinators)
      throws IOException, InterruptedException {
    Path deploy = node.work().resolve("deploy");
    if (!Files.exists(deploy)) {
      copy(node.deploy(), deploy);
    }
    Installation larder = new Installation(node, deploy, overlay);
    larder.makePlaces(coordinators);
    larder.makeSecrets(credentials, coordinators);
    String unused = node.kubectl("apply", "-k", larder.overlay());
    larder.awaitReady();
    return larder;
  }

  private String overlay() {
    return deploy.resolve("overlays").resolve(overlay).toString();
  }

  private static void copy(Path from, Path to) {
    try (Stream<Path> tree = Files.walk(from)) {
      for (Path each : tree.toList()) {
        Path target = to.resolve(from.relativize(each).toString());
        if (Files.isDirectory(each)) {
          Files.createDirectories(target);
        } else if (each.toString().contains("/overlays/local")) {
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

  private void makePlaces(int coordinators) throws IOException, InterruptedException {
    for (int i = 0; i < coordinators; i++) {
      Path place =
          Files.createDirectories(node.work().resolve(overlay).resolve("coordinator-" + i));
      // A volume plug-in would do that by fsGroup, which host paths know nothing of.
      String unused =
          Shell.must(Duration.ofSeconds(10), List.of("chown", "65532:65532", place.toString()));
    }
  }

  private void makeSecrets(String credentials, int coordinators) throws InterruptedException {
    Path pki = node.work().resolve(overlay).resolve("pki");
    String unused = node.kubectl("create", "namespace", NAMESPACE);
    for (String role : List.of("agent", "coordinator")) {
      List<String> command = new ArrayList<>();
      command.add(node.home().resolve("bin/larder").toString());
      command.addAll(List.of("certs", pki.toString(), "--role", role, "--file", role));
      if (role.equals("agent")) {
        command.addAll(List.of("--node", "*"));
      }
      for (int i = 0; role.equals("coordinator") && i < coordinators; i++) {
        command.addAll(
            List.of(
                "--name", "larder-coordinator-" + i + ".larder-coordinator." + NAMESPACE + ".svc"));
      }
      unused = Shell.must(AGENT_LIMIT, command);
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
            "--from-literal=test=" + credentials);
  }

  /** Waits until coordinator, keeper, agent and provisioner are rolled out. */
  public void awaitReady() throws InterruptedException {
    for (String object :
        List.of("sts/larder-coordinator", "ds/larder-agent", "deploy/larder-provisioner")) {
      Shell.Result result =
          node.tryKubectl(
              "-n",
              NAMESPACE,
              "rollout",
              "status",
              object,
              "--timeout=" + READY_LIMIT.toSeconds() + "s");
      if (result.status() != 0) {
        throw Shell.failed(object + " is not ready: " + result.errors() + words());
      }
    }
    // kubectl tells no rollout of what is replaced on deletion only.
    String unused =
        node.kubectl(
            "-n",
            NAMESPACE,
            "wait",
            "--for=condition=Ready",
            "pod",
            "-l",
            "app.kubernetes.io/name=larder-keeper",
            "--timeout=" + READY_LIMIT.toSeconds() + "s");
    Shell.await("the keeper", READY_LIMIT, () -> isReady("larder-keeper"));
  }

  private boolean isReady(String daemonSet) {
    return node.field("ds/" + daemonSet, NAMESPACE, ".status.numberReady").equals("1");
  }

  /** What is to be looked at when something does not come. */
  public String words() throws InterruptedException {
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
  public String larder(String... arguments) throws InterruptedException {
    String[] command = new String[arguments.length + 6];
    List<String> before = List.of("-n", NAMESPACE, "exec", "ds/larder-agent", "--", "larder");
    for (int i = 0; i < before.size(); i++) {
      command[i] = before.get(i);
    }
    System.arraycopy(arguments, 0, command, before.size(), arguments.length);
    return node.kubectl(command);
  }

  /** Defines a dataset over an S3 server's prefix, with the credentials of the installation. */
  public void createDataset(String name, String uri, String endpoint) throws InterruptedException {
    String unused =
        larder(
            "dataset",
            "create",
            name,
            uri,
            "--endpoint",
            endpoint,
            "--region",
            "us-east-1",
            "--path-style",
            "-O",
            "credentials=file:/etc/larder/origins/test");
  }

  /** The agent's Java on this machine; -1 while there is none or more than one. */
  public long agentPid() {
    List<ProcessHandle> found =
        KubeNode.processes("dev.larder.dist.Main agent", "--data=" + node.work().resolve("data"));
    return found.size() == 1 ? found.getFirst().pid() : -1;
  }

  /** When the agent that serves was started, as it says itself; empty while none says so. */
  public String agentStart() {
    return Shell.lines(node.work().resolve("run-larder/agent.json")).stream()
        .findFirst()
        .map(line -> line.replaceAll(".*\"startedAt\":\"([^\"]*)\".*", "$1"))
        .orElse("");
  }

  /** Kills the agent's process as the kernel's out-of-memory killer would. */
  public void killAgent() {
    long pid = agentPid();
    if (pid < 0 || !ProcessHandle.of(pid).orElseThrow().destroyForcibly()) {
      throw Shell.failed("no agent to kill");
    }
  }

  /** Waits until another agent serves than the one that began at a time. */
  public void awaitAnotherAgent(String before) {
    Shell.await(
        "the next agent",
        AGENT_LIMIT,
        () -> !agentStart().isEmpty() && !agentStart().equals(before) && agentPid() > 0);
  }

  /** Applies the examples, as they are. */
  public void applyExamples() throws InterruptedException {
    String unused = node.kubectl("apply", "-k", deploy.resolve("examples").toString());
  }

  /** Deletes them; a node that was drained has lost those that nobody makes again. */
  public void deleteExamples() throws InterruptedException {
    String unused =
        node.kubectl("delete", "-k", deploy.resolve("examples").toString(), "--ignore-not-found");
  }

  /** Takes Larder off the node, as the page says. */
  public void uninstall() throws InterruptedException {
    String unused = node.kubectl("delete", "-k", overlay(), "--timeout=120s");
  }
}
