package dev.larder.kube;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
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
  private static final List<String> EXAMPLES =
      List.of("pod/larder-inline", "pod/larder-static", "pod/larder-claim");

  private static KubeNode node;
  private static Origin origin;
  private static Installation larder;
  private static Map<String, String> models;

  @BeforeAll
  @Timeout(value = 50, unit = TimeUnit.MINUTES)
  static void install() throws Exception {
    node = KubeNode.start();
    origin = Origin.start(node, SEED);
    larder = Installation.install(node, origin);
    Map<String, Integer> sizes = new TreeMap<>();
    for (int i = 0; i < 150; i++) {
      sizes.put("small/%03d.txt".formatted(i), 1 + 331 * i);
    }
    sizes.put("big/weights.safetensors", 48 * MIB + 5);
    sizes.put("big/tokens.bin", 9 * MIB);
    sizes.put("empty", 0);
    models = origin.fill("models", sizes);
    larder.createDataset("models", origin);
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
      apply(name, inlinePod(name, each.getKey(), ""));
      Shell.await(
          each.getKey() + " is told with " + each.getValue(),
          POD_LIMIT,
          () -> mountEvents(name).contains(each.getValue()));
      String unused = node.kubectl("delete", "pod/" + name, "--timeout=60s");
    }
  }

  private static String mountEvents(String pod) {
    try {
      return node.tryKubectl(
              "get",
              "events",
              "--field-selector",
              "involvedObject.name=" + pod + ",reason=FailedMount",
              "-o",
              "jsonpath={.items[*].message}")
          .output();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @Test
  @Order(3)
  void readersNoticeNoKilledAgent() throws Exception {
    ReaderPod reader = reader("kills");
    int kills = 0;
    for (; kills < 3 && reader.isReading(); kills++) {
      String before = larder.agentStart();
      larder.killAgent();
      larder.awaitAnotherAgent(before);
    }
    String last = reader.awaitDone();
    System.out.println("agent killed " + kills + " times under a reader: " + last);
    assertTrue(kills >= 2, "the reader was done too early: " + kills + " kills");
    assertEquals("0", agentRestarts(), "kubelet restarted a container; its supervisor is to");
    reader.delete();
  }

  private static String agentRestarts() {
    return node.field(
        "pods -l app.kubernetes.io/name=larder-agent",
        Installation.NAMESPACE,
        ".items[*].status.containerStatuses[*].restartCount");
  }

  @Test
  @Order(4)
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
    System.out.println("agent upgraded under a reader: " + reader.awaitDone());
    assertTrue(isUnder, "the reader was done before the upgrade");
    reader.delete();
  }

  @Test
  @Order(5)
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
    System.out.println("keeper replaced under a reader: " + reader.awaitDone());
    assertTrue(isUnder, "the reader was done before the keeper was replaced");
    reader.delete();
    // It makes mounts again, and takes away what the former one made.
    apply("after-keeper", inlinePod("after-keeper", "dataset: models", ""));
    awaitReady("pod/after-keeper");
    assertEquals(models, digests("pod/after-keeper", "/data"));
    unused = node.kubectl("delete", "pod/after-keeper", "--timeout=60s");
  }

  @Test
  @Order(6)
  void kubeletComesBackAndFindsTheDriver() throws Exception {
    node.stopKubelet();
    Path registry = node.kubelet().resolve("plugins_registry");
    Path socket = registry.resolve(Installation.DRIVER + "-reg.sock");
    Files.deleteIfExists(socket);
    node.startKubelet();
    Shell.await("the registration's socket", POD_LIMIT, () -> Files.exists(socket));
    apply("after-kubelet", inlinePod("after-kubelet", "dataset: models", ""));
    awaitReady("pod/after-kubelet");
    assertEquals(models, digests("pod/after-kubelet", "/data"));
    // Pods that were there went on.
    assertEquals(models, digests("pod/larder-inline", "/data"));
    String unused = node.kubectl("delete", "pod/after-kubelet", "--timeout=60s");
  }

  @Test
  @Order(7)
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
  @Order(8)
  void nothingStaysBehind() throws Exception {
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
    // Every file of the store is one of the index's.
    assertEquals(
        List.of(),
        names(node.work().resolve("data/fills")).stream()
            .flatMap(folder -> names(node.work().resolve("data/fills").resolve(folder)).stream())
            .toList());
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
    larder.createDataset(dataset, origin);
    return ReaderPod.start(node, dataset, digests);
  }

  private static String inlinePod(String name, String attributes, String more) {
    return """
    apiVersion: v1
    kind: Pod
    metadata: {name: NAME}
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 1
      containers:
        - name: reader
          image: docker.io/library/busybox:1.37
          command: [sleep, "2147483647"]
          volumeMounts: [{name: data, mountPath: /data, readOnly: true}]
      volumes:
        - name: data
          csi: {driver: csi.larder.dev, readOnly: true, volumeAttributes: {ATTRIBUTES}}
    """
            .replace("NAME", name)
            .replace("ATTRIBUTES", attributes)
        + more;
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
