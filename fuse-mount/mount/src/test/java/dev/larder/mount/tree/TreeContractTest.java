package dev.larder.mount.tree;

import dev.larder.mount.contract.ContractTree;
import dev.larder.mount.contract.MountContract;
import dev.larder.mount.contract.Mounted;

/** The written list, on tree mounts. */
final class TreeContractTest extends MountContract {
  @Override
  protected void requireHost() {
    TreeFixture.requireSupport();
  }

  @Override
  protected Mounted mount(ContractTree tree) throws Exception {
    return TreeFixture.Tree.of(tree, TreeFixture.inMemory(tree.blobs()), true);
  }
}
