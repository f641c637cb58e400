package dev.larder.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore.BlobInfo;
import dev.larder.store.BlobStore.Fill;
import dev.larder.store.BlobStore.SealedBlob;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.BlobStore.State;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Every guarantee that {@link BlobStore} writes down. */
abstract class BlobStoreContract extends StoreContractBase {
  private static void assertFault(ErrorCode code, Executable call) {
    assertEquals(code, assertThrows(LarderException.class, call).code());
  }

  @Test
  void absentBlobIsAnEmptyValue() {
    store(0);
    assertEquals(Optional.empty(), store.find(NAMED.key()));
    assertEquals(Optional.empty(), store.readSmall(SMALL.key()));
    assertTrue(store.openSealed(NAMED.key()).isEmpty());
    assertEquals(Optional.empty(), store.digests(NAMED.key(), 0));
    assertFalse(store.delete(NAMED.key()));
    assertFalse(store.quarantine(NAMED.key(), "test"));
  }

  @Test
  void smallBlobIsStoredWholeAndSealed() {
    store(0);
    ByteBuffer content = SMALL.content();
    SealedInfo info = store.putSmall(SMALL.key(), content, Trust.ATTESTED, Optional.empty());
    assertEquals(0, content.position());
    assertEquals(new SealedInfo(SMALL.key(), 5_000, SMALL.root(), Trust.ATTESTED), info);
    ByteBuffer got = store.readSmall(SMALL.key()).orElseThrow();
    assertTrue(got.isReadOnly());
    SMALL.check(0, got);
    assertEquals(
        Optional.of(
            new BlobInfo(
                SMALL.key(),
                State.SEALED,
                5_000,
                5_000,
                Optional.of(SMALL.root()),
                Optional.of(Trust.ATTESTED),
                false)),
        store.find(SMALL.key()));
    assertTrue(store.openSealed(SMALL.key()).isEmpty(), "not a file");
    assertEquals(Trust.VERIFIED, put(store, SMALL_SHA).trust());
    assertEquals(info, put(store, SMALL), "again");
  }

  @Test
  void smallBlobMustMatchKeyAndRoot() {
    store(0);
    Digest wrong = Digests.ofBytes(new byte[1]);
    ByteBuffer content = SMALL.content();
    assertFault(
        ErrorCode.ORIGIN_CORRUPT,
        () -> store.putSmall(SMALL.key(), content, Trust.ATTESTED, Optional.of(wrong)));
    assertFault(
        ErrorCode.ORIGIN_CORRUPT,
        () -> store.putSmall(SMALL_SHA.key(), content, Trust.VERIFIED, Optional.empty()));
    assertEquals(Optional.empty(), store.find(SMALL.key()));
    assertEquals(Optional.empty(), store.find(SMALL_SHA.key()));
    store.putSmall(SMALL.key(), content, Trust.VERIFIED, Optional.of(SMALL.root()));
    assertEquals(Optional.of(Trust.VERIFIED), store.find(SMALL.key()).orElseThrow().trust());
  }

  @Test
  void smallBlobsReachFromNothingTo64KiB() {
    store(0);
    Sample largest = Sample.of(7, Blocks.SMALL_BLOB_BYTES_MAX);
    Sample empty = Sample.of(8, 0);
    put(store, largest);
    put(store, empty);
    readAndCheck(store, largest);
    assertEquals(0, store.readSmall(empty.key()).orElseThrow().remaining());
    ByteBuffer tooLarge = ByteBuffer.allocate(Blocks.SMALL_BLOB_BYTES_MAX + 1);
    assertThrows(
        LarderException.class,
        () -> store.putSmall(NAMED.key(), tooLarge, Trust.ATTESTED, Optional.empty()));
  }

