package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.AgentConfig;
import dev.larder.agent.config.ConfigTree;
import dev.larder.csi.CsiConfig;
import dev.larder.keeper.KeeperConfig;
import dev.larder.mount.MountSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.snakeyaml.engine.v2.api.Dump;
import org.snakeyaml.engine.v2.api.DumpSettings;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/**
 * What kustomize makes of every overlay and component of csi-driver/deploy: it is whole, and fits
 * together and to the code. A new overlay or component is found by itself.
 */
class KubernetesOverlaysTest {
  private static final Path DEPLOY = Path.of("../../csi-driver/deploy");
  private static final Path PAGE = Path.of("../../docs/KUBERNETES.md");
  private static final String NAMESPACE = "larder-system";
  private static final String COORDINATOR = "larder-coordinator";
  private static final Set<String> WORKLOADS = Set.of("DaemonSet", "StatefulSet", "Deployment");
  private static final Set<String> OF_NO_NAMESPACE =
      Set.of(
          "Namespace",
          "CSIDriver",
          "ClusterRole",
          "ClusterRoleBinding",
          "PersistentVolume",
          "StorageClass");

  /** Those that the page has its reader make. */
  private static final Set<String> SECRETS =
      Set.of("larder-agent-tls", "larder-coordinator-tls", "larder-origins");

  @TempDir static Path directory;
  private static Kustomize kustomize;

  /** By its name in failures: the folder that is rendered. */
  private static final Map<String, Path> FOLDERS = new TreeMap<>();

  private static final Map<String, String> RENDERED = new HashMap<>();

  @BeforeAll
  static void render() throws IOException {
    kustomize = Kustomize.over(DEPLOY, directory);
    FOLDERS.put("base", kustomize.copy().resolve("base"));
    for (String overlay : folders("overlays")) {
      FOLDERS.put(overlay, kustomize.copy().resolve("overlays").resolve(overlay));
    }
    List<String> components = folders("components");
    for (String component : components) {
      FOLDERS.put(component, overlay("base-" + component, "base", List.of(component)));
    }
    FOLDERS.put("all components", overlay("all", "overlays/three-coordinators", components));
    FOLDERS.put("page", pagesOverlay());
    FOLDERS.forEach((name, folder) -> RENDERED.put(name, kustomize.render(folder)));
  }

  private static List<String> folders(String kind) throws IOException {
    try (Stream<Path> found = Files.list(DEPLOY.resolve(kind))) {
      List<String> names = found.map(each -> String.valueOf(each.getFileName())).sorted().toList();
      assertFalse(names.isEmpty(), kind);
      return names;
    }
  }

  private static Path overlay(String name, String below, List<String> components)
      throws IOException {
    StringBuilder text = new StringBuilder();
    text.append("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n");
    text.append("  - ../deploy/").append(below).append('\n');
    if (components.contains("paths")) {
      text.append("  - paths.yaml\n");
    }
    text.append("components:\n");
    components.forEach(each -> text.append("  - ../deploy/components/").append(each).append('\n'));
    Path folder = kustomize.overlay(name, text.toString());
    Files.write(
        folder.resolve("paths.yaml"),
        Files.readAllBytes(DEPLOY.resolve("overlays/local/node/paths.yaml")));
    return folder;
  }

