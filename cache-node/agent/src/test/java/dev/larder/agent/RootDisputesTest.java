package dev.larder.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.LarderStore;
import dev.larder.store.StoreConfig;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whose copies are set aside when another root is told of. */
class RootDisputesTest {
  private static final byte[] CONTENT = "content".getBytes(StandardCharsets.US_ASCII);

  @TempDir Path data;

  @Test
  void contentThatDecidesForItselfStays() {
    assertTrue(stays(BlobKey::sha256));
  }

  @Test
  void contentThatSomebodyVouchedForIsSetAside() {
    assertFalse(stays(BlobKey::origin));
  }

  /** Whether the copy is still read from the store once another root was told of. */
  private boolean stays(Function<Digest, BlobKey> kind) {
    BlobKey key = kind.apply(Digests.ofBytes(CONTENT));
    try (BlobStore store = LarderStore.open(StoreConfig.defaults(data).withBudget(0, 0));
        RootDisputes disputes = new RootDisputes(new FakeCoordinator(), store, "node-a")) {
      SealedInfo own =
          store.putSmall(key, ByteBuffer.wrap(CONTENT), Trust.VERIFIED, Optional.empty());
      disputes.suspect(own, "another root is recorded by node-b");
      boolean stays = store.find(key).isPresent();
      assertEquals(!stays, disputes.isDisputed(key), "read past the store as long as it is gone");
      return stays;
    }
  }
}