  @Test
  void aFileIsAlwaysKeptAsAFile() throws IOException {
    store(0);
    Path source = Files.write(folder.resolve("image"), SMALL_SHA.content().array());
    SealedInfo info = store.putFile(SMALL_SHA.key(), source, Trust.ATTESTED);
    assertEquals(Trust.VERIFIED, info.trust());
    assertEquals(SMALL_SHA.root(), info.root());
    try (SealedBlob blob = store.openSealed(SMALL_SHA.key()).orElseThrow()) {
      SMALL_SHA.check(0, ByteBuffer.wrap(Files.readAllBytes(blob.path())));
    }
    Path wrong = Files.write(folder.resolve("wrong"), new byte[300]);
    assertFault(
        ErrorCode.ORIGIN_CORRUPT,
        () -> store.putFile(Sample.of(9, 300).key(), wrong, Trust.ATTESTED));
    assertEquals(Optional.empty(), store.find(Sample.of(9, 300).key()));
  }

  @Test
  void callersOfOneKeyShareOneFill() {
    store(0);
    try (Fill one = store.openFill(NAMED.key(), NAMED.sizeBytes());
        Fill other = store.openFill(NAMED.key(), NAMED.sizeBytes())) {
      assertEquals(NAMED.key(), other.key());
      assertEquals(NAMED.sizeBytes(), other.sizeBytes());
      fill(one, NAMED, 1, 1);
      assertTrue(other.isPresent(1));
      fill(other, NAMED, 0, 1);
      fill(one, NAMED, 2, 1);
      assertTrue(one.isComplete() && other.isComplete());
      SealedInfo info = seal(other);
      assertTrue(one.isSealed());
      assertEquals(info, seal(one), "idempotent");
    }
    try (Fill late = store.openFill(NAMED.key(), NAMED.sizeBytes())) {
      assertTrue(late.isSealed() && late.isComplete() && late.isPresent(0));
      ByteBuffer tail = ByteBuffer.allocate(100);
      assertEquals(77, late.read(2 * MIB, tail));
      NAMED.check(2 * MIB, tail.flip());
    }
  }

  @Test
  void aKeyHasOneSize() {
    store(0);
    try (Fill fill = store.openFill(NAMED.key(), NAMED.sizeBytes())) {
      fill(fill, NAMED, 0, 1);
      assertFault(ErrorCode.ALREADY_EXISTS, () -> store.openFill(NAMED.key(), 3 * MIB));
    }
    put(store, NAMED);
    assertFault(ErrorCode.ALREADY_EXISTS, () -> store.openFill(NAMED.key(), 3 * MIB));
  }

  @Test
  void writtenBytesAreReadableAtOnceButPresentOnlyWhenCommitted() throws IOException {
    store(0);
    try (Fill fill = store.openFill(NAMED.key(), NAMED.sizeBytes())) {
      fill.reserve(0, NAMED.sizeBytes());
      ByteBuffer bytes = NAMED.block(1);
      fill.write(MIB, bytes.slice(0, 1000));
      fill.write(MIB + 1000, bytes.slice(1000, MIB - 1000));
      ByteBuffer seen = ByteBuffer.allocate(MIB);
      FileChannel channel = fill.channel();
      while (seen.hasRemaining() && channel.read(seen, MIB + seen.position()) > 0) {
        assertEquals(0, channel.position());
      }
      NAMED.check(MIB, seen.flip());
      assertFalse(fill.isPresent(1));
      assertFault(ErrorCode.UNKNOWN_BLOB, () -> fill.read(MIB, ByteBuffer.allocate(1)));
      assertFault(ErrorCode.UNKNOWN_BLOB, () -> fill.verify(MIB, 1));
      join(fill.complete(1, NAMED.digests(1, 1)));
      assertTrue(fill.isPresent(1));
      assertFalse(fill.isPresent(0) || fill.isPresent(2) || fill.isComplete());
      assertEquals(MIB, store.find(NAMED.key()).orElseThrow().presentBytes());
      assertEquals(State.FILLING, store.find(NAMED.key()).orElseThrow().state());
      assertEquals(Optional.empty(), store.find(NAMED.key()).orElseThrow().root());
      assertTrue(store.openSealed(NAMED.key()).isEmpty());
    }
  }

