package dev.larder.csi;

import dev.larder.agent.config.ConfigTree;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;

/**
 * How the node's datasets are offered as CSI volumes.
 *
 * @param socket {@code csi.socket}: where the services listen; empty serves none
 * @param name {@code csi.name}: the driver's name, as pods and CSIDriver say it
 * @param nodeId {@code csi.node-id}: this node towards the container orchestrator; empty takes the
 *     host's name
 * @param registry {@code csi.registry}: kubelet's directory of plugin sockets; empty leaves the
 *     registration to somebody else
 * @param endpoint {@code csi.endpoint}: the socket's path as kubelet sees it; empty takes {@code
 *     csi.socket}
 * @param registryEvery {@code csi.registry-interval}: how often the registration's socket is looked
 *     for, as a kubelet that starts empties its directory
 * @param controller {@code csi.controller}: whether volumes can be created and deleted through this
 *     node
 * @param inlineOrigins {@code csi.inline-origins}: beginnings of origin URIs that pods may name
 *     themselves; empty leaves origins to administrators
 * @param callsMax {@code csi.calls-max}: calls of each kind at work at once
 * @param volumesMax {@code csi.volumes-max}: volumes published at once, and directories whose sizes
 *     are remembered
 * @param publishTimeout {@code csi.publish-timeout}: longest wait of a publish call; it goes on in
 *     the background
 * @param unpublishTimeout {@code csi.unpublish-timeout}: longest wait of an unpublish call
 * @param checkEvery {@code csi.check-interval}: how old the knowledge may be that a published
 *     volume is still mounted when it is published again
 * @param datasetKeep {@code csi.dataset-keep}: how long a dataset that was made of a volume's
 *     origin stays after the last volume of this node that used it
 * @param datasetsMax {@code csi.datasets-max}: such datasets in the cluster at once
 * @param originRefresh {@code csi.origin-refresh}: how old the origin's word on a secret, and its
 *     listing, may be when such a dataset is published
 * @param events {@code csi.events} and what begins so
 */
