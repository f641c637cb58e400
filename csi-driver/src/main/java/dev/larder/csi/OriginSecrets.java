package dev.larder.csi;

import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The keys of a volume's secret as options of an origin. Messages name keys, never values. */
final class OriginSecrets {
  /** Options that can come from a secret. */
  static final Set<String> OPTIONS =
      Set.of("credentials", "connection-string", "account-key", "sas");

  private static final String ACCESS_KEY = "accessKeyId";
  private static final String SECRET_KEY = "secretAccessKey";
  private static final String SESSION_TOKEN = "sessionToken";
  private static final String CONNECTION = "connectionString";
  private static final Map<String, String> SINGLE =
      Map.of(
          "credentials",
          "credentials",
          CONNECTION,
          "connection-string",
          "accountKey",
          "account-key",
          "sas",
          "sas");
  private static final Set<String> PARTS = Set.of(ACCESS_KEY, SECRET_KEY, SESSION_TOKEN);
  // Kubelet's tokens of the pod's service account.
  private static final String FOREIGN = "csi.storage.k8s.io/";

  private OriginSecrets() {}

  /**
   * Options and their values.
   *
   * @param inline whether a pod's author chose the secret
   * @throws io.grpc.StatusRuntimeException INVALID_ARGUMENT naming a key
   */
  static Map<String, String> options(Map<String, String> secrets, boolean inline) {
    if (inline && secrets.containsKey(CONNECTION)) {
      // It names an endpoint, and where nodes connect to is no pod author's to say.
      throw Statuses.invalid(
          "key "
              + CONNECTION
              + " of the secret: not in a pod's own volume, as it names a host; accountKey or sas do"
              + " the same");
    }
    Map<String, String> options = new TreeMap<>();
    for (Map.Entry<String, String> each : secrets.entrySet()) {
      String key = each.getKey();
      String option = SINGLE.get(key);
      if (option != null) {
        options.put(option, each.getValue());
      } else if (!PARTS.contains(key) && !key.startsWith(FOREIGN)) {
        TreeSet<String> known = new TreeSet<>(SINGLE.keySet());
        known.addAll(PARTS);
        throw Statuses.invalid(
            "unknown key \""
                + VolumeIds.shown(key)
                + "\" of the secret; there are "
                + String.join(", ", known));
      }
    }
    @Nullable String access = secrets.get(ACCESS_KEY);
    @Nullable String secret = secrets.get(SECRET_KEY);
    if ((access == null) != (secret == null)) {
      throw Statuses.invalid(
          "keys " + ACCESS_KEY + " and " + SECRET_KEY + " of the secret belong together");
    }
    if (access != null && secret != null) {
      @Nullable String token = secrets.get(SESSION_TOKEN);
      String text = access + ":" + secret + (token == null ? "" : ":" + token);
      if (options.put("credentials", text) != null) {
        throw Statuses.invalid(
            "keys credentials and " + ACCESS_KEY + " of the secret exclude each other");
      }
    }
    return options;
  }
}