  @Test
  void digestsAreThoseOfPresentBlocks() {
    store(0);
    Sample big = Sample.of(10, 65L * MIB + 9);
    try (Fill fill = store.openFill(big.key(), big.sizeBytes())) {
      fill(fill, big, 0, 63);
      fill(fill, big, 64, 2);
      List<Optional<Digest>> first = store.digests(big.key(), 0).orElseThrow().blocks();
      assertEquals(64, first.size());
      assertEquals(Optional.of(big.digest(62)), first.get(62));
      assertEquals(Optional.empty(), first.get(63));
      assertEquals(2, store.digests(big.key(), 1).orElseThrow().blocks().size());
      assertEquals(Optional.empty(), fill.stripeDigest(0));
      assertEquals(Optional.of(Digests.stripe(big.digests(64, 2))), fill.stripeDigest(1));
      fill(fill, big, 63, 1);
      assertEquals(Optional.of(Digests.stripe(big.digests(0, 64))), fill.stripeDigest(0));
      assertEquals(big.root(), seal(fill).root());
    }
    assertEquals(
        Optional.of(big.digest(63)), store.digests(big.key(), 0).orElseThrow().blocks().get(63));
  }

  @Test
  void aBlockThatFailsItsCheckIsDroppedAndCanBeFilledAgain() {
    store(0);
    try (Fill fill = store.openFill(NAMED.key(), NAMED.sizeBytes())) {
      fill(fill, NAMED, 0, 1);
      fill.write(MIB, NAMED.block(0));
      join(fill.complete(1, NAMED.digests(1, 1)));
      ByteBuffer target = ByteBuffer.allocate(MIB);
      assertFault(ErrorCode.STORE_CORRUPT, () -> fill.read(MIB + 3, target));
      assertFalse(fill.isPresent(1));
      assertTrue(fill.isPresent(0));
      fill(fill, NAMED, 1, 2);
      ByteBuffer again = ByteBuffer.allocate(MIB);
      assertEquals(MIB, fill.read(MIB + 3, again));
      NAMED.check(MIB + 3, again.flip());
    }
  }

  @Test
  void sealingNeedsEveryBlockAndTheRightContent() {
    store(0);
    try (Fill fill = store.openFill(SHA.key(), SHA.sizeBytes())) {
      fill(fill, SHA, 0, 1);
      assertFault(ErrorCode.UNKNOWN_BLOB, () -> seal(fill));
      assertTrue(fill.isPresent(0));
      byte[] wrong = new byte[5];
      fill.write(MIB, ByteBuffer.wrap(wrong));
      join(fill.complete(1, List.of(Digests.ofBytes(wrong))));
      assertTrue(fill.isComplete());
      assertFault(ErrorCode.ORIGIN_CORRUPT, () -> seal(fill));
      assertFalse(fill.isPresent(0) || fill.isComplete() || fill.isSealed());
    }
    assertEquals(Optional.empty(), store.find(SHA.key()));
    assertEquals(Trust.VERIFIED, put(store, SHA).trust());
    readAndCheck(store, SHA);
  }

  @Test
  void sealingComparesRootAndChecksum() {
    store(0);
    Digest sha = Digests.ofBytes(NAMED.content());
    ContentChecksum right = new ContentChecksum(ContentChecksum.Algorithm.SHA256, sha.bytes());
    ContentChecksum wrong = new ContentChecksum(ContentChecksum.Algorithm.SHA256, new byte[32]);
    assertFault(ErrorCode.ORIGIN_CORRUPT, () -> putWith(Optional.of(sha), Optional.empty()));
    assertEquals(Optional.empty(), store.find(NAMED.key()));
    assertFault(ErrorCode.ORIGIN_CORRUPT, () -> putWith(Optional.empty(), Optional.of(wrong)));
    assertEquals(Optional.empty(), store.find(NAMED.key()));
    assertEquals(Trust.ATTESTED, putWith(Optional.of(NAMED.root()), Optional.empty()).trust());
    assertTrue(store.delete(NAMED.key()));
    assertEquals(Trust.VERIFIED, putWith(Optional.empty(), Optional.of(right)).trust());
  }

  private SealedInfo putWith(Optional<Digest> root, Optional<ContentChecksum> checksum) {
    try (Fill fill = store.openFill(NAMED.key(), NAMED.sizeBytes())) {
      fill(fill, NAMED, 0, (int) NAMED.blocks());
      return fill.seal(Trust.ATTESTED, root, checksum);
    }
  }

