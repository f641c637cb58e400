package dev.larder.mount;

import dev.larder.keeper.KeeperConfig.Layers;
import dev.larder.mount.contract.ContractTree;
import dev.larder.mount.contract.Mounted;
import java.util.Map;

/**
 * The written list with what Linux 6.6 lacks switched off: passthrough, and layers named one by
 * one.
 */
final class OldKernelContractTest extends KernelContract {
  @Override
  protected Mounted mount(ContractTree tree) throws Exception {
    return KernelFixture.mount(tree, Map.of("mount.passthrough", "false"), Layers.JOINED);
  }
}
