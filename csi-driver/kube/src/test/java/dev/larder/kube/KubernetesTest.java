package dev.larder.kube;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.dist.kube.Installation;
import dev.larder.dist.kube.KubeNode;
import dev.larder.dist.kube.Shell;
import dev.larder.testkit.Needs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer.OrderAnnotation;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;

/**
 * A real kubelet, its control plane and containerd; the manifests and the examples as they are, but
 * for paths and addresses. Steps of one installation, from the first pod to the last trace.
 */
@Tag("long")
@Timeout(value = 15, unit = TimeUnit.MINUTES)
@TestMethodOrder(OrderAnnotation.class)
class KubernetesTest {
  private static final long SEED = 6;
  private static final int MIB = 1 << 20;
  private static final Duration POD_LIMIT = Duration.ofMinutes(2);

  /** kubelet asks for the volume again within a minute or two. */
  private static final Duration HOST_USERS_LIMIT = Duration.ofMinutes(3);

  private static final Path DEPLOY = Path.of("../deploy").toAbsolutePath().normalize();

  /** No read takes longer, whatever happens to agents and keepers. */
  private static final Duration READ_MAX = Duration.ofSeconds(5);

  private static final int FIRST_BYTE_PODS = 9;

  /** The aim is 1.1 on a machine of its own; a neighbour's load may fall on either kind of pod. */
  private static final double FIRST_BYTE_RATIO_MAX = 1.5;

  /** A component with fields that only newer API servers know than the one here. */
  private static final String NEWER = "kubernetes-1.36";

  /** All of them, as 1.34 says: what it does not name it has understood. */
  private static final Set<String> UNKNOWN_OF_NEWER =
      Set.of("spec.serviceAccountTokenInSecrets", "spec.preventPodSchedulingIfMissing");

  /** The quotes are escaped where the message is part of another. */
  private static final Pattern UNKNOWN_FIELD =
      Pattern.compile("unknown field \\\\?\"([^\"\\\\]+)\\\\?\"");

  private static final List<String> EXAMPLES =
      List.of("pod/larder-inline", "pod/larder-static", "pod/larder-claim");

  private static KubeNode node;
  private static Origin origin;
  private static Installation larder;
  private static Map<String, String> models;

  @BeforeAll
  @Timeout(value = 50, unit = TimeUnit.MINUTES)
  static void install() throws Exception {
    Path home = home();
    Needs.that(Files.isDirectory(home), "no distribution at " + home + "; build cache-node/dist");
    String lacks = KubeNode.lacks(home);
    Needs.that(lacks.isEmpty(), "a Kubernetes node cannot be started here, it lacks " + lacks);
    node = KubeNode.of(home, DEPLOY, KubeNode.build(home));
    node.start();
    origin = Origin.start(node, SEED);
    larder = Installation.install(node, origin.credentials());
    Map<String, Integer> sizes = new TreeMap<>();
    for (int i = 0; i < 150; i++) {
      sizes.put("small/%03d.txt".formatted(i), 1 + 331 * i);
    }
    sizes.put("big/weights.safetensors", 48 * MIB + 5);
    sizes.put("big/tokens.bin", 9 * MIB);
    sizes.put("empty", 0);
    models = origin.fill("models", sizes);
    larder.createDataset("models", Origin.uri("models"), origin.endpoint());
  }

  /** The distribution under test. */
  static Path home() {
    return Path.of(
            Optional.ofNullable(System.getenv("LARDER_KUBE_HOME"))
                .orElse("../../cache-node/dist/target/larder"))
        .toAbsolutePath()
        .normalize();
  }

  @AfterAll
  static void takeDown() throws Exception {
    if (origin != null) {
      origin.close();
    }
    if (node != null) {
      node.close();
      assertEquals(List.of(), node.leftovers());
    }
  }

  @Test
  @Order(1)
  void podsOfTheExamplesSeeEveryByte() throws Exception {
    larder.applyExamples();
    for (String pod : EXAMPLES) {
      awaitReady(pod);
    }
    String unused =
        node.kubectl("rollout", "status", "deploy/larder-model-server", "--timeout=120s");

    assertEquals(models, digests("pod/larder-inline", "/data"));
    assertEquals(models, digests("pod/larder-claim", "/data"));
    assertEquals(models, digests("deploy/larder-model-server", "/models"));
    Map<String, String> small = new TreeMap<>();
    models.forEach((path, digest) -> {
      if (path.startsWith("small/")) {
        small.put(path.substring("small/".length()), digest);
      }
    });
    assertEquals(small, digests("pod/larder-static", "/data"));

    Shell.Result write = node.tryKubectl("exec", "pod/larder-inline", "--", "touch", "/data/new");
    assertTrue(write.errors().contains("Read-only file system"), write.errors());
  }