  /** The one that docs/KUBERNETES.md has its reader write. */
  private static Path pagesOverlay() throws IOException {
    Matcher block =
        Pattern.compile("# larder/kustomization.yaml\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(PAGE));
    assertTrue(block.find(), "the page has no overlay any more");
    return kustomize.overlay("page", block.group(1).replace("PATH/csi-driver/deploy", "../deploy"));
  }

  static Stream<String> names() {
    return FOLDERS.keySet().stream();
  }

  private static List<Manifest> objects(String name) {
    return Manifest.documents(name, String.valueOf(RENDERED.get(name)));
  }

  private static Manifest object(String rendered, String kind, String name) {
    return objects(rendered).stream()
        .filter(each -> each.kind().equals(kind) && each.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new AssertionError(rendered + " has no " + kind + " " + name));
  }

  private static List<Manifest> workloads(String rendered) {
    List<Manifest> found =
        objects(rendered).stream().filter(each -> WORKLOADS.contains(each.kind())).toList();
    assertEquals(4, found.size(), rendered);
    return found;
  }

  private static Manifest pod(Manifest workload) {
    return workload.in("spec", "template", "spec");
  }

  private static Manifest container(String rendered, String kind, String name) {
    return pod(object(rendered, kind, name)).container();
  }

  private static Set<String> names(String rendered, String kind) {
    Set<String> names = new TreeSet<>();
    objects(rendered).stream()
        .filter(each -> each.kind().equals(kind))
        .forEach(each -> names.add(each.name()));
    return names;
  }

  @ParameterizedTest
  @MethodSource("names")
  void everyObjectIsInItsPlaceAndOnceOnly(String name) {
    Set<String> seen = new HashSet<>();
    for (Manifest each : objects(name)) {
      assertTrue(seen.add(each.kind() + "/" + each.name()), each.kind() + " " + each.name());
      if (!OF_NO_NAMESPACE.contains(each.kind())) {
        assertEquals(NAMESPACE, each.in("metadata").text("namespace"), each.name());
      }
    }
    assertTrue(seen.contains("Namespace/" + NAMESPACE), seen.toString());
    assertTrue(seen.contains("CSIDriver/" + CsiConfig.defaults().name()), seen.toString());
    // It is for kustomize alone.
    assertFalse(seen.contains("ConfigMap/larder-paths"), seen.toString());
  }

  @ParameterizedTest
  @MethodSource("names")
  void everyVolumeAndNameThatIsUsedIsThere(String name) {
    for (Manifest workload : workloads(name)) {
      Manifest pod = pod(workload);
      Manifest labels = workload.in("spec", "template", "metadata", "labels");
      Manifest selector = workload.in("spec", "selector", "matchLabels");
      selector
          .map()
          .forEach((key, value) -> assertEquals(value, labels.map().get(key), workload.name()));
      assertTrue(
          names(name, "ServiceAccount").contains(pod.text("serviceAccountName")), workload.name());

      Set<String> volumes = new TreeSet<>();
      for (Manifest volume : pod.list("volumes")) {
        assertTrue(volumes.add(volume.text("name")), workload.name() + " " + volumes);
        // A patch that puts another source beside the one that is there makes it invalid.
        assertEquals(2, volume.map().size(), volume.map().toString());
        if (volume.has("configMap")) {
          String map = volume.in("configMap").text("name");
          assertTrue(names(name, "ConfigMap").contains(map), map);
        }
        if (volume.has("secret")) {
          assertTrue(SECRETS.contains(volume.in("secret").text("secretName")), volume::where);
        }
      }
      workload.in("spec").list("volumeClaimTemplates").forEach(each -> volumes.add(each.name()));
      Set<String> mounted = new TreeSet<>();
      pod.container().list("volumeMounts").forEach(each -> mounted.add(each.text("name")));
      assertEquals(volumes, mounted, workload.name());
    }
    for (Manifest each : objects(name)) {
      if (each.kind().endsWith("RoleBinding")) {
        Manifest role = each.in("roleRef");
        assertTrue(names(name, role.kind()).contains(role.text("name")), each.name());
        for (Manifest subject : each.list("subjects")) {
          assertEquals(NAMESPACE, subject.text("namespace"), each.name());
          assertTrue(
              names(name, subject.kind()).contains(subject.text("name")), subject.text("name"));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("names")
  void everyImageHasItsNameAndVersion(String name) {
    Set<String> images = new TreeSet<>();
    workloads(name).forEach(each -> images.add(pod(each).container().text("image")));
    String larder = name.equals("page") ? "REGISTRY/larder:0.1.0" : "larder:0.1.0";
    assertEquals(Set.of(larder, "registry.k8s.io/sig-storage/csi-provisioner:v6.3.0"), images);
  }

  @ParameterizedTest
  @MethodSource("names")
  void everyKeyIsKnownAndNamesEveryCoordinator(String name) {
    int replicas = replicas(name);
    for (Manifest process :
        List.of(
            container(name, "DaemonSet", "larder-agent"),
            container(name, "StatefulSet", COORDINATOR))) {
      ConfigTree tree = configuration(name, process);
      assertEquals("false", tree.peek("keeper.start").orElse(""));
      MountSettings unused = MountSettings.of(tree);
      CsiConfig unusedEither = CsiConfig.of(tree);
      var unusedToo = CoordinatorKeys.of(tree);
      ClusterKeys keys = ClusterKeys.of(tree);
      // Refuses what nobody took.
      AgentConfig unusedLast = AgentConfig.of(Path.of("/data"), tree);
      assertEquals(coordinators(replicas, "", 7452), keys.addresses());
      assertEquals(replicas > 1 ? coordinators(replicas, "=", 7453) : List.of(), keys.peers());
      boolean isShared = !name.equals("shared-nodes-off") && !name.equals("all components");
      assertEquals(isShared, keys.sharedNodes());
    }
    KeeperConfig keeper =
        KeeperConfig.parse(container(name, "DaemonSet", "larder-keeper").arguments("keeper"));
    assertTrue(keeper.sharesMounts());
    assertEquals(
        container(name, "DaemonSet", "larder-agent").environment().get("RUN_DIR"),
        keeper.runDirectory().toString());
  }

  private static int replicas(String rendered) {
    return Integer.parseInt(
        object(rendered, "StatefulSet", COORDINATOR).in("spec").text("replicas"));
  }

  private static List<String> coordinators(int count, String equals, int port) {
    return IntStream.range(0, count)
        .mapToObj(i -> COORDINATOR + "-" + i)
        .map(id ->
            (equals.isEmpty() ? "" : id + equals)
                + "%s.%s.%s.svc:%d".formatted(id, COORDINATOR, NAMESPACE, port))
        .toList();
  }

  /** The file that the container mounts, then its command line. */
  private static ConfigTree configuration(String rendered, Manifest process) {
    Manifest map =
        objects(rendered).stream()
            .filter(each -> each.kind().equals("ConfigMap"))
            .filter(each -> each.name().startsWith("larder-config-"))
            .findFirst()
            .orElseThrow();
    ConfigTree tree = ConfigTree.ofYaml(map.in("data").text("larder.yaml"));
    for (String argument : process.arguments()) {
      if (argument.startsWith("--set=")) {
        String[] pair = argument.substring("--set=".length()).split("=", 2);
        tree.put(pair[0], pair[1]);
      }
    }
    return tree;
  }

  @ParameterizedTest
  @MethodSource("names")
  void everyPortIsTheOneThatIsListenedOn(String name) {
    Manifest coordinator = container(name, "StatefulSet", COORDINATOR);
    Map<String, String> ports = ports(coordinator, "containerPort");
    Manifest service = object(name, "Service", COORDINATOR).in("spec");
    assertEquals(ports, ports(service, "port"));
    assertEquals(
        service.in("selector").map(),
        object(name, "StatefulSet", COORDINATOR).in("spec", "selector", "matchLabels").map());
    assertEquals(
        COORDINATOR, object(name, "StatefulSet", COORDINATOR).in("spec").text("serviceName"));
    ConfigTree tree = configuration(name, coordinator);
    ClusterKeys keys = ClusterKeys.of(tree);
    assertEquals(
        Map.of(
            "grpc", port(keys.listen()),
            "raft", port(keys.raftListen()),
            "metrics", port(keys.watchListen())),
        ports);
    assertEquals("n1.%s.%s.svc:7452".formatted(COORDINATOR, NAMESPACE), keys.advertise());
    // kubelet's probes come from outside of the pod.
    assertFalse(keys.watch().getAddress().isLoopbackAddress(), keys.watchListen());
    for (Manifest workload : workloads(name)) {
      Manifest container = pod(workload).container();
      for (String probe : List.of("startupProbe", "readinessProbe", "livenessProbe")) {
        if (container.has(probe) && container.in(probe).has("httpGet")) {
          String port = container.in(probe, "httpGet").text("port");
          assertTrue(ports(container, "containerPort").containsKey(port), workload.name());
        }
      }
    }
    Manifest agent = container(name, "DaemonSet", "larder-agent");
    assertEquals(
        Map.of("peer", port(configuration(name, agent).peek("node.address").orElse(""))),
        ports(agent, "containerPort"));
  }

  private static Map<String, String> ports(Manifest of, String key) {
    Map<String, String> ports = new HashMap<>();
    of.list("ports").forEach(each -> ports.put(each.text("name"), each.text(key)));
    return ports;
  }

  private static String port(String address) {
    return address.substring(address.lastIndexOf(':') + 1);
  }

  @ParameterizedTest
  @MethodSource("names")
  void kubeletKeeperAndAgentMeanTheSamePaths(String name) {
    Map<String, String> paths = new HashMap<>();
    for (Manifest workload : workloads(name)) {
      Map<String, String> mounts = new HashMap<>();
      Manifest container = pod(workload).container();
      container
          .list("volumeMounts")
          .forEach(each -> mounts.put(each.text("name"), each.text("mountPath")));
      for (Manifest volume : pod(workload).list("volumes")) {
        if (!volume.has("hostPath") || volume.text("name").equals("tls")) {
          continue;
        }
        String path = volume.in("hostPath").text("path");
        String volumeName = volume.text("name");
        assertEquals(path, paths.computeIfAbsent(volumeName, any -> path), workload.name());
        if (!workload.name().equals("larder-provisioner")) {
          assertEquals(path, mounts.get(volumeName), workload.name() + " " + volumeName);
        }
      }
    }
    Map<String, String> agent = container(name, "DaemonSet", "larder-agent").environment();
    assertEquals(paths.get("data"), agent.get("DATA_DIR"));
    assertEquals(paths.get("run"), agent.get("RUN_DIR"));
    assertEquals(paths.get("plugin"), agent.get("PLUGIN_DIR"));
    assertEquals(paths.get("registry"), agent.get("REGISTRY_DIR"));
    boolean isElsewhere =
        !List.of(
                "base",
                "three-coordinators",
                "page",
                "node-certificates",
                "shared-nodes-off",
                "kubernetes-1.36")
            .contains(name);
    for (String each : List.of("data", "run", "pods", "plugin", "registry")) {
      String path = String.valueOf(paths.get(each));
      assertEquals(isElsewhere, path.startsWith("/larder-test/"), each + " is " + path);
    }
  }

  @ParameterizedTest
  @MethodSource("names")
  void claimsThatAreBoundBeforehandAreTheStatefulSets(String name) {
    Set<String> claims = new TreeSet<>();
    for (Manifest template :
        object(name, "StatefulSet", COORDINATOR).in("spec").list("volumeClaimTemplates")) {
      for (int i = 0; i < replicas(name); i++) {
        claims.add(template.name() + "-" + COORDINATOR + "-" + i);
      }
    }
    Set<String> bound = new TreeSet<>();
    for (Manifest each : objects(name)) {
      if (each.kind().equals("PersistentVolume")) {
        Manifest claim = each.in("spec", "claimRef");
        assertEquals(NAMESPACE, claim.text("namespace"), each.name());
        bound.add(claim.text("name"));
      }
    }
    assertEquals(name.startsWith("local") ? claims : Set.of(), bound);
    for (Manifest each : objects(name)) {
      if (each.kind().equals("PodDisruptionBudget")) {
        assertEquals(
            object(name, "StatefulSet", COORDINATOR).in("spec", "selector").map(),
            each.in("spec", "selector").map());
      }
    }
  }

  @Test
  void aNodesOwnCertificateTakesThePlaceOfTheSharedOne() {
    Manifest tls =
        pod(object("node-certificates", "DaemonSet", "larder-agent")).list("volumes").stream()
            .filter(each -> each.text("name").equals("tls"))
            .findFirst()
            .orElseThrow();
    assertFalse(tls.has("secret"), tls.map().toString());
    assertEquals("/etc/larder/tls", tls.in("hostPath").text("path"));
    assertEquals("Directory", tls.in("hostPath").text("type"));
  }

  /** The base's, and what only newer API servers know. */
  @Test
  void newerKubernetesIsToldMoreOfTheDriver() {
    String driver = CsiConfig.defaults().name();
    Map<Object, Object> expected =
        new HashMap<>(object("base", "CSIDriver", driver).in("spec").map());
    expected.put("serviceAccountTokenInSecrets", true);
    expected.put("nodeAllocatableUpdatePeriodSeconds", 60);
    expected.put("preventPodSchedulingIfMissing", true);
    assertEquals(expected, object("kubernetes-1.36", "CSIDriver", driver).in("spec").map());
  }

  /** Objects, secrets and names that the page has its reader type. */
  @Test
  void thePagesCommandsNameWhatIsThere() throws IOException {
    String page = Files.readString(PAGE);
    Map<String, String> kinds =
        Map.of("sts", "StatefulSet", "ds", "DaemonSet", "deploy", "Deployment");
    Matcher objects = Pattern.compile("\\b(sts|ds|deploy)/(larder-[a-z]+)").matcher(page);
    int named = 0;
    while (objects.find()) {
      assertNotNull(object("page", String.valueOf(kinds.get(objects.group(1))), objects.group(2)));
      named++;
    }
    assertTrue(named >= 5, "only " + named);
    for (int i = 0; i < replicas("page"); i++) {
      String name = COORDINATOR + "-" + i + "." + COORDINATOR + "." + NAMESPACE + ".svc";
      assertTrue(page.contains("--name " + name), name);
    }
    assertTrue(page.contains("secret generic larder-$role-tls"));
    assertTrue(page.contains("secret generic larder-origins --from-literal=models="));
    ConfigTree tree = configuration("page", container("page", "DaemonSet", "larder-agent"));
    for (String key : List.of("tls.certificate", "tls.key", "tls.ca")) {
      Path file = Path.of(tree.peek(key).orElseThrow());
      assertTrue(page.contains("--from-file=" + file.getFileName() + "="), file.toString());
    }
    Matcher labels = Pattern.compile("-l app.kubernetes.io/name=([a-z-]+)").matcher(page);
    assertTrue(labels.find());
    assertNotNull(object("page", "DaemonSet", labels.group(1)));
  }

  @Test
  void examplesAreWhole() {
    String text = kustomize.render(kustomize.copy().resolve("examples"));
    List<Manifest> all = Manifest.documents("examples", text);
    Set<String> claims = new TreeSet<>();
    Set<String> classes = new TreeSet<>(Set.of(""));
    Set<String> volumes = new TreeSet<>();
    for (Manifest each : all) {
      switch (each.kind()) {
        case "PersistentVolumeClaim" -> claims.add(each.name());
        case "PersistentVolume" -> volumes.add(each.name());
        case "StorageClass" -> classes.add(each.name());
        default -> {}
      }
    }
    int pods = 0;
    for (Manifest each : all) {
      if (each.kind().equals("PersistentVolumeClaim")) {
        assertTrue(classes.contains(each.in("spec").text("storageClassName")), each.name());
        String volume = each.in("spec").textOrNone("volumeName");
        assertTrue(volume.isEmpty() || volumes.contains(volume), each.name());
      }
      if (each.kind().equals("Pod") || each.kind().equals("Deployment")) {
        pods++;
        Manifest pod = each.kind().equals("Pod") ? each.in("spec") : pod(each);
        Set<String> known = new TreeSet<>();
        for (Manifest volume : pod.list("volumes")) {
          known.add(volume.text("name"));
          if (volume.has("persistentVolumeClaim")) {
            String claim = volume.in("persistentVolumeClaim").text("claimName");
            assertTrue(claims.contains(claim), each.name() + " " + claim);
          }
        }
        Set<String> mounted = new TreeSet<>();
        pod.container().list("volumeMounts").forEach(mount -> mounted.add(mount.text("name")));
        assertEquals(known, mounted, each.name());
        assertTrue(pod.container().text("image").matches(".+:.+"), each.name());
      }
    }
    assertEquals(4, pods);
  }

  /**
   * kustomize says nothing of a patch whose target is not there. So each is left out once, and what
   * is rendered then has to be something else.
   */
  @Test
  void everyPatchAndReplacementHasAnEffect() throws IOException {
    int tried = 0;
    for (Path file : kustomizations()) {
      Path part = kustomize.copy().relativize(file);
      // The folder below components or overlays.
      String name =
          part.getNameCount() > 2 ? part.getName(1).toString() : part.getName(0).toString();
      int parts = removable(load(file)).size();
      for (int i = 0; i < parts; i++) {
        Map<String, Object> less = load(file);
        Removable left = removable(less).get(i);
        left.action().run();
        Dump dump = new Dump(DumpSettings.builder().build());
        Files.writeString(file, dump.dumpToString(less));
        Path folder = FOLDERS.get(name);
        assertNotNull(folder, file.toString());
        String without = kustomize.render(folder);
        kustomize.restore(DEPLOY);
        assertNotEquals(RENDERED.get(name), without, part + " for nothing: " + left.what());
        tried++;
      }
    }
    assertTrue(tried > 15, "only " + tried);
  }

  private static List<Path> kustomizations() throws IOException {
    try (Stream<Path> tree = Files.walk(kustomize.copy())) {
      return tree.filter(each -> each.endsWith("kustomization.yaml")).sorted().toList();
    }
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> load(Path file) throws IOException {
    Load load = new Load(LoadSettings.builder().build());
    return (Map<String, Object>) load.loadFromString(Files.readString(file));
  }

  private record Removable(String what, Runnable action) {}

  /** Patches, and of replacements each field. */
  private static List<Removable> removable(Map<String, Object> kustomization) {
    List<Removable> all = new ArrayList<>();
    for (String kind : List.of("patches", "replicas", "images")) {
      for (Object each : listed(kustomization, kind)) {
        all.add(new Removable(each.toString(), () -> listed(kustomization, kind).remove(each)));
      }
    }
    for (Object replacement : listed(kustomization, "replacements")) {
      List<Object> targets = listed((Map<?, ?>) replacement, "targets");
      for (Object target : targets) {
        List<Object> fields = listed((Map<?, ?>) target, "fieldPaths");
        for (Object field : fields) {
          all.add(
              new Removable(
                  target + " " + field,
                  () -> {
                    fields.remove(field);
                    // Without fields a target means another one.
                    if (fields.isEmpty()) {
                      targets.remove(target);
                    }
                    if (targets.isEmpty()) {
                      listed(kustomization, "replacements").remove(replacement);
                    }
                  }));
        }
      }
    }
    return all;
  }

  @SuppressWarnings("unchecked")
  private static List<Object> listed(Map<?, ?> map, String key) {
    Object list = map.get(key);
    return list == null ? new ArrayList<>() : (List<Object>) list;
  }
}
