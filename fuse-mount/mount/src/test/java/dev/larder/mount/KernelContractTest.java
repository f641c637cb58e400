package dev.larder.mount;

import dev.larder.keeper.KeeperConfig.Layers;
import dev.larder.mount.contract.ContractTree;
import dev.larder.mount.contract.Mounted;
import java.util.Map;

/**
 * The written list on a kernel mount with nothing in the store: all bytes come through FUSE first.
 */
final class KernelContractTest extends KernelContract {
  @Override
  protected Mounted mount(ContractTree tree) throws Exception {
    return KernelFixture.mount(tree, Map.of(), Layers.PROBED);
  }
}
