package dev.larder.mount;

import dev.larder.keeper.KeeperConfig.Layers;
import dev.larder.mount.contract.ContractTree;
import dev.larder.mount.contract.MountContract;
import dev.larder.mount.contract.Mounted;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** The written list on a kernel mount that is complete and packed: the kernel reads by itself. */
final class CompleteKernelContractTest extends MountContract {
  @Override
  protected void requireHost() throws Exception {
    String known = Files.readString(Path.of("/proc/filesystems"));
    require(
        known.contains("erofs") && known.contains("overlay") && Files.exists(Path.of("/dev/fuse")),
        "the kernel lacks EROFS, overlay or FUSE");
  }

  @Override
  protected long largeBytes() {
    return (20L << 20) + 70_007;
  }

  @Override
  protected Mounted mount(ContractTree tree) throws Exception {
    KernelFixture fixture = KernelFixture.mount(tree, Map.of(), Layers.PROBED);
    fixture.complete();
    return fixture;
  }
}