  @Test
  void aSealedBlobIsAFileWithCheckedReads() throws IOException {
    store(0);
    SealedInfo info = put(store, NAMED);
    try (SealedBlob blob = store.openSealed(NAMED.key()).orElseThrow()) {
      assertEquals(info, blob.info());
      assertEquals(NAMED.root(), info.root());
      NAMED.check(0, ByteBuffer.wrap(Files.readAllBytes(blob.path())));
      blob.verify(0, NAMED.sizeBytes());
      ByteBuffer middle = ByteBuffer.allocate(MIB);
      assertEquals(MIB, blob.read(MIB / 2, middle));
      NAMED.check(MIB / 2, middle.flip());
      assertEquals(0, blob.read(NAMED.sizeBytes(), ByteBuffer.allocate(10)));
      assertEquals(NAMED.sizeBytes(), blob.channel().size());
      assertEquals(0, blob.channel().position());
    }
  }

  @Test
  void rangesOutsideAreRefused() {
    store(0);
    try (Fill fill = store.openFill(NAMED.key(), NAMED.sizeBytes())) {
      assertFault(ErrorCode.BAD_RANGE, () -> fill.write(2 * MIB + 70, ByteBuffer.allocate(8)));
      assertFault(ErrorCode.BAD_RANGE, () -> fill.write(-1, ByteBuffer.allocate(8)));
      assertFault(ErrorCode.BAD_RANGE, () -> fill.reserve(Long.MAX_VALUE - 1, 8));
      assertFault(ErrorCode.BAD_RANGE, () -> fill.complete(2, NAMED.digests(1, 2)));
    }
  }

  @Test
  void contentPinsAndFillsSurviveARestart() {
    store(0);
    put(store, NAMED);
    put(store, SHA);
    put(store, SMALL);
    Sample half = Sample.of(11, 3 * MIB);
    try (Fill fill = store.openFill(half.key(), half.sizeBytes())) {
      fill(fill, half, 2, 1);
    }
    store.pin(half.key(), "a");
    reopen(0);
    readAndCheck(store, NAMED);
    readAndCheck(store, SHA);
    readAndCheck(store, SMALL);
    BlobInfo info = store.find(half.key()).orElseThrow();
    assertEquals(MIB, info.presentBytes());
    assertTrue(info.pinned());
    assertEquals(NAMED.root(), store.find(NAMED.key()).orElseThrow().root().orElseThrow());
    assertEquals(3, store.stats().sealedBlobs());
    assertEquals(1, store.stats().fillingBlobs());
  }

  @Test
  void pinsAreCountedPerOwner() {
    store(0);
    store.pin(NAMED.key(), "a");
    store.pinAll(List.of(NAMED.key(), NAMED.key()), "a");
    store.pinAll(List.of(NAMED.key()), "b");
    store.pinAll(List.of(), "c");
    put(store, NAMED);
    assertTrue(store.find(NAMED.key()).orElseThrow().pinned(), "pinned while absent");
    store.unpin(NAMED.key(), "a");
    store.unpin(NAMED.key(), "nobody");
    assertTrue(store.find(NAMED.key()).orElseThrow().pinned());
    assertEquals(NAMED.sizeBytes(), store.stats().pinnedBytes());
    store.unpin(NAMED.key(), "b");
    assertFalse(store.find(NAMED.key()).orElseThrow().pinned());
    assertEquals(0, store.stats().pinnedBytes());
  }

  @Test
  void pinnedAndOpenAreNeverEvicted() {
    store(8L * MIB);
    Sample pinned = Sample.of(20, 2 * MIB);
    Sample opened = Sample.of(22, 2 * MIB);
    put(store, pinned);
    store.pin(pinned.key(), "test");
    put(store, opened);
    try (SealedBlob held = store.openSealed(opened.key()).orElseThrow()) {
      for (int number = 100; number < 120; number++) {
        put(store, Sample.of(3 * number + 1, 2 * MIB));
        assertTrue(store.stats().usedBytes() <= 8L * MIB);
      }
      opened.check(0, ByteBuffer.allocate(0));
      held.verify(0, 2 * MIB);
      readAndCheck(store, pinned);
      readAndCheck(store, opened);
    }
    assertNotEquals(0, store.stats().counters().get("evicted_bytes_total"));
  }

