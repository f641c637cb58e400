package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.AgentConfig;
import dev.larder.agent.config.ConfigTree;
import dev.larder.csi.CsiConfig;
import dev.larder.keeper.KeeperConfig;
import dev.larder.mount.MountSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The manifests of csi-driver/deploy against the code: keys, command lines, names, privileges. */
class KubernetesManifestsTest {
  private static final Path DEPLOY = Path.of("../../csi-driver/deploy");
  private static final Path BASE = DEPLOY.resolve("base");

  private static List<Manifest> documents(Path file) throws IOException {
    return Manifest.documents(String.valueOf(file.getFileName()), Files.readString(file));
  }

  private static List<Manifest> all() throws IOException {
    List<Manifest> nodes = new ArrayList<>();
    for (String file :
        documents(BASE.resolve("kustomization.yaml")).getFirst().texts("resources")) {
      nodes.addAll(documents(BASE.resolve(file)));
    }
    return nodes;
  }

  private static Manifest object(String kind, String name) throws IOException {
    return all().stream()
        .filter(node -> node.kind().equals(kind))
        .filter(node -> node.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no " + kind + " " + name));
  }

  private static Manifest pod(String kind, String name) throws IOException {
    return object(kind, name).in("spec").in("template").in("spec");
  }

  private static List<Manifest> pods() throws IOException {
    return List.of(
        pod("DaemonSet", "larder-agent"),
        pod("DaemonSet", "larder-keeper"),
        pod("StatefulSet", "larder-coordinator"),
        pod("Deployment", "larder-provisioner"));
  }

  @Test
  void everyFileIsYamlAndPartOfSomething() throws IOException {
    Set<String> named = new HashSet<>(Set.of("kustomization.yaml"));
    List<Path> files;
    try (Stream<Path> tree = Files.walk(DEPLOY)) {
      files = tree.filter(path -> path.toString().endsWith(".yaml")).toList();
    }
    assertTrue(files.size() > 15, files.toString());
    for (Path file : files) {
      List<Manifest> nodes = documents(file);
      assertFalse(nodes.isEmpty(), file.toString());
      if (file.endsWith("kustomization.yaml")) {
        Path folder = file.getParent();
        List<String> parts = new ArrayList<>();
        for (String key : List.of("resources", "components")) {
          if (nodes.getFirst().has(key)) {
            parts.addAll(nodes.getFirst().texts(key));
          }
        }
        nodes
            .getFirst()
            .list("configMapGenerator")
            .forEach(map -> parts.addAll(map.texts("files")));
        for (String part : parts) {
          assertTrue(Files.exists(folder.resolve(part)), file + " names " + part);
          named.add(part);
        }
      }
    }
    List<Path> orphans =
        files.stream().filter(file -> !named.contains(file.getFileName().toString())).toList();
    assertEquals(List.of(), orphans);
  }

  @ParameterizedTest
  @ValueSource(strings = {"base", "overlays/three-coordinators"})
  void everyKeyIsKnown(String folder) throws IOException {
    String yaml = Files.readString(DEPLOY.resolve(folder).resolve("larder.yaml"));
    List<Manifest> processes =
        List.of(
            pod("DaemonSet", "larder-agent").container(),
            pod("StatefulSet", "larder-coordinator").container());
    for (Manifest process : processes) {
      ConfigTree tree = ConfigTree.ofYaml(yaml);
      for (String argument : process.arguments()) {
        if (argument.startsWith("--set=")) {
          String[] pair = argument.substring(6).split("=", 2);
          tree.put(pair[0], pair[1]);
        }
      }
      // An agent's container may not mount.
      assertEquals("false", tree.peek("keeper.start").orElse(""));
      MountSettings mounts = MountSettings.of(tree);
      // Longer than kubelet takes to bring secrets again, up to two minutes.
      assertTrue(mounts.fuse().readDeadline().compareTo(Duration.ofMinutes(2)) > 0, folder);
      CsiConfig csi = CsiConfig.of(tree);
      var unused = CoordinatorKeys.of(tree);
      ClusterKeys keys = ClusterKeys.of(tree);
      // Refuses what nobody took.
      AgentConfig unusedToo = AgentConfig.of(Path.of("/data"), tree);
      assertEquals(CsiConfig.defaults().name(), csi.name());
      boolean isCoordinator = process.text("name").equals("coordinator");
      assertEquals(!isCoordinator, csi.isOn());
      assertEquals(
          List.of("/etc/larder/tls/tls.crt", "/etc/larder/tls/tls.key", "/etc/larder/tls/ca.crt"),
          List.of(keys.certificate(), keys.key(), keys.authorities()));
      for (String address : keys.addresses()) {
        assertTrue(
            address.matches(
                "larder-coordinator-[0-2]\\.larder-coordinator\\.larder-system\\.svc:7452"),
            address);
      }
    }
  }

  @Test
  void commandLinesAreTheProgramsOwn() throws IOException {
    List<String> keeper = pod("DaemonSet", "larder-keeper").container().arguments("keeper");
    KeeperConfig config = KeeperConfig.parse(keeper);
    assertTrue(config.sharesMounts(), "the next container's keeper has to find the mounts");
    assertEquals(Path.of("/run/larder"), config.runDirectory());

    AgentCommand agent = new AgentCommand();
    var unused =
        new CommandLine(agent)
            .parseArgs(
                pod("DaemonSet", "larder-agent")
                    .container()
                    .arguments("agent")
                    .toArray(String[]::new));
    assertEquals(config.runDirectory(), agent.options.runDirectory());
    assertEquals(Path.of("/var/lib/larder"), agent.options.directory());
    assertTrue(
        Files.readString(DEPLOY.resolve("image/probe"))
            .contains(agent.options.standbyFile().orElseThrow().toString()));
    unused =
        new CommandLine(new CoordinatorCommand())
            .parseArgs(
                pod("StatefulSet", "larder-coordinator")
                    .container()
                    .arguments("coordinator")
                    .toArray(String[]::new));
  }

  @Test
  void onlyTheKeeperIsPrivileged() throws IOException {
    for (Manifest pod : pods()) {
      Manifest container = pod.container();
      Manifest security = container.in("securityContext");
      assertEquals(true, security.value("readOnlyRootFilesystem"), container.where());
      assertFalse(container.list("ports").stream().anyMatch(port -> port.has("hostPort")));
      assertFalse(pod.has("hostNetwork"), pod.where());
      if (container.text("name").equals("keeper")) {
        assertEquals(true, security.value("privileged"));
        assertEquals(true, pod.value("hostPID"));
        continue;
      }
      assertNull(security.map().get("privileged"), container.where());
      assertFalse(pod.has("hostPID"), pod.where());
      assertEquals(false, security.value("allowPrivilegeEscalation"), container.where());
      assertEquals(List.of("ALL"), security.in("capabilities").texts("drop"));
      List<String> added =
          security.in("capabilities").has("add")
              ? security.in("capabilities").texts("add")
              : List.of();
      boolean isAgent = container.text("name").equals("agent");
      assertEquals(isAgent ? List.of("IPC_LOCK", "LEASE") : List.of(), added, container.where());
    }
  }

  @Test
  void agentsMayPostEventsAndNothingElse() throws IOException {
    Manifest role = object("ClusterRole", "larder-agent-events");
    assertEquals(1, role.list("rules").size());
    Manifest rule = role.list("rules").getFirst();
    assertEquals(List.of(""), rule.texts("apiGroups"));
    assertEquals(List.of("events"), rule.texts("resources"));
    assertEquals(List.of("create", "patch"), rule.texts("verbs"));
    for (Manifest each : all()) {
      if (each.text("kind").endsWith("RoleBinding")
          && each.list("subjects").stream()
              .anyMatch(subject -> subject.text("name").equals("larder-agent"))) {
        assertEquals("larder-agent-events", each.in("roleRef").text("name"));
      }
    }
    for (Manifest pod :
        List.of(pod("DaemonSet", "larder-keeper"), pod("StatefulSet", "larder-coordinator"))) {
      assertEquals(false, pod.value("automountServiceAccountToken"), pod.where());
    }
  }

  @Test
  void pathsAndNamesFitTogether() throws IOException {
    Set<String> images = new TreeSet<>();
    Map<String, String> hostPaths = new HashMap<>();
    for (Manifest pod : pods()) {
      Manifest container = pod.container();
      images.add(container.text("image"));
      Map<String, Manifest> volumes = new HashMap<>();
      pod.list("volumes").forEach(volume -> volumes.put(volume.text("name"), volume));
      Set<String> used = new HashSet<>();
      for (Manifest mount : container.list("volumeMounts")) {
        String name = mount.text("name");
        used.add(name);
        if (!volumes.containsKey(name)) {
          assertEquals("state", name, "no volume of that name in " + pod.where());
          continue;
        }
        if (volumes.get(name).has("hostPath")) {
          String path = volumes.get(name).in("hostPath").text("path");
          String before = hostPaths.putIfAbsent(name, path);
          assertEquals(before == null ? path : before, path, name + " in " + pod.where());
          if (!pod.where().startsWith("provisioner")) {
            // kubelet, keeper and agent tell each other paths.
            assertEquals(path, mount.text("mountPath"), pod.where());
          }
        }
      }
      used.removeAll(volumes.keySet());
      assertTrue(used.isEmpty() || used.equals(Set.of("state")), used.toString());
      assertTrue(object("ServiceAccount", pod.text("serviceAccountName")) != null, pod.where());
    }
    assertEquals(
        Set.of("larder:0.1.0", "registry.k8s.io/sig-storage/csi-provisioner:v6.3.0"), images);

    Map<String, String> agent = pod("DaemonSet", "larder-agent").container().environment();
    assertEquals(hostPaths.get("data"), agent.get("DATA_DIR"));
    assertEquals(hostPaths.get("run"), agent.get("RUN_DIR"));
    assertEquals(hostPaths.get("plugin"), agent.get("PLUGIN_DIR"));
    assertEquals(hostPaths.get("registry"), agent.get("REGISTRY_DIR"));
    String driver = CsiConfig.defaults().name();
    assertEquals("/var/lib/kubelet/plugins/" + driver, hostPaths.get("plugin"));
    assertNotNull(object("CSIDriver", driver));
  }

  /** All of it: what is left out has a default that kubelet acts on, too. */
  @Test
  void kubeletIsToldAllThatTheDriverCounts() throws IOException {
    assertEquals(
        Map.of(
            "attachRequired",
            false,
            "podInfoOnMount",
            true,
            "volumeLifecycleModes",
            List.of("Persistent", "Ephemeral"),
            "fsGroupPolicy",
            "None",
            "seLinuxMount",
            false,
            "tokenRequests",
            List.of(Map.of("audience", "larder", "expirationSeconds", 3600)),
            "requiresRepublish",
            true),
        object("CSIDriver", CsiConfig.defaults().name()).in("spec").map());
  }

  @Test
  void everyScriptIsInTheImage() throws IOException {
    String recipe = Files.readString(DEPLOY.resolve("image/Containerfile"));
    Matcher matcher =
        Pattern.compile("/opt/larder/container/([a-z-]+)")
            .matcher(
                Files.readString(BASE.resolve("agent.yaml"))
                    + Files.readString(BASE.resolve("keeper.yaml")));
    Set<String> scripts = new TreeSet<>();
    while (matcher.find()) {
      scripts.add(matcher.group(1));
    }
    assertEquals(Set.of("supervise", "probe", "keeper-end"), scripts);
    for (String script : scripts) {
      assertTrue(Files.isExecutable(DEPLOY.resolve("image").resolve(script)), script);
      assertTrue(recipe.contains("csi-driver/deploy/image/" + script), script);
    }
  }

  @Test
  void upgradesTouchNoKeeper() throws IOException {
    Manifest keeper = object("DaemonSet", "larder-keeper").in("spec").in("updateStrategy");
    assertEquals("OnDelete", keeper.text("type"));
    Manifest agent =
        object("DaemonSet", "larder-agent").in("spec").in("updateStrategy").in("rollingUpdate");
    assertEquals("1", agent.text("maxSurge"));
    assertEquals("0", agent.text("maxUnavailable"));
  }
}