  @Test
  @Order(2)
  void whatAUserCanMendIsAnEventOfThePod() throws Exception {
    Map<String, String> wrong =
        Map.of(
            "dataset: no-such", "no-such",
            "dataset: models, colour: red", "colour",
            "origin: \"s3://elsewhere/x\"", "only an administrator may set it");
    int number = 0;
    for (Map.Entry<String, String> each : wrong.entrySet()) {
      String name = "wrong-" + number++;
      apply(name, inlinePod(name, each.getKey()));
      Shell.await(
          each.getKey() + " is told with " + each.getValue(),
          POD_LIMIT,
          () -> events(name, "reason=FailedMount").contains(each.getValue()));
      Shell.await(
          each.getKey() + " is told by the agent too",
          POD_LIMIT,
          () -> events(name, "source=" + Installation.DRIVER).contains(each.getValue()));
      String unused = node.kubectl("delete", "pod/" + name, "--timeout=60s");
    }
  }

  @Test
  @Order(3)
  void aFirstByteIsReadNearlyAsSoonAsOfAnEmptyDir() throws Exception {
    FirstBytes first = new FirstBytes(node);
    first.measure("models", FIRST_BYTE_PODS);
    double ratio = first.datasetSeconds() / first.emptyDirSeconds();
    System.out.printf(
        "from a pod's making to its container's first byte, median of %d: %.2f s of a local dataset,"
            + " %.2f s of an emptyDir, %.2f times%n",
        FIRST_BYTE_PODS, first.datasetSeconds(), first.emptyDirSeconds(), ratio);
    assertTrue(ratio <= FIRST_BYTE_RATIO_MAX, "ratio " + ratio);
  }

  /** A PersistentVolume with an origin: kubelet reads its secret, and the driver gets it. */
  @Test
  @Order(2)
  void aVolumesOwnSecretOpensItsOriginAndAWrongOneIsAnEvent() throws Exception {
    Map<String, String> files =
        origin.fill("secret", Map.of("a.bin", 3 * MIB + 1, "b/c.txt", 12_345));
    String[] pair = origin.credentials().split(":", 2);
    SecretPod right = SecretPod.apply(node, "secret-right", "secret", origin, pair[0], pair[1]);
    awaitReady("pod/secret-right");
    assertEquals(files, digests("pod/secret-right", "/data"));

    SecretPod wrong =
        SecretPod.apply(node, "secret-wrong", "secret", origin, pair[0], "not-" + pair[1]);
    Shell.await(
        "an event says that the origin refuses the secret",
        POD_LIMIT,
        () -> events("secret-wrong", "reason=OriginDenied").contains("credentials"));
    Shell.await(
        "kubelet tells the driver's answer",
        POD_LIMIT,
        () -> events("secret-wrong", "reason=FailedMount").contains("PermissionDenied"));
    assertEquals("Pending", node.field("pod/secret-wrong", "default", ".status.phase"));
    assertEquals(files, digests("pod/secret-right", "/data"), "the right one is not spoilt");
    right.delete();
    wrong.delete();
    Shell.await(
        "their volumes are gone",
        POD_LIMIT,
        () -> larderMounts().stream().noneMatch(line -> line.contains("/secret-")));
  }

