package dev.larder.csi;

import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A pod, as kubelet names it with each publish. The parts go into paths of the API server, so only
 * those that Kubernetes itself would take are taken.
 */
record PodRef(String namespace, String name, String uid) {
  private static final String KEY = "csi.storage.k8s.io/pod.";
  private static final int NAME_MAX = 253;
  private static final Pattern NAMESPACE = Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");
  private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9.-]*[a-z0-9])?");
  // Static pods have a digest for it.
  private static final Pattern UID = Pattern.compile("[A-Za-z0-9-]{1,64}");

  /** The pod that a publish is for; empty where nobody says so, or not rightly. */
  static Optional<PodRef> of(Map<String, String> context) {
    String namespace = context.getOrDefault(KEY + "namespace", "");
    String name = context.getOrDefault(KEY + "name", "");
    String uid = context.getOrDefault(KEY + "uid", "");
    boolean isPod =
        NAMESPACE.matcher(namespace).matches()
            && name.length() <= NAME_MAX
            && NAME.matcher(name).matches()
            && UID.matcher(uid).matches();
    return isPod ? Optional.of(new PodRef(namespace, name, uid)) : Optional.empty();
  }

  @Override
  public String toString() {
    return namespace + "/" + name;
  }
}
