package dev.larder.store;

import static dev.larder.store.StoreTestSupport.MIB;
import static dev.larder.store.StoreTestSupport.await;
import static dev.larder.store.StoreTestSupport.config;
import static dev.larder.store.StoreTestSupport.content;
import static dev.larder.store.StoreTestSupport.originKey;
import static dev.larder.store.StoreTestSupport.put;
import static dev.larder.store.StoreTestSupport.readAll;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Others fill the volume: reads go on, writes answer STORE_FULL and resume by themselves. */
final class FullDiskTest {
  @TempDir Path directory;

  private final byte[] bytes = content(1, 2 * MIB);

  @Test
  void readsGoOnAndWritesResumeOnExt4() throws Exception {
    try (TestVolume volume = TestVolume.ext4(directory, 96)) {
      fillUpAndFree(volume.path());
    }
  }

  @Test
  void readsGoOnAndWritesResumeOnTmpfs() throws Exception {
    try (TestVolume volume = TestVolume.tmpfs(directory, 64)) {
      fillUpAndFree(volume.path());
    }
  }

  private void fillUpAndFree(Path volume) throws Exception {
    Path data = volume.resolve("data");
    Path hog = volume.resolve("hog");
    try (LarderStore store = LarderStore.open(config(data))) {
      for (int i = 0; i < 4; i++) {
        store.pin(originKey(i), "test");
        put(store, originKey(i), bytes);
        store.putSmall(
            originKey(100 + i),
            ByteBuffer.wrap(bytes, 0, 50_000),
            Trust.ATTESTED,
            Optional.empty());
        store.pin(originKey(100 + i), "test");
      }
      takeAllRoom(hog);
      LarderException full = null;
      for (int i = 0; i < 200 && full == null; i++) {
        full = tryWrites(store, 1000 + i);
      }
      assertTrue(full != null && full.code() == ErrorCode.STORE_FULL, String.valueOf(full));
      for (int i = 0; i < 4; i++) {
        assertArrayEquals(bytes, readAll(store, originKey(i)));
        assertEquals(
            ByteBuffer.wrap(bytes, 0, 50_000), store.readSmall(originKey(100 + i)).orElseThrow());
      }
      assertThrows(LarderException.class, () -> put(store, originKey(50), content(2, 30 * MIB)));
      Files.delete(hog);
      await("writes resume", () -> tryWrites(store, 3000) == null);
      assertArrayEquals(bytes, readAll(store, originKey(3000)));
    }
    try (LarderStore store = LarderStore.open(config(data))) {
      store.awaitSettled();
      for (int i = 0; i < 4; i++) {
        assertArrayEquals(bytes, readAll(store, originKey(i)));
      }
      assertArrayEquals(bytes, readAll(store, originKey(3000)));
    }
  }

  /** What a file and a small blob met, or null when both were stored. */
  private LarderException tryWrites(LarderStore store, int seed) {
    try {
      put(store, originKey(seed), bytes);
      store.putSmall(
          originKey(-seed), ByteBuffer.wrap(bytes, 0, 60_000), Trust.ATTESTED, Optional.empty());
      return null;
    } catch (LarderException e) {
      return e;
    } catch (java.util.concurrent.CompletionException e) {
      if (e.getCause() instanceof LarderException cause) {
        return cause;
      }
      throw e;
    }
  }

  private static void takeAllRoom(Path hog) throws IOException {
    try (OutputStream out = Files.newOutputStream(hog)) {
      for (int size = MIB; size >= 512; size /= 2) {
        try {
          while (true) {
            out.write(new byte[size]);
          }
        } catch (IOException e) {
          if (!String.valueOf(e.getMessage()).contains("No space")) {
            throw e;
          }
        }
      }
    }
  }
}
