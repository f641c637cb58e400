package dev.larder.store;

import static dev.larder.store.StoreTestSupport.MIB;
import static dev.larder.store.StoreTestSupport.blockDigest;
import static dev.larder.store.StoreTestSupport.config;
import static dev.larder.store.StoreTestSupport.content;
import static dev.larder.store.StoreTestSupport.fill;
import static dev.larder.store.StoreTestSupport.originKey;
import static dev.larder.store.StoreTestSupport.put;
import static dev.larder.store.StoreTestSupport.readAll;
import static dev.larder.store.StoreTestSupport.shaKey;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore.State;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class LarderStoreTest {
  @TempDir Path directory;

  private static ErrorCode code(org.junit.jupiter.api.function.Executable call) {
    return assertThrows(LarderException.class, call).code();
  }

  @Test
  void fillsSealsReadsAndKeepsAcrossRestart() throws IOException {
    byte[] bytes = content(1, 3 * MIB + 17);
    BlobKey key = shaKey(bytes);
    try (LarderStore store = LarderStore.open(config(directory))) {
      assertEquals(Optional.empty(), store.find(key));
      try (BlobStore.Fill fill = store.openFill(key, bytes.length)) {
        fill(fill, bytes, 1, 2);
        assertTrue(fill.isPresent(1));
        assertFalse(fill.isPresent(0));
        assertEquals(State.FILLING, store.find(key).orElseThrow().state());
        assertEquals(MIB, store.find(key).orElseThrow().presentBytes());
        assertEquals(
            ErrorCode.UNKNOWN_BLOB,
            code(() -> fill.seal(Trust.ATTESTED, Optional.empty(), Optional.empty())));
        assertEquals(ErrorCode.UNKNOWN_BLOB, code(() -> fill.read(0, ByteBuffer.allocate(10))));
        ByteBuffer some = ByteBuffer.allocate(100);
        assertEquals(100, fill.read(MIB + 5, some));
        assertArrayEquals(java.util.Arrays.copyOfRange(bytes, MIB + 5, MIB + 105), some.array());
      }
    }
    try (LarderStore store = LarderStore.open(config(directory))) {
      assertEquals(MIB, store.find(key).orElseThrow().presentBytes());
      try (BlobStore.Fill fill = store.openFill(key, bytes.length)) {
        assertTrue(fill.isPresent(1));
        fill(fill, bytes, 0, 1);
        fill(fill, bytes, 2, 4);
        assertTrue(fill.isComplete());
        assertEquals(
            Trust.VERIFIED, fill.seal(Trust.ATTESTED, Optional.empty(), Optional.empty()).trust());
        assertTrue(fill.isSealed());
        ByteBuffer all = ByteBuffer.allocate(bytes.length);
        assertEquals(bytes.length, fill.read(0, all));
        assertArrayEquals(bytes, all.array());
        assertEquals(bytes.length, fill.channel().size());
      }
      assertArrayEquals(bytes, readAll(store, key));
    }
    try (LarderStore store = LarderStore.open(config(directory))) {
      assertArrayEquals(bytes, readAll(store, key));
      BlobStore.BlobInfo info = store.find(key).orElseThrow();
      assertEquals(State.SEALED, info.state());
      assertEquals(Digests.rootOf(ByteBuffer.wrap(bytes)), info.root().orElseThrow());
      assertEquals(1, store.stats().sealedBlobs());
      assertEquals(0, store.stats().fillingBlobs());
      assertEquals(bytes.length, store.stats().usedBytes());
      Path file = directory.resolve("blobs").resolve(key.diskName());
      assertEquals("r--r--r--", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
      assertEquals(
          "rwx------",
          PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.resolve("blobs"))));
      try (BlobStore.SealedBlob blob = store.openSealed(key).orElseThrow()) {
        assertEquals(file, blob.path());
        blob.verify(0, bytes.length);
        ByteBuffer tail = ByteBuffer.allocate(100);
        assertEquals(7, blob.read(bytes.length - 7, tail));
        FileChannel channel = blob.channel();
        ByteBuffer raw = ByteBuffer.allocate(16);
        channel.read(raw, MIB);
        assertArrayEquals(java.util.Arrays.copyOfRange(bytes, MIB, MIB + 16), raw.array());
      }
    }
  }

  @Test
  void smallBlobsAreCheckedAndKept() {
    byte[] bytes = content(2, 5000);
    BlobKey key = shaKey(bytes);
    BlobKey other = originKey(3);
    try (LarderStore store = LarderStore.open(config(directory))) {
      assertEquals(Optional.empty(), store.readSmall(key));
      assertEquals(
          Trust.VERIFIED,
          store.putSmall(key, ByteBuffer.wrap(bytes), Trust.ATTESTED, Optional.empty()).trust());
      assertEquals(
          ErrorCode.ORIGIN_CORRUPT,
          code(() ->
              store.putSmall(
                  originKey(9),
                  ByteBuffer.wrap(bytes),
                  Trust.ATTESTED,
                  Optional.of(
                      key.digest().a() == 0 ? Digests.ofBytes(new byte[0]) : key.digest()))));
      store.putSmall(other, ByteBuffer.allocate(0), Trust.ATTESTED, Optional.empty());
      assertEquals(ByteBuffer.wrap(bytes), store.readSmall(key).orElseThrow());
      assertTrue(store.readSmall(key).orElseThrow().isReadOnly());
      assertEquals(Optional.empty(), store.openSealed(key).map(BlobStore.SealedBlob::info));
    }
    try (LarderStore store = LarderStore.open(config(directory))) {
      assertEquals(ByteBuffer.wrap(bytes), store.readSmall(key).orElseThrow());
      assertEquals(0, store.readSmall(other).orElseThrow().remaining());
      assertEquals(2, store.stats().sealedBlobs());
      assertTrue(store.delete(key));
      assertFalse(store.delete(key));
      assertEquals(Optional.empty(), store.readSmall(key));
      assertEquals(1, store.stats().sealedBlobs());
    }
  }

  @Test
  void wrongContentIsNeverSealed() throws IOException {
    byte[] bytes = content(4, 2 * MIB);
    BlobKey wrong = shaKey(content(5, 2 * MIB));
    try (LarderStore store = LarderStore.open(config(directory))) {
      assertEquals(ErrorCode.ORIGIN_CORRUPT, code(() -> put(store, wrong, bytes)));
      assertEquals(Optional.empty(), store.find(wrong));
      assertEquals(1, list(directory.resolve("quarantine")));
      assertEquals(0, store.stats().usedBytes());
      BlobKey key = originKey(6);
      try (BlobStore.Fill fill = store.openFill(key, bytes.length)) {
        fill(fill, bytes, 0, 2);
        Digest foreign = Digests.ofBytes(bytes);
        assertEquals(
            ErrorCode.ORIGIN_CORRUPT,
            code(() -> fill.seal(Trust.ATTESTED, Optional.of(foreign), Optional.empty())));
        assertFalse(fill.isPresent(0));
        assertFalse(fill.isComplete());
      }
      assertEquals(Optional.empty(), store.find(key));
      put(store, key, bytes);
      assertArrayEquals(bytes, readAll(store, key));
    }
  }

  @Test
  void digestsDeclaredWrongAreFoundOnRead() {
    byte[] bytes = content(7, 2 * MIB);
    try (LarderStore store = LarderStore.open(config(directory));
        BlobStore.Fill fill = store.openFill(originKey(7), bytes.length)) {
      fill.write(0, ByteBuffer.wrap(bytes));
      fill.complete(0, List.of(blockDigest(bytes, 0), blockDigest(bytes, 0))).join();
      fill.verify(0, MIB);
      assertEquals(ErrorCode.STORE_CORRUPT, code(() -> fill.verify(0, 2 * MIB)));
      assertTrue(fill.isPresent(0));
      assertFalse(fill.isPresent(1));
      fill(fill, bytes, 1, 2);
      fill.verify(0, 2 * MIB);
      assertTrue(fill.isComplete());
    }
  }

  @Test
  void catalogsAreFilesHoweverSmall() throws IOException {
    byte[] bytes = content(8, 4096);
    Path source = Files.write(directory.resolve("image"), bytes);
    try (LarderStore store = LarderStore.open(config(directory.resolve("data")))) {
      assertEquals(Trust.VERIFIED, store.putFile(shaKey(bytes), source, Trust.ATTESTED).trust());
      assertArrayEquals(bytes, readAll(store, shaKey(bytes)));
      assertEquals(4096, store.putFile(shaKey(bytes), source, Trust.ATTESTED).sizeBytes());
      assertEquals(
          ErrorCode.ORIGIN_CORRUPT,
          code(() -> store.putFile(shaKey(content(9, 4096)), source, Trust.ATTESTED)));
      assertTrue(Files.exists(source));
    }
  }

  @Test
  void evictsTheOldestButNeverPinnedOrOpen() {
    StoreConfig config = config(directory).withBudget(10 * MIB, 0);
    List<BlobKey> gone = new ArrayList<>();
    List<String> dropped = new ArrayList<>();
    try (LarderStore store = LarderStore.open(config)) {
      store.addListener(
          new BlobStore.StoreListener() {
            @Override
            public void onSealed(BlobStore.SealedInfo info) {}

            @Override
            public void onGone(BlobKey key, boolean whole) {
              gone.add(key);
            }

            @Override
            public void onDropped(BlobKey key, int first, int end) {
              dropped.add(key + " " + first + " " + end);
            }
          });
      byte[] bytes = content(10, 4 * MIB);
      store.pin(originKey(1), "me");
      put(store, originKey(1), bytes);
      put(store, originKey(2), bytes);
      assertTrue(store.find(originKey(1)).orElseThrow().pinned());
      assertEquals(4 * MIB, store.stats().pinnedBytes());
      put(store, originKey(3), bytes);
      assertEquals(List.of(originKey(2)), gone);
      assertEquals(List.of(originKey(2) + " 0 1"), dropped);
      try (BlobStore.SealedBlob held = store.openSealed(originKey(3)).orElseThrow()) {
        assertEquals(ErrorCode.STORE_FULL, code(() -> put(store, originKey(4), bytes)));
        assertEquals(4 * MIB, held.info().sizeBytes());
      }
      put(store, originKey(4), bytes);
      assertTrue(store.find(originKey(1)).isPresent());
      assertTrue(store.find(originKey(3)).isEmpty());
      store.unpin(originKey(1), "me");
      store.pin(originKey(4), "me");
      put(store, originKey(5), bytes);
      assertTrue(store.find(originKey(1)).isEmpty());
      assertTrue(store.stats().usedBytes() <= 10 * MIB);
      assertEquals(4 * MIB, store.stats().pinnedBytes());
    }
  }

  @Test
  void stripesOfAClosedFillGoOneByOne() throws IOException {
    StoreConfig config = config(directory).withBudget(100L * MIB, 0);
    byte[] bytes = content(11, 70 * MIB);
    try (LarderStore store = LarderStore.open(config)) {
      BlobKey key = originKey(1);
      try (BlobStore.Fill fill = store.openFill(key, bytes.length)) {
        fill(fill, bytes, 0, 70);
      }
      put(store, originKey(2), content(12, 40 * MIB));
      assertEquals(6 * MIB, store.find(key).orElseThrow().presentBytes());
      try (BlobStore.Fill fill = store.openFill(key, bytes.length)) {
        assertFalse(fill.isPresent(0));
        fill.verify(64L * MIB, 6 * MIB);
        assertEquals(Optional.empty(), fill.stripeDigest(0));
        assertTrue(fill.stripeDigest(1).isPresent());
        assertTrue(fill.drop(1));
        assertFalse(fill.drop(1));
        fill(fill, bytes, 3, 5);
        fill.verify(3L * MIB, 2 * MIB);
      }
      Path file = directory.resolve("fills").resolve(key.diskName());
      long blocks = diskBytes(file);
      assertTrue(blocks <= 3L * MIB, "room was given back, still used: " + blocks);
    }
  }

  @Test
  void deletedWhileOpenGoesWhenClosed() {
    byte[] bytes = content(13, 2 * MIB);
    try (LarderStore store = LarderStore.open(config(directory))) {
      put(store, shaKey(bytes), bytes);
      try (BlobStore.SealedBlob held = store.openSealed(shaKey(bytes)).orElseThrow()) {
        assertTrue(store.delete(shaKey(bytes)));
        assertEquals(Optional.empty(), store.find(shaKey(bytes)));
        held.verify(0, bytes.length);
        assertTrue(Files.exists(held.path()));
      }
      assertFalse(Files.exists(directory.resolve("blobs").resolve(shaKey(bytes).diskName())));
      assertEquals(0, store.stats().usedBytes());
    }
  }

  @Test
  void afterCloseEverythingSaysClosed() {
    LarderStore store = LarderStore.open(config(directory));
    byte[] bytes = content(14, 2 * MIB);
    put(store, shaKey(bytes), bytes);
    BlobStore.SealedBlob held = store.openSealed(shaKey(bytes)).orElseThrow();
    BlobStore.Fill fill = store.openFill(originKey(1), 5 * MIB);
    store.close();
    store.close();
    assertEquals(ErrorCode.CLOSED, code(() -> store.find(shaKey(bytes))));
    assertEquals(ErrorCode.CLOSED, code(() -> held.read(0, ByteBuffer.allocate(10))));
    assertEquals(ErrorCode.CLOSED, code(() -> fill.write(0, ByteBuffer.allocate(10))));
    held.close();
    fill.close();
  }

  private static long diskBytes(Path file) throws IOException {
    Process du = new ProcessBuilder("du", "-B1", file.toString()).start();
    return Long.parseLong(
        new String(du.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.US_ASCII)
            .split("\\s")[0]);
  }

  private static long list(Path folder) throws IOException {
    try (var all = Files.list(folder)) {
      return all.count();
    }
  }

  static {
    assert Blocks.BLOCK_BYTES == MIB;
  }
}
