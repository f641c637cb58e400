package dev.larder.store;

import java.nio.file.Path;

class LarderStoreContractTest extends BlobStoreContract {
  @Override
  BlobStore open(Path directory, long budget) {
    return LarderStore.open(StoreConfig.defaults(directory).withBudget(budget, 0));
  }
}