  @Test
  void whatTheGuardRefusesStaysAndOthersGo() {
    store(8L * MIB);
    Sample mounted = Sample.of(20, 2 * MIB);
    Set<BlobKey> asked = new ConcurrentSkipListSet<>();
    List<String> wrongFiles = new ArrayList<>();
    store.guardEvictions((key, file) -> {
      asked.add(key);
      if (!Files.isRegularFile(file)) {
        wrongFiles.add(key + " is not at " + file);
      }
      return !key.equals(mounted.key());
    });
    put(store, mounted);
    for (int number = 100; number < 120; number++) {
      put(store, Sample.of(3 * number + 1, 2 * MIB));
      assertTrue(store.stats().usedBytes() <= 8L * MIB);
    }
    readAndCheck(store, mounted);
    assertTrue(asked.contains(mounted.key()), "never asked about");
    assertEquals(List.of(), wrongFiles);
    assertTrue(store.delete(mounted.key()), "deleting asks nobody");
    assertTrue(store.find(mounted.key()).isEmpty());
  }

  @Test
  void whatWasRefusedIsAskedAboutAgain() {
    store(5L * MIB);
    AtomicBoolean granted = new AtomicBoolean();
    store.guardEvictions((key, file) -> {
      if (!granted.get()) {
        throw new IllegalStateException("a fault of the guard is a refusal");
      }
      return true;
    });
    Sample mounted = Sample.of(20, 4 * MIB);
    put(store, mounted);
    Sample other = Sample.of(22, 3 * MIB);
    try (Fill fill = store.openFill(other.key(), other.sizeBytes())) {
      assertFault(ErrorCode.STORE_FULL, () -> fill.reserve(0, other.sizeBytes()));
      granted.set(true);
      StoreTestSupport.await(
          "asked again",
          () -> {
            try {
              fill.reserve(0, other.sizeBytes());
              return true;
            } catch (LarderException e) {
              return false;
            }
          });
    }
    assertTrue(store.find(mounted.key()).isEmpty());
  }

  @Test
  void fullStoreSaysSoAndStillReads() {
    store(5L * MIB);
    Sample pinned = Sample.of(20, 4 * MIB);
    put(store, pinned);
    store.pin(pinned.key(), "test");
    Sample other = Sample.of(22, 3 * MIB);
    try (Fill fill = store.openFill(other.key(), other.sizeBytes())) {
      assertFault(ErrorCode.STORE_FULL, () -> fill.reserve(0, other.sizeBytes()));
    }
    readAndCheck(store, pinned);
    store.unpin(pinned.key(), "test");
    put(store, other);
    readAndCheck(store, other);
  }

  @Test
  void deletedBlobIsAbsentAtOnceAndOpenHandlesReadOn() {
    store(0);
    put(store, NAMED);
    put(store, SMALL);
    assertTrue(store.delete(SMALL.key()));
    assertEquals(Optional.empty(), store.readSmall(SMALL.key()));
    try (SealedBlob held = store.openSealed(NAMED.key()).orElseThrow()) {
      assertTrue(store.delete(NAMED.key()));
      assertFalse(store.delete(NAMED.key()));
      assertEquals(Optional.empty(), store.find(NAMED.key()));
      assertTrue(store.openSealed(NAMED.key()).isEmpty());
      ByteBuffer out = ByteBuffer.allocate(10);
      assertEquals(10, held.read(MIB, out));
      NAMED.check(MIB, out.flip());
    }
    assertEquals(0, store.stats().usedBytes());
    reopen(0);
    assertEquals(Optional.empty(), store.find(NAMED.key()));
    put(store, NAMED);
    readAndCheck(store, NAMED);
  }

  @Test
  void quarantinedBlobIsAbsent() {
    store(0);
    put(store, NAMED);
    put(store, SMALL);
    assertTrue(store.quarantine(NAMED.key(), "test"));
    assertTrue(store.quarantine(SMALL.key(), "test"));
    assertEquals(Optional.empty(), store.find(NAMED.key()));
    assertEquals(Optional.empty(), store.readSmall(SMALL.key()));
    assertEquals(0, store.stats().sealedBlobs());
    reopen(0);
    assertEquals(Optional.empty(), store.find(NAMED.key()));
    put(store, NAMED);
    readAndCheck(store, NAMED);
  }

