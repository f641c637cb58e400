package dev.larder.mount;

import dev.larder.keeper.KeeperConfig.Layers;
import dev.larder.mount.contract.ContractTree;
import dev.larder.mount.contract.Mounted;
import java.util.Map;

/** The written list on a kernel mount that is complete and packed: the kernel reads by itself. */
final class CompleteKernelContractTest extends KernelContract {
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
