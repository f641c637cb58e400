package dev.larder.dist.quickstart;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.dist.kube.Installation;
import dev.larder.dist.kube.KubeNode;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Pods of a real Kubernetes, with Larder on it by its manifests. One thread. */
final class KubeletPods implements PodHost {
  private static final String POD_LIMIT = "--timeout=120s";
  private static final String DELETE_LIMIT = "--timeout=60s";

  private final QuickstartRig rig;
  private final KubeNode node;
  private final Installation larder;
  private final String endpoint;

  private KubeletPods(QuickstartRig rig, KubeNode node, Installation larder, String endpoint) {
    this.rig = rig;
    this.node = node;
    this.larder = larder;
    this.endpoint = endpoint;
  }

  /**
   * Starts a Kubernetes, the S3 server in its network, and Larder.
   *
   * @param tools the programs of Kubernetes
   * @throws LarderException with what was said, where they do not come; nothing of them is left
   *     then
   */
  static KubeletPods start(QuickstartRig rig, Path tools) throws InterruptedException {
    KubeNode node = node(rig, tools);
    rig.beforeClean(node::close);
    rig.say(
        "starting a Kubernetes of one node in %s, its image made of this distribution (a minute)",
        node.work());
    try {
      node.start();
      S3Process s3 = rig.startS3(KubeNode.ADDRESS, node::inside);
      rig.say("applying the manifests of csi-driver/deploy");
      Installation larder = Installation.install(node, s3.credentials());
      return new KubeletPods(rig, node, larder, s3.endpoint());
    } catch (LarderException e) {
      takeDown(rig, node, e);
      throw e;
    } catch (IOException | UncheckedIOException e) {
      LarderException fault = new LarderException(ErrorCode.INTERNAL, "Kubernetes: " + e, e);
      takeDown(rig, node, fault);
      throw fault;
    }
  }

  private static KubeNode node(QuickstartRig rig, Path tools) {
    try {
      return KubeNode.of(rig.home(), rig.home().resolve("deploy"), tools);
    } catch (IOException e) {
      throw new LarderException(ErrorCode.INTERNAL, "no place for Kubernetes: " + e, e);
    }
  }

  private static void takeDown(QuickstartRig rig, KubeNode node, LarderException fault) {
    try {
      rig.endS3();
      node.close();
    } catch (RuntimeException e) {
      fault.addSuppressed(e);
      throw new LarderException(
          ErrorCode.INTERNAL,
          "a Kubernetes that did not start could not be taken down: " + e.getMessage(),
          fault);
    }
  }

  @Override
  public String kubelet() {
    return "real";
  }

  @Override
  public void createDataset(String name) throws InterruptedException {
    larder.createDataset(name, "s3://" + S3Process.BUCKET + "/" + name, endpoint);
  }

  @Override
  public Pod startPod(String name, String data, String later)
      throws IOException, InterruptedException {
    Path out = Files.createDirectories(rig.work().resolve("out").resolve(name));
    Path manifest = rig.work().resolve(name + ".json");
    Files.writeString(manifest, manifest(name, data, later, out));
    double created = PodTime.now();
    String unused = node.kubectl("create", "-f", manifest.toString());
    var ready = node.tryKubectl("wait", "--for=condition=Ready", "pod/" + name, POD_LIMIT);
    KubePod pod = new KubePod(Started.now(name, out, created));
    if (ready.status() != 0) {
      rig.show(pod.words());
      throw new LarderException(
          ErrorCode.INTERNAL, "the pod " + name + " does not become ready; see above");
    }
    return pod;
  }

  private String manifest(String name, String data, String later, Path out) throws IOException {
    List<Object> volumes = new ArrayList<>();
    List<Object> mounts = new ArrayList<>();
    add(volumes, mounts, DATA, "csi", csi(data), true);
    add(volumes, mounts, "data-source", "hostPath", host(rig.bucket().resolve(data)), true);
    if (!later.isEmpty()) {
      add(volumes, mounts, LATER, "csi", csi(later), true);
      add(volumes, mounts, "later-source", "hostPath", host(rig.bucket().resolve(later)), true);
    }
    add(volumes, mounts, "out", "hostPath", host(out), false);
    PodReader.Places places =
        new PodReader.Places(
            "/" + DATA,
            "/data-source",
            later.isEmpty() ? "" : "/" + LATER,
            later.isEmpty() ? "" : "/later-source",
            "/out");
    return new ObjectMapper()
        .writeValueAsString(
            Map.of(
                "apiVersion",
                "v1",
                "kind",
                "Pod",
                "metadata",
                Map.of("name", name),
                "spec",
                Map.of(
                    "restartPolicy",
                    "Never",
                    "automountServiceAccountToken",
                    false,
                    "terminationGracePeriodSeconds",
                    1,
                    "containers",
                    List.of(
                        Map.of(
                            "name",
                            "reader",
                            "image",
                            "larder:0.1.0",
                            "imagePullPolicy",
                            "IfNotPresent",
                            "command",
                            places.command("/opt/java/openjdk/bin/java", "/opt/larder/lib/*"),
                            "volumeMounts",
                            mounts)),
                    "volumes",
                    volumes)));
  }

  private static void add(
      List<Object> volumes,
      List<Object> mounts,
      String name,
      String kind,
      Map<String, Object> source,
      boolean isReadOnly) {
    volumes.add(Map.of("name", name, kind, source));
    mounts.add(Map.of("name", name, "mountPath", "/" + name, "readOnly", isReadOnly));
  }

  private static Map<String, Object> csi(String dataset) {
    return Map.of(
        "driver",
        Installation.DRIVER,
        "readOnly",
        true,
        "volumeAttributes",
        Map.of("dataset", dataset));
  }

  private static Map<String, Object> host(Path path) {
    return Map.of("path", path.toString(), "type", "Directory");
  }

  @Override
  public List<String> hints() {
    return List.of(
        String.join(" ", node.kubectlCommand("get", "pods", "-A")),
        String.join(
            " ",
            node.kubectlCommand(
                "-n",
                Installation.NAMESPACE,
                "exec",
                "ds/larder-agent",
                "--",
                "larder",
                "status")));
  }

  @Override
  public void killAgent() throws InterruptedException {
    String before = larder.agentStart();
    larder.killAgent();
    larder.awaitAnotherAgent(before);
  }

  @Override
  public void close() {
    rig.say("taking the Kubernetes down");
    node.close();
  }

  private final class KubePod implements Pod {
    private final Started started;

    KubePod(Started started) {
      this.started = started;
    }

    @Override
    public Started started() {
      return started;
    }

    @Override
    public String words() throws InterruptedException {
      return node.tryKubectl("describe", "pod/" + started.name()).output()
          + node.tryKubectl("logs", started.name()).output()
          + larder.words();
    }

    @Override
    public boolean isFailed() {
      return node.field("pod/" + started.name(), "default", ".status.phase").equals("Failed");
    }

    @Override
    public void delete() throws InterruptedException {
      String unused = node.kubectl("delete", "pod/" + started.name(), DELETE_LIMIT);
    }
  }
}
