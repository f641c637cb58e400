package dev.larder.mount;

import dev.larder.agent.config.ConfigTree;
import dev.larder.fuse.FuseConfig;
import dev.larder.keeper.KeeperConfig;
import dev.larder.mount.tree.TreeConfig;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;

/**
 * Everything that is set about mounts: keys {@code mount.*} and {@code keeper.*}.
 *
 * @param mount how mounts are made
 * @param fuse how the kernel's requests are served
 * @param tree bounds of tree mounts
 */
public record MountSettings(MountConfig mount, FuseConfig fuse, TreeConfig tree) {

  /**
   * Takes the keys from a tree and leaves the others.
   *
   * @throws dev.larder.protocol.LarderException BAD_CONFIG that names the key
   */
  public static MountSettings of(ConfigTree tree) {
    return new MountSettings(mount(tree), fuse(tree), tree(tree));
  }

  /** How a keeper is to run that is started for this agent. */
  public KeeperConfig keeper(Path runDirectory) {
    return new KeeperConfig(
        runDirectory.toAbsolutePath(),
        fuse.slots(),
        fuse.rowsMax(),
        fuse.passthrough(),
        mount.readAheadBytes(),
        mount.overlayLayers(),
        mount.agentDeadline(),
        mount.keeperConnectionsMax(),
        Math.max(mount.keeperMountsMax(), 2 * mount.mountsMax()),
        false,
        false);
  }

  private static MountConfig mount(ConfigTree tree) {
    MountConfig base = MountConfig.defaults();
    return new MountConfig(
        tree.count("mount.max", base.mountsMax()),
        tree.list("mount.whole-files", base.wholeFileGlobs()),
        tree.count("mount.streams-max", base.streamsMax()),
        tree.duration("mount.open-idle", base.openIdle()),
        tree.duration("mount.remount-interval", base.remountEvery()),
        tree.count("mount.pack-files-max", base.packFilesMax()),
        tree.size("mount.read-ahead", base.readAheadBytes()),
        KeeperConfig.Layers.named(
            tree.text("mount.overlay-layers", base.overlayLayers().configName())),
        tree.duration("keeper.agent-deadline", base.agentDeadline()),
        flag(tree, "keeper.start", base.startsKeeper()),
        tree.duration("keeper.start-deadline", base.keeperWait()),
        tree.count("keeper.connections-max", base.keeperConnectionsMax()),
        tree.count("keeper.mounts-max", base.keeperMountsMax()));
  }

  private static FuseConfig fuse(ConfigTree tree) {
    FuseConfig base = FuseConfig.DEFAULTS;
    return new FuseConfig(
        tree.count("mount.slots", base.slots()),
        tree.count("mount.rows-max", base.rowsMax()),
        tree.count("mount.readers", base.readers()),
        tree.count("mount.workers-max", base.workersMax()),
        tree.size("mount.reply-buffers", base.replyBufferBytes()),
        tree.count("mount.backing-max", base.backingMax()),
        tree.duration("mount.read-deadline", base.readDeadline()),
        flag(tree, "mount.passthrough", base.passthrough()));
  }

  private static boolean flag(ConfigTree tree, String key, boolean fallback) {
    String value = tree.text(key, Boolean.toString(fallback));
    if (!value.equals("true") && !value.equals("false")) {
      throw new LarderException(ErrorCode.BAD_CONFIG, key + " is true or false, not " + value);
    }
    return value.equals("true");
  }

  private static TreeConfig tree(ConfigTree tree) {
    TreeConfig base = TreeConfig.defaults();
    return new TreeConfig(
        tree.count("mount.tree-threads-max", base.threadsMax()),
        tree.count("mount.tree-open-files-max", base.openFilesMax()),
        tree.count("mount.tree-reads-per-file-max", base.readsPerFileMax()));
  }
}
