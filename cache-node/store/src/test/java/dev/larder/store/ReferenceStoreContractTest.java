package dev.larder.store;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;

/** The model keeps the contract too, so a difference to it is a defect of the store. */
class ReferenceStoreContractTest extends BlobStoreContract {
  private ReferenceStore.Disk disk;

  @AfterEach
  void closeDisk() {
    if (disk != null) {
      disk.close();
    }
  }

  @Override
  BlobStore open(Path directory, long budget) {
    if (disk == null) {
      disk = new ReferenceStore.Disk(directory);
    }
    return new ReferenceStore(disk, budget);
  }
}
