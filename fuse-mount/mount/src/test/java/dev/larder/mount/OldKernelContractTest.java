package dev.larder.mount;

import dev.larder.keeper.KeeperConfig.Layers;
import dev.larder.mount.contract.ContractTree;
import dev.larder.mount.contract.MountContract;
import dev.larder.mount.contract.Mounted;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * The written list with what Linux 6.6 lacks switched off: passthrough, and layers named one by
 * one.
 */
final class OldKernelContractTest extends MountContract {
  @Override
  protected void requireHost() throws Exception {
    String known = Files.readString(Path.of("/proc/filesystems"));
    require(
        known.contains("erofs") && known.contains("overlay") && Files.exists(Path.of("/dev/fuse")),
        "the kernel lacks EROFS, overlay or FUSE");
  }

  @Override
  protected Mounted mount(ContractTree tree) throws Exception {
    return KernelFixture.mount(tree, Map.of("mount.passthrough", "false"), Layers.JOINED);
  }
}
