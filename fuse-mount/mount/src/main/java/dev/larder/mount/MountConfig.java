package dev.larder.mount;

import dev.larder.keeper.KeeperConfig;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.List;

/**
 * How mounts are made and served.
 *
 * @param mountsMax {@code mount.max}: mounts at once
 * @param wholeFileGlobs {@code mount.whole-files}: names of files that are fetched whole, all
 *     stripes at once, as soon as they are opened
 * @param streamsMax {@code mount.streams-max}: reads of one file that may wait for the origin at
 *     once
 * @param openIdle {@code mount.open-idle}: a file that is open but not read for so long no longer
 *     keeps its blocks from eviction
 * @param remountEvery {@code mount.remount-interval}: how often at most a mount's files are moved
 *     from FUSE to the disk after fills, and their room given back after evictions
 * @param packFilesMax {@code mount.pack-files-max}: a snapshot with more small files is not packed
 *     by itself; 0 packs only on request
 * @param readAheadBytes {@code mount.read-ahead}: what the kernel asks for ahead of a sequential
 *     reader of a file that comes through FUSE
 * @param overlayLayers {@code mount.overlay-layers}: how layers are named to the kernel
 * @param agentDeadline {@code keeper.agent-deadline}: without an agent for so long, requests that
 *     wait end with EIO
 * @param startsKeeper {@code keeper.start}: whether the agent starts a keeper where none runs
 * @param keeperWait {@code keeper.start-deadline}: how long to wait for the keeper
 * @param keeperConnectionsMax {@code keeper.connections-max}: connections to the keeper at once
 * @param keeperMountsMax {@code keeper.mounts-max}: views, and directories that show them, that the
 *     keeper holds; at least twice {@code mount.max} whatever is said here
 */
record MountConfig(
    int mountsMax,
    List<String> wholeFileGlobs,
    int streamsMax,
    Duration openIdle,
    Duration remountEvery,
    int packFilesMax,
    long readAheadBytes,
    KeeperConfig.Layers overlayLayers,
    Duration agentDeadline,
    boolean startsKeeper,
    Duration keeperWait,
    int keeperConnectionsMax,
    int keeperMountsMax) {

  private static final int READ_AHEAD_MAX = 64 << 20;

  /** Checks bounds; BAD_CONFIG names the key. */
  public MountConfig {
    wholeFileGlobs = List.copyOf(wholeFileGlobs);
    require(mountsMax >= 1, "mount.max", mountsMax);
    require(streamsMax >= 1 && streamsMax <= 256, "mount.streams-max", streamsMax);
    require(openIdle.isPositive(), "mount.open-idle", openIdle);
    require(remountEvery.isPositive(), "mount.remount-interval", remountEvery);
    require(packFilesMax >= 0, "mount.pack-files-max", packFilesMax);
    require(
        readAheadBytes >= 0 && readAheadBytes <= READ_AHEAD_MAX,
        "mount.read-ahead",
        readAheadBytes);
    require(agentDeadline.isPositive(), "keeper.agent-deadline", agentDeadline);
    require(keeperWait.isPositive(), "keeper.start-deadline", keeperWait);
    require(
        keeperConnectionsMax >= 2 && keeperConnectionsMax <= 1000,
        "keeper.connections-max",
        keeperConnectionsMax);
    require(
        keeperMountsMax >= 1 && keeperMountsMax <= 100_000, "keeper.mounts-max", keeperMountsMax);
  }

  /** Everything by default. */
  public static MountConfig defaults() {
    return new MountConfig(
        1024,
        List.of("*.safetensors", "*.gguf"),
        8,
        Duration.ofSeconds(2),
        Duration.ofSeconds(5),
        1_000_000,
        4L << 20,
        KeeperConfig.Layers.PROBED,
        Duration.ofSeconds(60),
        true,
        Duration.ofSeconds(10),
        16,
        10_000);
  }

  private static void require(boolean holds, String key, Object value) {
    if (!holds) {
      throw new LarderException(ErrorCode.BAD_CONFIG, key + ": value out of range: " + value);
    }
  }
}
