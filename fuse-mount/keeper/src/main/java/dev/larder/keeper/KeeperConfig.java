package dev.larder.keeper;

import dev.larder.protocol.DataSize;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How a keeper runs. It has no configuration file: everything stands on its command line, and to
 * change it another keeper takes over.
 *
 * @param runDirectory socket, state and private mounts; made with mode 0700
 * @param slots {@code mount.slots}: requests in flight at once; further ones wait in the kernel
 * @param rowsMax {@code mount.rows-max}: blobs the kernel knows at once
 * @param passthrough {@code mount.passthrough}: whether the kernel may read sealed files by itself
 * @param readAheadBytes {@code mount.read-ahead}: what the kernel reads ahead of a sequential
 *     reader of the FUSE mount; 0 leaves the kernel's own
 * @param layers {@code mount.overlay-layers}: how layers are named to the kernel
 * @param agentDeadline {@code keeper.agent-deadline}: without an agent for so long, what waits gets
 *     EIO
 * @param connectionsMax {@code keeper.connections-max}: connections at once
 * @param mountsMax {@code keeper.mounts-max}: views, and directories that show them, at once
 * @param sharesMounts {@code keeper.share-mounts}: whether the keeper's own mounts are seen where
 *     its run directory is, so that a keeper in another container finds them again
 * @param takeOver whether to take over from a keeper that runs
 */
public record KeeperConfig(
    Path runDirectory,
    int slots,
    int rowsMax,
    boolean passthrough,
    long readAheadBytes,
    Layers layers,
    Duration agentDeadline,
    int connectionsMax,
    int mountsMax,
    boolean sharesMounts,
    boolean takeOver) {

  /** How layers are named to the kernel. */
  public enum Layers {
    /** The best way this kernel has. */
    PROBED,
    /** In one option, as Linux 6.5 to 6.7 need it. */
    JOINED;

    /**
     * Finds one by its name in configuration.
     *
     * @throws LarderException BAD_CONFIG that names {@code mount.overlay-layers}
     */
    public static Layers named(String name) {
      for (Layers layers : values()) {
        if (layers.configName().equals(name)) {
          return layers;
        }
      }
      throw fault("mount.overlay-layers", name);
    }

    /** Its name in configuration. */
    public String configName() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private static final Pattern DURATION = Pattern.compile("([0-9]{1,9})(ms|s|m|h)");

  /** Checks every bound; the message names its key. */
  public KeeperConfig {
    require(runDirectory.isAbsolute(), "keeper.run-directory", runDirectory);
    require(slots >= 8 && slots <= 1 << 16, "mount.slots", slots);
    require(rowsMax >= 1 << 10 && rowsMax <= 1 << 26, "mount.rows-max", rowsMax);
    require(
        readAheadBytes >= 0 && readAheadBytes <= 1L << 30 && readAheadBytes % 4096 == 0,
        "mount.read-ahead",
        readAheadBytes);
    require(
        !agentDeadline.isNegative() && agentDeadline.compareTo(Duration.ofDays(1)) <= 0,
        "keeper.agent-deadline",
        agentDeadline);
    require(
        connectionsMax >= 2 && connectionsMax <= 1000, "keeper.connections-max", connectionsMax);
    require(mountsMax >= 1 && mountsMax <= 100_000, "keeper.mounts-max", mountsMax);
  }

  /** Everything by default. */
  public static KeeperConfig defaults(Path runDirectory) {
    return parse(List.of("keeper.run-directory=" + runDirectory.toAbsolutePath()));
  }

  /**
   * Reads a command line of {@code key=value}.
   *
   * @throws LarderException BAD_CONFIG naming the key
   */
  public static KeeperConfig parse(List<String> arguments) {
    Map<String, String> values = new TreeMap<>();
    for (String argument : arguments) {
      int equals = argument.indexOf('=');
      require(equals > 0, argument, "no key=value");
      String before = values.put(argument.substring(0, equals), argument.substring(equals + 1));
      require(before == null, argument, "told twice");
    }
    KeeperConfig config =
        new KeeperConfig(
            Path.of(take(values, "keeper.run-directory", "")),
            (int) number(values, "mount.slots", "512"),
            (int) number(values, "mount.rows-max", "1048576"),
            flag(values, "mount.passthrough", "true"),
            DataSize.parse("mount.read-ahead", take(values, "mount.read-ahead", "1MiB")),
            Layers.named(take(values, "mount.overlay-layers", Layers.PROBED.configName())),
            duration(values, "keeper.agent-deadline", "60s"),
            (int) number(values, "keeper.connections-max", "16"),
            (int) number(values, "keeper.mounts-max", "10000"),
            flag(values, "keeper.share-mounts", "false"),
            flag(values, "keeper.take-over", "false"));
    for (String key : values.keySet()) {
      throw fault(key, "is not known");
    }
    return config;
  }

  /** The command line that {@link #parse} makes this of. */
  public List<String> arguments() {
    List<String> arguments = new ArrayList<>();
    arguments.add("keeper.run-directory=" + runDirectory);
    arguments.add("mount.slots=" + slots);
    arguments.add("mount.rows-max=" + rowsMax);
    arguments.add("mount.passthrough=" + passthrough);
    arguments.add("mount.read-ahead=" + readAheadBytes);
    arguments.add("mount.overlay-layers=" + layers.configName());
    arguments.add("keeper.agent-deadline=" + agentDeadline.toMillis() + "ms");
    arguments.add("keeper.connections-max=" + connectionsMax);
    arguments.add("keeper.mounts-max=" + mountsMax);
    arguments.add("keeper.share-mounts=" + sharesMounts);
    arguments.add("keeper.take-over=" + takeOver);
    return arguments;
  }

  private static String take(Map<String, String> values, String key, String otherwise) {
    String value = values.remove(key);
    return value == null ? otherwise : value;
  }

  private static long number(Map<String, String> values, String key, String otherwise) {
    String value = take(values, key, otherwise);
    try {
      return Integer.parseInt(value);
    } catch (NumberFormatException e) {
      throw fault(key, value);
    }
  }

  private static boolean flag(Map<String, String> values, String key, String otherwise) {
    String value = take(values, key, otherwise);
    require(value.equals("true") || value.equals("false"), key, value);
    return value.equals("true");
  }

  private static Duration duration(Map<String, String> values, String key, String otherwise) {
    String value = take(values, key, otherwise);
    Matcher matcher = DURATION.matcher(value);
    require(matcher.matches(), key, value);
    long number = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "ms" -> Duration.ofMillis(number);
      case "s" -> Duration.ofSeconds(number);
      case "m" -> Duration.ofMinutes(number);
      default -> Duration.ofHours(number);
    };
  }

  private static void require(boolean holds, String key, Object value) {
    if (!holds) {
      throw fault(key, value);
    }
  }

  private static LarderException fault(String key, Object value) {
    return new LarderException(ErrorCode.BAD_CONFIG, key + ": " + value);
  }
}