  @Test
  void visitsAllAndTellsListeners() {
    store(0);
    Set<BlobKey> sealed = new ConcurrentSkipListSet<>();
    Set<BlobKey> gone = new ConcurrentSkipListSet<>();
    Set<BlobKey> wrong = new ConcurrentSkipListSet<>();
    Set<String> dropped = new ConcurrentSkipListSet<>();
    store.addListener(
        new BlobStore.StoreListener() {
          @Override
          public void onSealed(SealedInfo info) {
            sealed.add(info.key());
          }

          @Override
          public void onGone(BlobKey key, boolean whole) {
            gone.add(key);
          }

          @Override
          public void onWrong(BlobKey key) {
            wrong.add(key);
          }

          @Override
          public void onDropped(BlobKey key, int first, int end) {
            dropped.add(key + " " + first + " " + end);
          }
        });
    Stream.of(NAMED, SHA, SMALL).forEach(sample -> put(store, sample));
    store.delete(SHA.key());
    assertEquals(Set.of(NAMED.key(), SHA.key(), SMALL.key()), sealed);
    assertEquals(Set.of(SHA.key()), gone);
    assertEquals(Set.of(), wrong);
    Set<BlobInfo> visited = new java.util.HashSet<>();
    store.forEach(visited::add);
    assertEquals(
        Set.of(NAMED.key(), SMALL.key()),
        visited.stream().map(BlobInfo::key).collect(Collectors.toSet()));
    assertTrue(visited.contains(store.find(NAMED.key()).orElseThrow()));
    assertTrue(store.quarantine(NAMED.key(), "test"));
    assertEquals(Set.of(SHA.key(), NAMED.key()), gone);
    assertEquals(Set.of(NAMED.key()), wrong);
    assertTrue(store.delete(SMALL.key()));
    Set<String> all =
        Stream.of(NAMED, SHA, SMALL)
            .map(each -> each.key() + " 0 " + Blocks.stripeCount(each.sizeBytes()))
            .collect(Collectors.toSet());
    assertEquals(all, dropped);
  }

  @Test
  void scrubReadsWhatIsSealed() {
    store(0);
    put(store, NAMED);
    put(store, SHA);
    BlobStore.ScrubReport report = store.scrub(Long.MAX_VALUE);
    assertEquals(2, report.blobs());
    assertEquals(NAMED.sizeBytes() + SHA.sizeBytes(), report.bytes());
    assertEquals(0, report.corrupt());
  }

  @Test
  void aDroppedStripeIsAbsent() {
    store(0);
    try (Fill fill = store.openFill(NAMED.key(), NAMED.sizeBytes())) {
      assertFalse(fill.drop(0));
      fill(fill, NAMED, 0, 2);
      assertTrue(fill.drop(0));
      assertFalse(fill.isPresent(0) || fill.isPresent(1));
      fill(fill, NAMED, 0, 3);
      seal(fill);
      assertFalse(fill.drop(0));
    }
    readAndCheck(store, NAMED);
  }

  @Test
  void closedStoreAndHandlesSaySo() {
    store(0);
    put(store, NAMED);
    Fill fill = store.openFill(SHA.key(), SHA.sizeBytes());
    SealedBlob sealed = store.openSealed(NAMED.key()).orElseThrow();
    Fill closedFill = store.openFill(SHA.key(), SHA.sizeBytes());
    closedFill.close();
    closedFill.close();
    assertFault(ErrorCode.CLOSED, () -> closedFill.write(0, ByteBuffer.allocate(1)));
    store.close();
    store.close();
    assertFault(ErrorCode.CLOSED, () -> store.find(NAMED.key()));
    assertFault(ErrorCode.CLOSED, () -> store.openFill(SHA.key(), SHA.sizeBytes()));
    assertFault(ErrorCode.CLOSED, () -> store.stats());
    assertFault(ErrorCode.CLOSED, () -> fill.write(0, ByteBuffer.allocate(1)));
    assertFault(ErrorCode.CLOSED, () -> sealed.read(0, ByteBuffer.allocate(1)));
    fill.close();
    sealed.close();
  }
}
