package dev.larder.kube;

/** The manifest of a pod that only shows a volume, at {@code /data}. */
final class SleepingPod {
  private SleepingPod() {}

  /**
   * The manifest.
   *
   * @param volume where the volume comes from, in one line of YAML
   */
  static String manifest(String name, String volume) {
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
          VOLUME
    """
        .replace("NAME", name)
        .replace("VOLUME", volume);
  }
}
