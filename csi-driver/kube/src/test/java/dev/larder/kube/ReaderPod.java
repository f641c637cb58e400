package dev.larder.kube;

import dev.larder.dist.kube.KubeNode;
import dev.larder.dist.kube.Shell;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A pod that reads the files of a dataset slowly, one after another, and compares their digests. A
 * file that is opened while it is incomplete is read through the agent to its end, so whatever
 * happens to agents meanwhile happens under its reads. It ends with a fault at the first error.
 */
final class ReaderPod {
  private static final Duration START_LIMIT = Duration.ofMinutes(2);
  private static final Duration READ_LIMIT = Duration.ofMinutes(4);

  /** Time since the machine's start, in hundredths of a second, and how it looks in the log. */
  private static final Pattern LONGEST = Pattern.compile("done, longest ([0-9]+) cs");

  private static final String SCRIPT =
      """
      exec 3>&1
      cd /data
      while read -r sum file; do
        echo "opens $file"
        got=$({
        while true; do
          read -r before rest </proc/uptime
          dd bs=524288 count=1 of=/tmp/part 2>/tmp/errors || { cat /tmp/errors >&2; exit 1; }
          read -r after rest </proc/uptime
          [ -s /tmp/part ] || break
          cat /tmp/part
          pause=$(( ${after%.*}${after#*.} - ${before%.*}${before#*.} ))
          [ $pause -gt $(cat /tmp/longest 2>/dev/null || echo 0) ] && echo $pause >/tmp/longest
          echo "at $after" >&3
          usleep 60000
        done <"$file"; } | sha256sum)
        [ "${got%% *}" = "$sum" ] || { echo "differs $file $got"; exit 1; }
        echo "read $file"
      done </sums/sums
      echo "done, longest $(cat /tmp/longest) cs"
      """;

  private final KubeNode node;
  private final String name;

  private ReaderPod(KubeNode node, String name) {
    this.node = node;
    this.name = name;
  }

  /** Starts it, and waits until it has opened the first file. */
  static ReaderPod start(KubeNode node, String dataset, Map<String, String> digests)
      throws Exception {
    ReaderPod pod = new ReaderPod(node, "reader-" + dataset);
    Path manifest = node.work().resolve(pod.name + ".yaml");
    Files.writeString(manifest, pod.manifest(dataset, new TreeMap<>(digests)));
    String unused = node.kubectl("apply", "-f", manifest.toString());
    Shell.await(pod.name + " opens", START_LIMIT, () -> pod.log().contains("opens"));
    return pod;
  }

  private String manifest(String dataset, TreeMap<String, String> digests) {
    StringBuilder sums = new StringBuilder();
    digests.forEach(
        (file, digest) -> sums.append("    ").append(digest).append(' ').append(file).append('\n'));
    return """
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: NAME}
    data:
      read.sh: |
    SCRIPT
      sums: |
    SUMS
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: NAME}
    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 1
      containers:
        - name: reader
          image: docker.io/library/busybox:1.37
          command: [sh, /sums/read.sh]
          volumeMounts:
            - {name: data, mountPath: /data, readOnly: true}
            - {name: sums, mountPath: /sums}
      volumes:
        - name: data
          csi: {driver: csi.larder.dev, readOnly: true, volumeAttributes: {dataset: DATASET}}
        - name: sums
          configMap: {name: NAME}
    """
        .replace("SCRIPT", SCRIPT.indent(4).stripTrailing())
        .replace("SUMS", sums.toString().stripTrailing())
        .replace("DATASET", dataset)
        .replace("NAME", name);
  }

  private String log() {
    return log("-1");
  }

  private String log(String lines) {
    try {
      return node.tryKubectl("logs", name, "--tail=" + lines).output();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private String phase() {
    return node.field("pod/" + name, "default", ".status.phase");
  }

  /** Whether it still reads; what is done to agents is to happen under it. */
  boolean isReading() {
    return phase().equals("Running");
  }

  /** Waits until a read that begins now is answered, or it has ended. */
  void awaitRead() {
    String before = log("1");
    Shell.await(name + " goes on", READ_LIMIT, () -> !isReading() || !log("1").equals(before));
  }

  /** Waits for its end, which has to be a good one; answers its longest read. */
  Duration awaitDone() {
    Shell.await(name, READ_LIMIT, () -> !phase().equals("Running") && !phase().equals("Pending"));
    String log = log();
    Matcher longest = LONGEST.matcher(log);
    if (!phase().equals("Succeeded") || !longest.find()) {
      throw new AssertionError(name + " " + phase() + ": " + log);
    }
    return Duration.ofMillis(10 * Long.parseLong(longest.group(1)));
  }

  void delete() throws Exception {
    String unused = node.kubectl("delete", "pod/" + name, "configmap/" + name, "--timeout=60s");
  }
}
