package dev.larder.agent.read;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.FakeOrigin;
import dev.larder.agent.fill.FillConfig;
import dev.larder.agent.fill.FillSource;
import dev.larder.agent.fill.SmallContent;
import dev.larder.agent.read.BlobRead.Source;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.StoreConfig;
import dev.larder.testkit.Records;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CachedReadPlaneTest {
  private static final int MIB = 1 << 20;

  @TempDir Path directory;
  private final FakeOrigin origin = new FakeOrigin();
  private final Random random = new Random(42);
  private ReadRig rig;

  @BeforeEach
  void open() {
    rig = new ReadRig(directory, origin);
  }

  @AfterEach
  void close() {
    rig.close();
    assertEquals(0, origin.openReads(), "requests left open");
  }

  @Test
  void readsColdThenLocalThenAfterARestart() {
    OriginObject file = origin.add("a/model.bin", 21 * MIB + 12345, random);
    long[] cold = rig.readAndCompare(file, 0, file.sizeBytes(), ReadIntent.SEQUENTIAL);
    assertEquals(file.sizeBytes(), cold[Source.ORIGIN.ordinal()]);
    ReadRig.await("sealed", () -> rig.isSealed(file));
    int requests = origin.requests();
    long[] warm = rig.readAndCompare(file, 0, file.sizeBytes(), ReadIntent.SEQUENTIAL);
    assertEquals(file.sizeBytes(), warm[Source.LOCAL.ordinal()]);
    rig.close();
    rig = new ReadRig(directory, origin);
    long[] restarted = rig.readAndCompare(file, 0, file.sizeBytes(), ReadIntent.WHOLE);
    assertEquals(file.sizeBytes(), restarted[Source.LOCAL.ordinal()]);
    assertEquals(requests, origin.requests(), "requests after it was complete");
    assertEquals(file.sizeBytes(), origin.bytesSent());
  }

  @Test
  void readsOnWhereARestartCutTheFill() {
    OriginObject file = origin.add("cut.bin", 40 * MIB, random);
    rig.readAndCompare(file, 0, 8 * MIB, ReadIntent.RANDOM);
    ReadRig.await("committed", () -> rig.engine.presentBytes(file.key()) >= 8L * MIB);
    rig.close();
    rig = new ReadRig(directory, origin);
    long sent = origin.bytesSent();
    long[] again = rig.readAndCompare(file, 0, file.sizeBytes(), ReadIntent.WHOLE);
    assertTrue(again[Source.LOCAL.ordinal()] >= 8L * MIB, "local " + again[0]);
    assertEquals(file.sizeBytes(), origin.bytesSent(), "before the restart " + sent);
  }

  @Test
  void thirtyTwoReadersOfAColdObjectFetchEachByteOnce() throws Exception {
    OriginObject file = origin.add("hot.bin", 50 * MIB + 7, random);
    runAll(
        32,
        number -> rig.readAndCompare(file, 0, file.sizeBytes(), ReadIntent.values()[number % 3]));
    assertEquals(file.sizeBytes(), origin.bytesSent());
    ReadRig.await("sealed", () -> rig.isSealed(file));
  }

  @Test
  void readersGetBytesBeforeTheBlockIsComplete() throws Exception {
    OriginObject file = origin.add("slow.bin", 4 * MIB, random);
    CountDownLatch goOn = new CountDownLatch(1);
    origin.pieceMax(64 << 10);
    origin.onPiece((object, offset) -> {
      if (offset >= 128 << 10) {
        await(goOn);
      }
    });
    try (BlobRead read = rig.open(file, ReadIntent.SEQUENTIAL)) {
      long[] got = ReadRig.compare(read, origin.content(file), 0, 128 << 10);
      assertEquals(128 << 10, got[Source.ORIGIN.ordinal()]);
      goOn.countDown();
      ReadRig.compare(read, origin.content(file), 128 << 10, file.sizeBytes() - (128 << 10));
    }
  }

  @Test
  void randomReadsFetchOnlyTheirBlocks() {
    OriginObject file = origin.add("random.bin", 64 * MIB, random);
    for (int i = 0; i < 10; i++) {
      rig.readAndCompare(file, (i * 37L % 64) * MIB + 100, 4096, ReadIntent.RANDOM);
    }
    ReadRig.await("idle", () -> origin.openReads() == 0);
    assertEquals(10L * MIB, origin.bytesSent());
    assertEquals(10, origin.requests());
  }

  @Test
  void aFailingSourceEndsTheReadAndTheNextReadGoesOn() {
    OriginObject file = origin.add("flaky.bin", 12 * MIB, random);
    AtomicBoolean isBroken = new AtomicBoolean(true);
    origin.onPiece((object, offset) -> {
      if (isBroken.get() && offset >= 5 * MIB) {
        throw new LarderException(ErrorCode.ORIGIN_UNAVAILABLE, "cut");
      }
    });
    try (BlobRead read = rig.open(file, ReadIntent.SEQUENTIAL)) {
      ReadRig.compare(read, origin.content(file), 0, 5 * MIB);
      LarderException fault = assertThrows(LarderException.class, () -> read.next(5 * MIB, MIB));
      assertEquals(ErrorCode.ORIGIN_UNAVAILABLE, fault.code());
    }
    isBroken.set(false);
    rig.readAndCompare(file, 0, file.sizeBytes(), ReadIntent.SEQUENTIAL);
    assertTrue(origin.bytesSent() <= file.sizeBytes() + MIB, "whole blocks were kept");
  }

  @Test
  void whoJoinedARunThatFailsIsServedByAnotherOne() throws Exception {
    OriginObject file = origin.add("joined.bin", MIB, random);
    CountDownLatch bothWait = new CountDownLatch(1);
    AtomicBoolean isFirst = new AtomicBoolean(true);
    origin.onPiece((object, offset) -> {
      if (isFirst.getAndSet(false)) {
        await(bothWait);
        throw new LarderException(ErrorCode.ORIGIN_UNAVAILABLE, "cut");
      }
    });
    try (ExecutorService pool = Executors.newFixedThreadPool(2);
        BlobRead first = rig.open(file, ReadIntent.RANDOM);
        BlobRead second = rig.open(file, ReadIntent.RANDOM)) {
      Future<BlobRead.Span> started = pool.submit(() -> first.next(0, 100));
      ReadRig.await("asked", () -> origin.requests() == 1);
      List<Thread> joining = new CopyOnWriteArrayList<>();
      Future<BlobRead.Span> joined =
          pool.submit(() -> {
            joining.add(Thread.currentThread());
            return second.next(0, 100);
          });
      ReadRig.await(
          "joined",
          () -> !joining.isEmpty() && joining.getFirst().getState() == Thread.State.TIMED_WAITING);
      bothWait.countDown();
      assertTrue(joined.get(10, TimeUnit.SECONDS).length() > 0);
      assertEquals(2, origin.requests());
      try {
        // Awake only when the other one's run had brought the bytes in.
        assertTrue(started.get(10, TimeUnit.SECONDS).length() > 0);
      } catch (ExecutionException fault) {
        assertEquals(ErrorCode.ORIGIN_UNAVAILABLE, ((LarderException) fault.getCause()).code());
      }
    }
  }

  @Test
  void wrongBytesForAKnownChecksumNeverEndWellAndAreNotKept() {
    OriginObject file = origin.add("wrong.bin", 9 * MIB, random);
    origin.publish(
        file, new ContentChecksum(ContentChecksum.Algorithm.CRC32C, new byte[] {1, 2, 3, 4}));
    try (BlobRead read = rig.open(file, ReadIntent.SEQUENTIAL)) {
      LarderException fault =
          assertThrows(
              LarderException.class,
              () -> ReadRig.compare(read, origin.content(file), 0, file.sizeBytes()));
      assertEquals(ErrorCode.ORIGIN_CORRUPT, fault.code());
    }
    assertFalse(rig.isSealed(file));
    assertEquals(1, rig.engine.counters().integrityFailures.sum());
    origin.publish(file, crc32c(origin.content(file)));
    rig.readAndCompare(file, 0, file.sizeBytes(), ReadIntent.SEQUENTIAL);
    ReadRig.await("sealed", () -> rig.isSealed(file));
    assertEquals(Trust.VERIFIED, rig.store.find(file.key()).orElseThrow().trust().orElseThrow());
  }

  @Test
  void aRootThatOthersRecordedMustMatch() {
    OriginObject file = origin.add("root.bin", 3 * MIB, random);
    rig.expectedRoot = Optional.of(new Digest(1, 2, 3, 4));
    rig.readAndCompare(file, 0, file.sizeBytes() - 1, ReadIntent.RANDOM);
    ReadRig.await("set aside", () -> rig.store.stats().counters().get("quarantined_total") == 1);
    assertFalse(rig.isSealed(file));
    assertEquals(List.of(file.key()), rig.disagreed);
    // Who is right is not found out here; the origin's bytes are right until then.
    rig.readAndCompare(file, 0, file.sizeBytes(), ReadIntent.SEQUENTIAL);
  }

  @Test
  void whatMembersDoNotAgreeOnIsReadPastTheStore() {
    OriginObject large = origin.add("large.bin", 3 * MIB, random);
    OriginObject small = origin.add("small.txt", 1000, random);
    rig.readAndCompare(small, 0, small.sizeBytes(), ReadIntent.WHOLE);
    rig.disputed.addAll(List.of(large.key(), small.key()));
    rig.store.quarantine(small.key(), "test");
    for (int i = 0; i < 3; i++) {
      rig.readAndCompare(large, 0, large.sizeBytes(), ReadIntent.SEQUENTIAL);
      rig.readAndCompare(small, 0, small.sizeBytes(), ReadIntent.WHOLE);
    }
    assertTrue(rig.store.find(large.key()).isEmpty());
    assertTrue(rig.store.find(small.key()).isEmpty());
    assertEquals(3 * large.sizeBytes(), rig.engine.counters().passThroughBytes.sum());
    assertEquals(
        ErrorCode.STORE_CORRUPT,
        assertThrows(
                LarderException.class, () -> rig.plane.smalls().fill(new FillSource(origin, small)))
            .code());
    rig.disputed.clear();
    awaitSealedByReading(large, ReadIntent.SEQUENTIAL);
    rig.readAndCompare(small, 0, small.sizeBytes(), ReadIntent.WHOLE);
    assertTrue(rig.isSealed(small));
  }

  @Test
  void aFullStoreIsReadPastAndWritesResumeByThemselves() {
    rig.close();
    rig = new ReadRig(StoreConfig.defaults(directory), origin, ReadRig.quick(100));
    OriginObject file = origin.add("full.bin", 20 * MIB, random);
    OriginObject small = origin.add("small.txt", 1000, random);
    rig.store.failWrites(ErrorCode.STORE_FULL);
    rig.readAndCompare(file, 0, file.sizeBytes(), ReadIntent.SEQUENTIAL);
    rig.readAndCompare(small, 0, small.sizeBytes(), ReadIntent.WHOLE);
    assertTrue(rig.engine.counters().passThroughBytes.sum() > 0);
    assertFalse(rig.isSealed(file));
    rig.store.failWrites(null);
    ReadRig.await("store is tried again", () -> !rig.engine.isStoreDown());
    awaitSealedByReading(file, ReadIntent.SEQUENTIAL);
  }

  @Test
  void aStoreThatFailsInTheMiddleChangesNoByte() {
    rig.close();
    rig = new ReadRig(StoreConfig.defaults(directory), origin, ReadRig.quick(20));
    OriginObject file = origin.add("mid.bin", 30 * MIB, random);
    try (BlobRead read = rig.open(file, ReadIntent.SEQUENTIAL)) {
      for (int part = 0; part < 30; part++) {
        rig.store.failWrites(part % 5 == 4 ? ErrorCode.STORE_IO : null);
        ReadRig.compare(read, origin.content(file), (long) part * MIB, MIB);
      }
    }
    rig.store.failWrites(null);
    ReadRig.await("store is tried again", () -> !rig.engine.isStoreDown());
    awaitSealedByReading(file, ReadIntent.WHOLE);
  }

  /**
   * A write that began while the store failed may fail late, and one more read goes past the store.
   */
  private void awaitSealedByReading(OriginObject file, ReadIntent intent) {
    ReadRig.await(
        "sealed",
        () -> {
          rig.readAndCompare(file, 0, file.sizeBytes(), intent);
          return rig.isSealed(file);
        });
  }

  @Test
  void aBlobLargerThanTheBudgetIsReadThrough() {
    rig.close();
    rig =
        new ReadRig(
            StoreConfig.defaults(directory).withBudget(160L * MIB, 0), origin, ReadRig.quick(100));
    OriginObject file = origin.add("huge.bin", 400 * MIB, random);
    rig.readAndCompare(file, 0, file.sizeBytes(), ReadIntent.SEQUENTIAL);
    assertEquals(0, rig.engine.counters().passThroughBytes.sum(), "went through the store");
    assertTrue(rig.store.stats().usedBytes() <= 160L * MIB);
  }

  /** What was read a moment ago makes room: its flight holds it no longer than it takes. */
  @Test
  void whoseReaderJustLeftGoesForTheNext() {
    rig.close();
    rig =
        new ReadRig(
            StoreConfig.defaults(directory).withBudget(40L * MIB, 0),
            origin,
            FillConfig.defaults());
    List<OriginObject> files = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      files.add(origin.add("turn-" + i, 30 * MIB + i, random));
    }
    for (OriginObject file : files) {
      rig.readAndCompare(file, 0, file.sizeBytes(), ReadIntent.SEQUENTIAL);
    }
    // The last one was not read to its end, and is in the way of a whole one all the same.
    OriginObject begun = origin.add("begun", 100 * MIB, random);
    rig.readAndCompare(begun, 0, 20 * MIB, ReadIntent.RANDOM);
    OriginObject last = files.getFirst();
    rig.readAndCompare(last, 0, last.sizeBytes(), ReadIntent.SEQUENTIAL);
    assertEquals(0, rig.engine.counters().passThroughBytes.sum(), "read past the store");
    assertEquals(0, rig.engine.counters().storeErrors.sum());
    ReadRig.await("the last is final", () -> rig.isSealed(last));
    assertTrue(rig.store.stats().usedBytes() <= 40L * MIB);
  }

  @Test
  void aFlippedBitOnDiskIsFetchedAgain() throws Exception {
    OriginObject file = origin.add("flip.bin", 5 * MIB, random);
    rig.readAndCompare(file, 0, file.sizeBytes(), ReadIntent.WHOLE);
    ReadRig.await("sealed", () -> rig.isSealed(file));
    rig.close();
    flip(directory.resolve("blobs").resolve(file.key().diskName()), 3 * MIB + 17);
    rig = new ReadRig(directory, origin);
    rig.readAndCompare(file, 0, file.sizeBytes(), ReadIntent.SEQUENTIAL);
    assertEquals(1, rig.engine.counters().refetches.sum());
    // What was handed out before the bad block was not fetched yet: nobody wanted it any more.
    rig.readAndCompare(file, 0, file.sizeBytes(), ReadIntent.SEQUENTIAL);
    assertEquals(2 * file.sizeBytes(), origin.bytesSent());
    ReadRig.await("sealed again", () -> rig.isSealed(file));
  }

  @Test
  void readersWhoLeaveStopWhatNobodyWants() {
    rig.close();
    rig = new ReadRig(StoreConfig.defaults(directory), origin, ReadRig.quick(100));
    OriginObject file = origin.add("left.bin", 200 * MIB, random);
    CountDownLatch never = new CountDownLatch(1);
    origin.onPiece((object, offset) -> {
      if (offset >= 2 * MIB) {
        await(never);
      }
    });
    try (BlobRead read = rig.open(file, ReadIntent.WHOLE)) {
      ReadRig.compare(read, origin.content(file), 0, MIB);
    }
    ReadRig.await("stopped", () -> origin.openReads() == 0);
    assertTrue(origin.bytesSent() <= 2 * MIB);
    ReadRig.await("counted", () -> rig.engine.counters().cancelledRuns.sum() > 0);
  }

  @Test
  void closingEndsAWaitingRead() throws Exception {
    OriginObject file = origin.add("stuck.bin", 2 * MIB, random);
    CountDownLatch isAsked = new CountDownLatch(1);
    CountDownLatch never = new CountDownLatch(1);
    origin.onPiece((object, offset) -> {
      isAsked.countDown();
      await(never);
    });
    BlobRead read = rig.open(file, ReadIntent.SEQUENTIAL);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<ErrorCode> waiting =
          threads.submit(() -> assertThrows(LarderException.class, () -> read.next(0, MIB)).code());
      await(isAsked);
      read.close();
      assertEquals(ErrorCode.CANCELLED, waiting.get(10, TimeUnit.SECONDS));
    }
  }

  @Test
  void smallFilesAreFetchedOnceAndThenFromMemory() throws Exception {
    OriginObject file = origin.add("dir/small", 5000, random);
    runAll(16, number -> rig.readAndCompare(file, 0, 5000, ReadIntent.WHOLE));
    assertEquals(1, origin.requests());
    assertEquals(5000, assertNotNullBuffer(file.key()).remaining());
    rig.close();
    rig = new ReadRig(directory, origin);
    // Who keeps the bytes by itself takes no room in memory.
    assertEquals(5000, rig.plane.smalls().stored(file.key()).orElseThrow().size());
    assertEquals(0, rig.plane.smalls().hotBytes());
    assertNull(rig.plane.tryLocalSmall(file.key()));
    rig.readAndCompare(file, 10, 100, ReadIntent.RANDOM);
    assertEquals(1, origin.requests());
    assertEquals(5000, assertNotNullBuffer(file.key()).remaining());
  }

  @Test
  void smallFilesReadInOrderPullTheirSiblingsAlong() {
    List<OriginObject> files = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      OriginObject file = origin.add("dir/%05d".formatted(i), 100 + i, random);
      files.add(file);
      rig.list(file);
    }
    for (OriginObject file : files) {
      rig.readAndCompare(file, 0, file.sizeBytes(), ReadIntent.WHOLE);
    }
    assertEquals(300, origin.requests(), "each file once");
    assertTrue(rig.engine.counters().siblingFetches.sum() > 100);
  }

  @Test
  void anEmptyFileNeedsNoRequest() {
    OriginObject file = origin.add("empty", new byte[0]);
    try (BlobRead read = rig.open(file, ReadIntent.WHOLE)) {
      assertEquals(0, read.sizeBytes());
      assertTrue(read.isLocal());
    }
    assertEquals(0, origin.requests());
  }

  @Test
  void opensByKeyWhatIsHereOrListed() {
    OriginObject file = origin.add("by-key", 3 * MIB, random);
    assertTrue(rig.plane.open(file.key(), ReadIntent.WHOLE).isEmpty());
    rig.list(file);
    try (BlobRead read = rig.plane.open(file.key(), ReadIntent.WHOLE).orElseThrow()) {
      ReadRig.compare(read, origin.content(file), 0, file.sizeBytes());
    }
    // The index may say so a moment before the file has its place.
    ReadRig.await(
        "sealed",
        () -> {
          try (BlobRead read = rig.plane.open(file.key(), ReadIntent.WHOLE).orElseThrow()) {
            return read.isLocal();
          }
        });
  }

  @Test
  void badConfigNamesItsKey() {
    FillConfig base = FillConfig.defaults();
    LarderException fault =
        assertThrows(LarderException.class, () -> Records.with(base, "parallelMax", 0));
    assertTrue(String.valueOf(fault.getMessage()).contains("fill.parallel-max"));
  }

  private ByteBuffer assertNotNullBuffer(BlobKey key) {
    SmallContent content = rig.plane.tryLocalSmall(key);
    assertNotNull(content);
    return content.bytes().duplicate();
  }

  private interface Reader {
    void read(int number) throws Exception;
  }

  private static void runAll(int count, Reader reader) throws Exception {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        int number = i;
        all.add(
            threads.submit(() -> {
              reader.read(number);
              return null;
            }));
      }
      for (Future<?> each : all) {
        each.get(120, TimeUnit.SECONDS);
      }
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted", e);
    }
  }

  private static ContentChecksum crc32c(byte[] content) {
    CRC32C crc = new CRC32C();
    crc.update(content);
    return new ContentChecksum(
        ContentChecksum.Algorithm.CRC32C,
        ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
  }

  private static void flip(Path file, long offset) throws IOException {
    assertTrue(file.toFile().setWritable(true));
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer one = ByteBuffer.allocate(1);
      channel.read(one, offset);
      one.flip();
      channel.write(ByteBuffer.wrap(new byte[] {(byte) (one.get() ^ 1)}), offset);
    }
  }
}
