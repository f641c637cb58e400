package dev.larder.csi;

import dev.larder.origin.OriginOptions;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * What a volume's attributes ask for.
 *
 * @param snapshot the dataset, perhaps with a snapshot; empty where it is made of an origin
 * @param origin of a dataset that is made on the fly
 * @param number with an origin: the snapshot asked for
 * @param subPath directory of the dataset to show, empty for its root; no leading slash
 * @param follow whether the volume shows the newest snapshot, whenever there is one, below {@code
 *     current/}
 * @param warm globs of what is filled when it is published
 * @param waitForWarm whether publishing waits until that is done
 */
record VolumeAttributes(
    Optional<SnapshotRef> snapshot,
    Optional<OriginSpec> origin,
    OptionalLong number,
    String subPath,
    boolean follow,
    List<String> warm,
    boolean waitForWarm) {

  /** An origin and how to talk to it. */
  record OriginSpec(String uri, OriginOptions options) {}

  /** What anybody may say who may create a pod. */
  static final List<String> FOR_ALL =
      List.of("dataset", "snapshot", "subPath", "follow", "warm", "waitForWarm");

  private static final String ORIGIN = "origin";
  private static final String OPTION = "origin.";
  private static final List<String> OPTIONS =
      List.of(
          "endpoint",
          "region",
          "path-style",
          "versions",
          "credentials",
          "check-md5",
          "manifest",
          "account",
          "connection-string",
          "account-key",
          "sas");
  private static final List<String> FOREIGN =
      List.of("csi.storage.k8s.io/", "storage.kubernetes.io/");
  // Made by Origination and Provisioning.
  private static final Pattern RESERVED = Pattern.compile("csi-[0-9a-f]{32}|vol-");
  // An origin's server may take these for steps upwards, or for the end of the path.
  private static final Pattern LEAVES_ITS_BEGINNING =
      Pattern.compile("/\\.\\.?(/|$)|%2[ef]|%5c|[\\\\?#\\s]|\\p{Cntrl}", Pattern.CASE_INSENSITIVE);
  private static final int WARM_GLOBS_MAX = 32;
  // The specification gives all of them together 4 KiB.
  private static final int VALUE_MAX = 4096;
  private static final int SUB_PATH_MAX = 4096;

  /**
   * Reads attributes.
   *
   * @param context with what the orchestrator adds, which is passed over
   * @param fallback the dataset where no attribute names one
   * @param inline whether a pod's author wrote them
   * @param inlineOrigins beginnings of origins such an author may name
   * @throws io.grpc.StatusRuntimeException INVALID_ARGUMENT naming the attribute
   */
  static VolumeAttributes parse(
      Map<String, String> context, String fallback, boolean inline, List<String> inlineOrigins) {
    Map<String, String> own = new TreeMap<>(context);
    own.keySet().removeIf(key -> FOREIGN.stream().anyMatch(key::startsWith));
    rejectUnknown(own);
    if (inline) {
      rejectAdministrators(own, inlineOrigins);
    }
    Optional<OriginSpec> origin = origin(own);
    if (origin.isPresent() && own.containsKey("dataset")) {
      throw Statuses.invalid("attributes dataset and origin exclude each other");
    }
    if (inline && origin.isEmpty() && !own.containsKey("dataset")) {
      throw Statuses.invalid("attribute dataset is missing; " + known());
    }
    OptionalLong number = number(own);
    boolean follow = flag(own, "follow");
    Optional<SnapshotRef> snapshot =
        origin.isPresent()
            ? Optional.empty()
            : Optional.of(snapshot(own.getOrDefault("dataset", fallback), number));
    boolean isFixed = number.isPresent() || snapshot.flatMap(VolumeAttributes::fixed).isPresent();
    if (follow && isFixed) {
      throw Statuses.invalid("attribute follow: a volume of one snapshot follows nothing");
    }
    String subPath = subPath(own.getOrDefault("subPath", ""));
    if (follow && !subPath.isEmpty()) {
      throw Statuses.invalid(
          "attribute subPath: not with follow; the pod's own subPath would not follow either, so"
              + " read below current/");
    }
    List<String> warm = warm(own.getOrDefault("warm", "none"));
    boolean wait = flag(own, "waitForWarm");
    return new VolumeAttributes(snapshot, origin, number, subPath, follow, warm, wait);
  }

  private static Optional<Long> fixed(SnapshotRef ref) {
    return ref.snapshot().isPresent() ? Optional.of(ref.snapshot().getAsLong()) : Optional.empty();
  }

  private static void rejectUnknown(Map<String, String> own) {
    for (Map.Entry<String, String> each : own.entrySet()) {
      String key = each.getKey();
      boolean isKnown =
          FOR_ALL.contains(key)
              || key.equals(ORIGIN)
              || (key.startsWith(OPTION) && OPTIONS.contains(key.substring(OPTION.length())));
      if (!isKnown) {
        throw Statuses.invalid("unknown attribute \"" + VolumeIds.shown(key) + "\"; " + known());
      }
      if (each.getValue().indexOf(0) >= 0) {
        throw Statuses.invalid("attribute " + key + ": it holds a NUL");
      }
      if (each.getValue().length() > VALUE_MAX) {
        throw Statuses.invalid("attribute " + key + ": more than " + VALUE_MAX + " characters");
      }
    }
  }

  private static String known() {
    TreeSet<String> all = new TreeSet<>(FOR_ALL);
    all.add(ORIGIN);
    OPTIONS.forEach(option -> all.add(OPTION + option));
    return "there are " + String.join(", ", all);
  }

  /** What reaches into the node or chooses where its credentials go is no pod author's to say. */
  private static void rejectAdministrators(Map<String, String> own, List<String> inlineOrigins) {
    for (String key : own.keySet()) {
      if (key.startsWith(OPTION)) {
        throw Statuses.invalid(
            "attribute "
                + key
                + ": only an administrator may set it, in a PersistentVolume or"
                + " StorageClass");
      }
    }
    if (RESERVED.matcher(own.getOrDefault("dataset", "")).lookingAt()) {
      throw Statuses.invalid(
          "attribute dataset: datasets made for volumes belong to who has their secret or claim,"
              + " and cannot be named here");
    }
    String uri = own.get(ORIGIN);
    if (uri != null
        && (LEAVES_ITS_BEGINNING.matcher(uri).find()
            || inlineOrigins.stream().noneMatch(uri::startsWith))) {
      throw Statuses.invalid(
          "attribute origin: only an administrator may set it, in a PersistentVolume or"
              + " StorageClass, or allow it with csi.inline-origins");
    }
  }

  private static Optional<OriginSpec> origin(Map<String, String> own) {
    Map<String, String> options = new TreeMap<>();
    own.forEach((key, value) -> {
      if (key.startsWith(OPTION)) {
        options.put(key.substring(OPTION.length()), value);
      }
    });
    String uri = own.get(ORIGIN);
    if (uri == null) {
      if (!options.isEmpty()) {
        throw Statuses.invalid(
            "attribute " + OPTION + options.keySet().iterator().next() + ": without origin");
      }
      return Optional.empty();
    }
    return Optional.of(new OriginSpec(uri, new OriginOptions(options)));
  }

  private static OptionalLong number(Map<String, String> own) {
    String text = own.get("snapshot");
    if (text == null) {
      return OptionalLong.empty();
    }
    if (!text.matches("[1-9][0-9]{0,17}")) {
      throw Statuses.invalid(
          "attribute snapshot: \"" + VolumeIds.shown(text) + "\" is no number from 1");
    }
    return OptionalLong.of(Long.parseLong(text));
  }

  private static SnapshotRef snapshot(String text, OptionalLong number) {
    SnapshotRef ref;
    try {
      ref = SnapshotRef.parse(text);
    } catch (LarderException e) {
      throw Statuses.invalid("attribute dataset: " + e.getMessage());
    }
    if (number.isPresent() && ref.snapshot().isPresent() && !number.equals(ref.snapshot())) {
      throw Statuses.invalid("attribute snapshot: dataset \"" + text + "\" names another one");
    }
    DatasetName name = ref.dataset();
    return number.isPresent() ? new SnapshotRef(name, number) : ref;
  }

  private static String subPath(String text) {
    if (text.isEmpty()) {
      return "";
    }
    List<String> parts = new ArrayList<>();
    for (String part : text.split("/", -1)) {
      if (part.equals(".") || part.equals("..")) {
        throw Statuses.invalid("attribute subPath: it may not hold \"" + part + "\"");
      }
      if (!part.isEmpty()) {
        parts.add(part);
      }
    }
    if (text.startsWith("/") || text.length() > SUB_PATH_MAX || parts.isEmpty()) {
      throw Statuses.invalid(
          "attribute subPath: \""
              + VolumeIds.shown(text)
              + "\" is not a path from the dataset's root, without a leading slash");
    }
    return String.join("/", parts);
  }

  private static List<String> warm(String text) {
    return switch (text) {
      // Whatever is published has its catalog here, so its metadata are local.
      case "", "none", "metadata" -> List.of();
      case "all" -> List.of("");
      default -> {
        List<String> globs = globs(text);
        if (globs.size() > WARM_GLOBS_MAX) {
          throw Statuses.invalid("attribute warm: more than " + WARM_GLOBS_MAX + " globs");
        }
        yield globs;
      }
    };
  }

  /** Cuts at commas that stand in no braces. */
  private static List<String> globs(String text) {
    List<String> globs = new ArrayList<>();
    int depth = 0;
    int from = 0;
    for (int i = 0; i <= text.length(); i++) {
      char c = i < text.length() ? text.charAt(i) : ',';
      depth += c == '{' ? 1 : c == '}' ? -1 : 0;
      if (c == ',' && (depth <= 0 || i == text.length())) {
        String glob = text.substring(from, i).strip();
        if (!glob.isEmpty()) {
          globs.add(glob);
        }
        from = i + 1;
      }
    }
    return globs;
  }

  private static boolean flag(Map<String, String> own, String key) {
    String value = own.getOrDefault(key, "false");
    return switch (value) {
      case "true" -> true;
      case "false" -> false;
      default ->
          throw Statuses.invalid(
              "attribute "
                  + key
                  + ": \""
                  + VolumeIds.shown(value)
                  + "\" is neither true nor false");
    };
  }

  /** What tells two requests for one target apart. */
  String fingerprint() {
    Map<String, String> options = new TreeMap<>();
    origin.ifPresent(spec -> options.putAll(spec.options().values()));
    return String.join(
        "\n",
        snapshot.map(SnapshotRef::toString).orElse(""),
        origin.map(OriginSpec::uri).orElse(""),
        options.toString(),
        number.toString(),
        subPath,
        Boolean.toString(follow),
        warm.size() + warm.toString(),
        Boolean.toString(waitForWarm));
  }
}
