package dev.larder.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digests;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore;
import dev.larder.store.LarderStore;
import dev.larder.store.StoreConfig;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ScrubbingTest {
  private static final int BLOB_BYTES = 8 << 20;
  private static final long RATE = 1 << 20;

  @TempDir Path data;
  private final AtomicLong clock = new AtomicLong();
  private final AtomicBoolean busy = new AtomicBoolean();

  @Test
  void largeBlobIsPaidForBeforeTheNextOne() throws Exception {
    try (BlobStore store = LarderStore.open(StoreConfig.defaults(data));
        Scrubbing scrubbing = new Scrubbing(store, RATE, busy::get, clock::get)) {
      put(store, 1);
      put(store, 2);
      List<Long> seen = new ArrayList<>();
      for (int second = 0; second <= 16; second++) {
        scrubbing.once();
        seen.add(scrubbed(store));
        clock.addAndGet(TimeUnit.SECONDS.toNanos(1));
      }
      for (int second = 0; second <= 16; second++) {
        long blobs = 1 + second / 8;
        assertEquals(blobs * BLOB_BYTES, seen.get(second), "after " + second + " s: " + seen);
      }
    }
  }

  @Test
  void waitsWhileTheNodeIsBusy() throws Exception {
    try (BlobStore store = LarderStore.open(StoreConfig.defaults(data));
        Scrubbing scrubbing = new Scrubbing(store, RATE, busy::get, clock::get)) {
      put(store, 1);
      busy.set(true);
      scrubbing.once();
      assertEquals(0, scrubbed(store));
      busy.set(false);
      scrubbing.once();
      assertEquals(BLOB_BYTES, scrubbed(store));
    }
  }

  private static long scrubbed(BlobStore store) {
    return store.stats().counters().getOrDefault("scrubbed_bytes_total", -1L);
  }

  private static void put(BlobStore store, int number) throws Exception {
    byte[] content = new byte[BLOB_BYTES];
    content[0] = (byte) number;
    BlobKey key = BlobKey.origin(Digests.ofBytes(content));
    try (BlobStore.Fill fill = store.openFill(key, BLOB_BYTES)) {
      fill.write(0, ByteBuffer.wrap(content));
      List<dev.larder.protocol.Digest> digests = new ArrayList<>();
      for (long block = 0; block < Blocks.blockCount(BLOB_BYTES); block++) {
        digests.add(
            Digests.ofBytes(
                ByteBuffer.wrap(
                    content,
                    (int) Blocks.blockOffset(block),
                    Blocks.blockLength(BLOB_BYTES, block))));
      }
      fill.complete(0, digests).get();
      fill.seal(Trust.ATTESTED, Optional.empty(), Optional.empty());
    }
  }
}
