package dev.larder.kube;

import dev.larder.dist.kube.KubeNode;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A pod with a PersistentVolume of an origin, whose credentials are in a secret that kubelet reads.
 * All four objects have one name. One thread.
 */
record SecretPod(KubeNode node, String name) {

  /** Makes all of it; returns at once. */
  static SecretPod apply(
      KubeNode node, String name, String prefix, Origin origin, String identity, String credential)
      throws Exception {
    Path manifest = node.work().resolve(name + ".yaml");
    Files.writeString(
        manifest,
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: NAME}
        stringData: {accessKeyId: "IDENTITY", secretAccessKey: "CREDENTIAL"}
        ---
        apiVersion: v1
        kind: PersistentVolume
        metadata: {name: NAME}
        spec:
          capacity: {storage: 1Gi}
          accessModes: [ReadOnlyMany]
          persistentVolumeReclaimPolicy: Retain
          storageClassName: ""
          claimRef: {namespace: default, name: NAME}
          csi:
            driver: csi.larder.dev
            readOnly: true
            volumeHandle: NAME
            nodePublishSecretRef: {namespace: default, name: NAME}
            volumeAttributes:
              origin: "URI"
              origin.endpoint: "ENDPOINT"
              origin.region: us-east-1
              origin.path-style: "true"
        ---
        apiVersion: v1
        kind: PersistentVolumeClaim
        metadata: {name: NAME}
        spec:
          accessModes: [ReadOnlyMany]
          storageClassName: ""
          volumeName: NAME
          resources: {requests: {storage: 1Gi}}
        ---
        """
                .replace("NAME", name)
                .replace("IDENTITY", identity)
                .replace("CREDENTIAL", credential)
                .replace("URI", Origin.uri(prefix))
                .replace("ENDPOINT", origin.endpoint())
            + SleepingPod.manifest(
                name, "persistentVolumeClaim: {claimName: " + name + ", readOnly: true}"));
    String unused = node.kubectl("apply", "-f", manifest.toString());
    return new SecretPod(node, name);
  }

  /** Takes all of it away, and waits for that. */
  void delete() throws Exception {
    String unused =
        node.kubectl("delete", "pod/" + name, "pvc/" + name, "secret/" + name, "--timeout=60s");
    unused = node.kubectl("delete", "pv/" + name, "--timeout=60s");
  }
}