public record CsiConfig(
    String socket,
    String name,
    String nodeId,
    String registry,
    String endpoint,
    Duration registryEvery,
    boolean controller,
    List<String> inlineOrigins,
    int callsMax,
    int volumesMax,
    Duration publishTimeout,
    Duration unpublishTimeout,
    Duration checkEvery,
    Duration datasetKeep,
    int datasetsMax,
    Duration originRefresh,
    EventsConfig events) {

  // A letter at both ends: the official suite is stricter than the specification.
  private static final Pattern NAME = Pattern.compile("[A-Za-z][A-Za-z0-9.-]{0,61}[A-Za-z]");
  // A bucket is a host of Amazon's, as pods can set no endpoint.
  private static final Pattern INLINE_ORIGIN =
      Pattern.compile(
          "(s3://[A-Za-z0-9._-]+"
              + "|https?://([A-Za-z0-9._-]+|\\[[0-9a-fA-F:.]+])(:\\d{1,5})?"
              + "|abfss?://[a-z0-9$-]+@[A-Za-z0-9.-]+)/.*");
  private static final Pattern NODE_ID = Pattern.compile("[A-Za-z0-9._-]{0,128}");

  /** Checks bounds; BAD_CONFIG names the key. */
  public CsiConfig {
    inlineOrigins = List.copyOf(inlineOrigins);
    require(NAME.matcher(name).matches(), "csi.name", name);
    require(NODE_ID.matcher(nodeId).matches(), "csi.node-id", nodeId);
    require(isPlace(socket), "csi.socket", socket);
    require(isPlace(registry), "csi.registry", registry);
    require(isPlace(endpoint), "csi.endpoint", endpoint);
    require(registryEvery.isPositive(), "csi.registry-interval", registryEvery);
    for (String origin : inlineOrigins) {
      requireHost(origin);
    }
    atLeastOne("csi.calls-max", callsMax);
    atLeastOne("csi.volumes-max", volumesMax);
    require(publishTimeout.isPositive(), "csi.publish-timeout", publishTimeout);
    require(unpublishTimeout.isPositive(), "csi.unpublish-timeout", unpublishTimeout);
    require(!checkEvery.isNegative(), "csi.check-interval", checkEvery);
    require(!datasetKeep.isNegative(), "csi.dataset-keep", datasetKeep);
    atLeastOne("csi.datasets-max", datasetsMax);
    require(!originRefresh.isNegative(), "csi.origin-refresh", originRefresh);
  }

  /** A beginning without its host would let a pod's author choose any. */
  private static void requireHost(String origin) {
    if (!INLINE_ORIGIN.matcher(origin).matches()) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG,
          "csi.inline-origins: \""
              + origin
              + "\" does not name a host to its end: expected s3://BUCKET/…,"
              + " https://HOST/… (http too), or abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/…;"
              + " az:// leaves the account open, so say https://ACCOUNT.blob.core.windows.net/…");
    }
  }

  private static boolean isPlace(String path) {
    return path.isEmpty() || path.startsWith("/");
  }

  private static void atLeastOne(String key, int value) {
    if (value < 1) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, key + ": value out of range: " + value + "; at least 1");
    }
  }

  private static void require(boolean holds, String key, Object value) {
    if (!holds) {
      throw new LarderException(ErrorCode.BAD_CONFIG, key + ": value out of range: " + value);
    }
  }

  /** Nothing is served. Kubelet gives a call two minutes; publish returns before that. */
  public static CsiConfig defaults() {
    return new CsiConfig(
        "",
        "csi.larder.dev",
        "",
        "",
        "",
        Duration.ofSeconds(2),
        true,
        List.of(),
        256,
        1000,
        Duration.ofSeconds(110),
        Duration.ofSeconds(10),
        Duration.ofSeconds(1),
        Duration.ofHours(1),
        100,
        Duration.ofMinutes(5),
        EventsConfig.defaults());
  }

  /**
   * Takes the keys {@code csi.*} from a tree and leaves the others.
   *
   * @throws LarderException BAD_CONFIG that names the key
   */
  public static CsiConfig of(ConfigTree tree) {
    CsiConfig base = defaults();
    return new CsiConfig(
        tree.text("csi.socket", base.socket()),
        tree.text("csi.name", base.name()),
        tree.text("csi.node-id", base.nodeId()),
        tree.text("csi.registry", base.registry()),
        tree.text("csi.endpoint", base.endpoint()),
        tree.duration("csi.registry-interval", base.registryEvery()),
        flag(tree, "csi.controller", base.controller()),
        tree.list("csi.inline-origins", base.inlineOrigins()),
        tree.count("csi.calls-max", base.callsMax()),
        tree.count("csi.volumes-max", base.volumesMax()),
        tree.duration("csi.publish-timeout", base.publishTimeout()),
        tree.duration("csi.unpublish-timeout", base.unpublishTimeout()),
        tree.duration("csi.check-interval", base.checkEvery()),
        tree.duration("csi.dataset-keep", base.datasetKeep()),
        tree.count("csi.datasets-max", base.datasetsMax()),
        tree.duration("csi.origin-refresh", base.originRefresh()),
        EventsConfig.of(tree));
  }

  private static boolean flag(ConfigTree tree, String key, boolean fallback) {
    String value = tree.text(key, Boolean.toString(fallback));
    require(value.equals("true") || value.equals("false"), key, value);
    return value.equals("true");
  }

  /** Whether anything is served. */
  public boolean isOn() {
    return !socket.isEmpty();
  }

  /** The socket as kubelet sees it. */
  String socketOfKubelet() {
    return endpoint.isEmpty() ? socket : endpoint;
  }

  /**
   * This node's name.
   *
   * @throws LarderException BAD_CONFIG where the host has none
   */
  String node() {
    if (!nodeId.isEmpty()) {
      return nodeId;
    }
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "csi.node-id is not set and this host has no name", e);
    }
  }
}
