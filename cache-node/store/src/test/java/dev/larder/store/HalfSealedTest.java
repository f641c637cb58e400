package dev.larder.store;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore.Fill;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A crash between the rename of a seal and its record, found by {@link CrashTest}. */
class HalfSealedTest {
  @TempDir Path folder;

  /** Whoever comes first, the opener or recovery: acknowledged blocks stay. */
  @RepeatedTest(5)
  void aBlobOpenedBeforeRecoveryKeepsItsBlocks() throws IOException {
    Sample sample = Sample.of(1, (2 << 20) + 5);
    StoreConfig config = StoreConfig.defaults(folder).withBudget(0, 0);
    try (LarderStore store = LarderStore.open(config);
        Fill fill = store.openFill(sample.key(), sample.sizeBytes())) {
      BlobStoreContract.fill(fill, sample, 0, (int) sample.blocks());
    }
    Path from = folder.resolve("fills").resolve(sample.key().diskName());
    Path to = folder.resolve("blobs").resolve(sample.key().diskName());
    Files.createDirectories(to.getParent());
    Files.setPosixFilePermissions(from, PosixFilePermissions.fromString("r--r--r--"));
    Files.move(from, to);
    try (LarderStore store = LarderStore.open(config)) {
      try (Fill fill = store.openFill(sample.key(), sample.sizeBytes())) {
        assertTrue(fill.isComplete(), "acknowledged blocks were lost");
        fill.seal(Trust.ATTESTED, Optional.empty(), Optional.empty());
      }
      BlobStoreContract.readAndCheck(store, sample);
      store.awaitSettled();
      assertFalse(Files.exists(from));
      BlobStoreContract.readAndCheck(store, sample);
    }
  }

  /** A seal syncs the folder its file came to; the one it left may keep the old name. */
  @Test
  void anOldNameBesideASealedFileGoes() throws IOException {
    Sample sample = Sample.of(1, (2 << 20) + 5);
    StoreConfig config = StoreConfig.defaults(folder).withBudget(0, 0);
    try (LarderStore store = LarderStore.open(config)) {
      BlobStoreContract.put(store, sample);
    }
    Path old = folder.resolve("fills").resolve(sample.key().diskName());
    Files.createLink(old, folder.resolve("blobs").resolve(sample.key().diskName()));
    try (LarderStore store = LarderStore.open(config)) {
      store.awaitSettled();
      assertFalse(Files.exists(old));
      BlobStoreContract.readAndCheck(store, sample);
    }
  }
}