  /**
   * Who says it depends on the container runtime: one that has user namespaces lets kubelet note
   * the mapping, by which the agent knows; kubelet itself refuses the pod with one that has none.
   */
  @Test
  @Order(2)
  void aPodWithUsersOfItsOwnIsToldWhyItDoesNotStart() throws Exception {
    String name = "host-users";
    apply(
        name, inlinePod(name, "dataset: models").replace("spec:\n", "spec:\n  hostUsers: false\n"));
    String pod = node.field("pod/" + name, "default", ".metadata.uid");
    boolean hasUsers =
        node.field("node/n1", "default", ".status.runtimeHandlers[*].features.userNamespaces")
            .contains("true");
    Shell.await(
        "an event says why",
        HOST_USERS_LIMIT,
        () ->
            hasUsers
                ? events(name, "source=" + Installation.DRIVER).contains("hostUsers: false")
                : events(name, "reason=FailedCreatePodSandBox").contains("spec.hostUsers: false"));
    System.out.println(
        "hostUsers: false, runtime has user namespaces: "
            + hasUsers
            + ": "
            + events(name, "type=Warning"));
    assertEquals("Pending", node.field("pod/" + name, "default", ".status.phase"));
    String unused = node.kubectl("delete", "pod/" + name, "--timeout=60s");
    Shell.await(
        "its volume is gone",
        POD_LIMIT,
        () -> larderMounts().stream().noneMatch(line -> line.contains(pod)));
  }

