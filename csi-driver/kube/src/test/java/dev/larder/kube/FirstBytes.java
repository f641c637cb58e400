package dev.larder.kube;

import dev.larder.dist.kube.KubeNode;
import dev.larder.dist.kube.Shell;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * How soon a container reads its first byte of a volume after its pod was made: pods with a local
 * dataset, and the same pods with an emptyDir, by turns. One thread.
 */
final class FirstBytes {
  private static final Duration POD_LIMIT = Duration.ofMinutes(1);

  private final KubeNode node;
  private final List<Double> ofDataset = new ArrayList<>();
  private final List<Double> ofEmptyDir = new ArrayList<>();

  FirstBytes(KubeNode node) {
    this.node = node;
  }

  /** Starts so many pods of each kind; the dataset has a file {@code small/001.txt}. */
  void measure(String dataset, int pods) throws Exception {
    for (int i = 0; i < pods; i++) {
      ofEmptyDir.add(seconds("first-empty-" + i, "emptyDir: {}"));
      ofDataset.add(
          seconds(
              "first-dataset-" + i,
              "csi: {driver: csi.larder.dev, readOnly: true, volumeAttributes: {dataset: "
                  + dataset
                  + "}}"));
    }
  }

  private double seconds(String name, String volume) throws Exception {
    Path manifest = node.work().resolve(name + ".yaml");
    Files.writeString(
        manifest,
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: NAME}
        spec:
          automountServiceAccountToken: false
          terminationGracePeriodSeconds: 1
          containers:
            - name: reader
              image: docker.io/library/busybox:1.37
              command:
                - sh
                - -c
                - |
                  [ -e /data/small/001.txt ] || { mkdir /data/small; echo x >/data/small/001.txt; }
                  head -c 1 /data/small/001.txt >/dev/null || exit 1
                  read -r up rest </proc/uptime
                  echo "first at $up"
                  exec sleep 2147483647
              volumeMounts: [{name: data, mountPath: /data}]
          volumes:
            - name: data
              VOLUME
        """
            .replace("NAME", name)
            .replace("VOLUME", volume));
    double created = uptime(Shell.lines(Path.of("/proc/uptime")).getFirst());
    String unused = node.kubectl("create", "-f", manifest.toString());
    Shell.await(name + " reads", POD_LIMIT, () -> log(name).startsWith("first at "));
    double first = uptime(log(name).substring("first at ".length()));
    unused = node.kubectl("delete", "pod/" + name, "--timeout=60s");
    return first - created;
  }

  private static double uptime(String text) {
    return Double.parseDouble(text.strip().split(" ")[0]);
  }

  private String log(String pod) {
    try {
      return node.tryKubectl("logs", pod).output();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  double datasetSeconds() {
    return median(ofDataset);
  }

  double emptyDirSeconds() {
    return median(ofEmptyDir);
  }

  private static double median(List<Double> all) {
    return all.stream().sorted().toList().get(all.size() / 2);
  }
}