  private static String events(String pod, String which) {
    try {
      return node.tryKubectl(
              "get",
              "events",
              "--field-selector",
              "involvedObject.name=" + pod + "," + which,
              "-o",
              "jsonpath={.items[*].message}")
          .output();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @Test
  @Order(4)
  void readersNoticeNoKilledAgent() throws Exception {
    ReaderPod reader = reader("kills");
    int kills = 0;
    for (; kills < 3 && reader.isReading(); kills++) {
      String before = larder.agentStart();
      larder.killAgent();
      long killed = System.nanoTime();
      larder.awaitAnotherAgent(before);
      System.out.printf(
          "the next agent is up %.1f s after the kill%n", (System.nanoTime() - killed) / 1e9);
      // Or the waits of several kills would be one.
      reader.awaitRead();
    }
    String prepared =
        node.kubectl(
            "-n",
            Installation.NAMESPACE,
            "exec",
            "ds/larder-agent",
            "--",
            "cat",
            "/opt/larder/cache/prepare.log");
    assertFalse(prepared.contains("without a cluster"), prepared);
    Path maps = Path.of("/proc/" + larder.agentPid() + "/maps");
    assertTrue(
        Shell.lines(maps).stream().anyMatch(line -> line.endsWith(".aot")),
        "the image has an archive of larder prepare, and the agent was started with it");
    longest("agent killed " + kills + " times", reader.awaitDone());
    assertTrue(kills >= 2, "the reader was done too early: " + kills + " kills");
    assertEquals("0", agentRestarts(), "kubelet restarted a container; its supervisor is to");
    reader.delete();
  }

  private static void longest(String what, Duration longest) {
    System.out.println(what + " under a reader, its longest read: " + longest.toMillis() + " ms");
    assertTrue(longest.compareTo(READ_MAX) <= 0, what + ": a read took " + longest);
  }

  private static String agentRestarts() {
    return node.field(
        "pods -l app.kubernetes.io/name=larder-agent",
        Installation.NAMESPACE,
        ".items[*].status.containerStatuses[*].restartCount");
  }

  @Test
  @Order(5)
  void readersNoticeNoUpgradeOfAgents() throws Exception {
    ReaderPod reader = reader("upgrade");
    String before = larder.agentStart();
    String unused =
        node.kubectl("-n", Installation.NAMESPACE, "rollout", "restart", "ds/larder-agent");
    unused =
        node.kubectl(
            "-n", Installation.NAMESPACE, "rollout", "status", "ds/larder-agent", "--timeout=150s");
    larder.awaitAnotherAgent(before);
    boolean isUnder = reader.isReading();
    longest("agent upgraded", reader.awaitDone());
    assertTrue(isUnder, "the reader was done before the upgrade");
    reader.delete();
  }

  @Test
  @Order(6)
  void readersNoticeNoOtherKeeper() throws Exception {
    ReaderPod reader = reader("keeper");
    String pod =
        node.field(
            "pods -l app.kubernetes.io/name=larder-keeper",
            "larder-system",
            ".items[0].metadata.name");
    String unused =
        node.kubectl("-n", Installation.NAMESPACE, "delete", "pod/" + pod, "--timeout=60s");
    larder.awaitReady();
    boolean isUnder = reader.isReading();
    longest("keeper replaced", reader.awaitDone());
    assertTrue(isUnder, "the reader was done before the keeper was replaced");
    reader.delete();
    // It makes mounts again, and takes away what the former one made.
    apply("after-keeper", inlinePod("after-keeper", "dataset: models"));
    awaitReady("pod/after-keeper");
    assertEquals(models, digests("pod/after-keeper", "/data"));
    unused = node.kubectl("delete", "pod/after-keeper", "--timeout=60s");
  }

  @Test
  @Order(7)
  void kubeletComesBackAndFindsTheDriver() throws Exception {
    ReaderPod reader = reader("kubelet");
    node.stopKubelet();
    Path registry = node.kubelet().resolve("plugins_registry");
    Path socket = registry.resolve(Installation.DRIVER + "-reg.sock");
    Files.deleteIfExists(socket);
    node.startKubelet();
    Shell.await("the registration's socket", POD_LIMIT, () -> Files.exists(socket));
    boolean isUnder = reader.isReading();
    apply("after-kubelet", inlinePod("after-kubelet", "dataset: models"));
    awaitReady("pod/after-kubelet");
    assertEquals(models, digests("pod/after-kubelet", "/data"));
    // Pods that were there went on.
    assertEquals(models, digests("pod/larder-inline", "/data"));
    longest("kubelet started again", reader.awaitDone());
    assertTrue(isUnder, "the reader was done before kubelet was there again");
    reader.delete();
    String unused = node.kubectl("delete", "pod/after-kubelet", "--timeout=60s");
  }

  @Test
  @Order(8)
  void aNodeCanBeDrained() throws Exception {
    String unused =
        node.kubectl(
            "drain",
            "n1",
            "--ignore-daemonsets",
            "--delete-emptydir-data",
            "--force",
            "--timeout=120s");
    unused = node.kubectl("uncordon", "n1");
    larder.awaitReady();
    unused = node.kubectl("rollout", "status", "deploy/larder-model-server", "--timeout=120s");
    assertEquals(models, digests("deploy/larder-model-server", "/models"));
  }

  @Test
  @Order(9)
  void nothingStaysBehind() throws Exception {
    // Blocks of an agent's last moment before it was killed were read and never recorded.
    for (String dataset : List.of("kills", "upgrade", "keeper", "kubelet")) {
      String unused = larder.larder("warm", dataset);
    }
    larder.deleteExamples();
    Shell.await("no mount of a dataset", POD_LIMIT, () -> larderMounts().isEmpty());
    assertEquals("", larder.larder("mounts", "-o", "quiet").strip());
    Path plugin = node.kubelet().resolve("plugins").resolve(Installation.DRIVER);
    assertEquals(List.of("csi.sock"), names(plugin));
    try (Stream<Path> pods = Files.walk(node.kubelet().resolve("pods"))) {
      assertEquals(
          List.of(), pods.filter(path -> path.toString().contains("kubernetes.io~csi")).toList());
    }

    larder.uninstall();
    Shell.await(
        "no mount of the keeper's",
        POD_LIMIT,
        () -> KubeNode.mounts(node.work().resolve("run-larder")).isEmpty());
    assertEquals(List.of(), names(plugin));
    assertEquals(List.of(), names(node.kubelet().resolve("plugins_registry")));
    // Every file that was begun is complete; the rest of the store is the cache, which stays.
    assertEquals(
        List.of(),
        names(node.work().resolve("data/fills")).stream()
            .flatMap(folder -> names(node.work().resolve("data/fills").resolve(folder)).stream())
            .toList());
  }

  @Test
  @Order(10)
  void threeCoordinatorsLoseOneAndNobodyWaitsForIt() throws Exception {
    larder = Installation.installThree(node, origin.credentials());
    Shell.await("a leader and two followers", POD_LIMIT, () -> coordinators("follower") == 2);
    assertEquals(1, coordinators("leader"));
    Map<String, String> before = small("before");
    apply("three-before", inlinePod("three-before", "dataset: before"));
    awaitReady("pod/three-before");
    assertEquals(before, digests("pod/three-before", "/data"));

    Matcher leader = role("leader").matcher(larder.larder("coordinators", "list"));
    assertTrue(leader.find());
    long start = System.nanoTime();
    String unused =
        node.kubectl(
            "-n",
            Installation.NAMESPACE,
            "delete",
            "pod/" + leader.group(1),
            "--grace-period=0",
            "--force",
            "--wait=false");
    Map<String, String> without = small("without");
    System.out.printf(
        "a dataset is made %.1f s after the leader %s was deleted%n",
        (System.nanoTime() - start) / 1e9, leader.group(1));
    apply("three-after", inlinePod("three-after", "dataset: without"));
    awaitReady("pod/three-after");
    assertEquals(without, digests("pod/three-after", "/data"));
    larder.awaitReady();
    Shell.await("it follows again", POD_LIMIT, () -> coordinators("follower") == 2);
    unused = node.kubectl("delete", "pod/three-before", "pod/three-after", "--timeout=60s");
    larder.uninstall();
    Shell.await(
        "no mount of the keeper's",
        POD_LIMIT,
        () -> KubeNode.mounts(node.work().resolve("run-larder")).isEmpty());
  }

  @Test
  @Order(11)
  void anApiServerTakesEveryOverlayAndComponent() throws Exception {
    String unused = node.kubectl("apply", "-f", DEPLOY.resolve("base/namespace.yaml").toString());
    DryRuns runs = DryRuns.of(node, DEPLOY);
    for (String overlay : names(DEPLOY.resolve("overlays"))) {
      assertEquals("", runs.refusal("overlays/" + overlay, ""), overlay);
    }
    for (String component : names(DEPLOY.resolve("components"))) {
      String refusal = runs.refusal("base", component);
      if (component.equals(NEWER)) {
        assertEquals(UNKNOWN_OF_NEWER, unknownFields(refusal), refusal);
      } else {
        assertEquals("", refusal, component);
      }
    }
  }

  private static Set<String> unknownFields(String refusal) {
    Set<String> names = new TreeSet<>();
    Matcher matcher = UNKNOWN_FIELD.matcher(refusal);
    while (matcher.find()) {
      names.add(matcher.group(1));
    }
    return names;
  }

  private static Pattern role(String role) {
    return Pattern.compile("^(\\S+)\\s+" + role + "\\b", Pattern.MULTILINE);
  }

  private static long coordinators(String role) {
    try {
      return role(role).matcher(larder.larder("coordinators", "list")).results().count();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static Map<String, String> small(String dataset) throws Exception {
    Map<String, String> digests = origin.fill(dataset, Map.of("a", 3 * MIB, "b/c", 12_345));
    larder.createDataset(dataset, Origin.uri(dataset), origin.endpoint());
    return digests;
  }

  private static List<String> larderMounts() {
    return Shell.lines(Path.of("/proc/self/mountinfo")).stream()
        .filter(line -> line.contains(node.kubelet().toString()) && line.contains(" larder:"))
        .toList();
  }

  private static List<String> names(Path folder) {
    String[] names = folder.toFile().list();
    return names == null ? List.of() : Stream.of(names).sorted().toList();
  }

  /** A reader of three files of 64 MiB that nobody has read before. */
  private static ReaderPod reader(String dataset) throws Exception {
    Map<String, String> digests =
        origin.fill(dataset, Map.of("a.bin", 64 * MIB, "b.bin", 64 * MIB + 1, "c.bin", 64 * MIB));
    larder.createDataset(dataset, Origin.uri(dataset), origin.endpoint());
    return ReaderPod.start(node, dataset, digests);
  }

  private static String inlinePod(String name, String attributes) {
    return SleepingPod.manifest(
        name,
        "csi: {driver: csi.larder.dev, readOnly: true, volumeAttributes: {" + attributes + "}}");
  }

  private static void apply(String name, String manifest) throws Exception {
    Path file = node.work().resolve(name + ".yaml");
    Files.writeString(file, manifest);
    String unused = node.kubectl("apply", "-f", file.toString());
  }

  private static void awaitReady(String pod) throws Exception {
    Shell.Result result =
        node.tryKubectl(
            "wait", "--for=condition=Ready", pod, "--timeout=" + POD_LIMIT.toSeconds() + "s");
    if (result.status() != 0) {
      throw new AssertionError(
          pod
              + ": "
              + result.errors()
              + node.tryKubectl("describe", pod).output()
              + larder.words());
    }
  }

  /** SHA-256 of all files below a directory, as a pod reads them. */
  private static Map<String, String> digests(String pod, String directory) throws Exception {
    Map<String, String> digests = new TreeMap<>();
    String output =
        node.kubectl(
            "exec",
            pod,
            "--",
            "sh",
            "-c",
            "cd " + directory + " && find . -type f -exec sha256sum {} +");
    for (String line : output.lines().toList()) {
      digests.put(line.substring(66 + "./".length()), line.substring(0, 64));
    }
    return digests;
  }
}
