package dev.larder.agent.read;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.larder.agent.FakeOrigin;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.StoreConfig;
import dev.larder.testkit.Records;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** An origin that tells its checksum later than the data. */
class SlowChecksumTest {
  private static final int MIB = 1 << 20;
  private static final Duration LONG = Duration.ofMinutes(5);
  private static final ContentChecksum WRONG =
      new ContentChecksum(ContentChecksum.Algorithm.CRC32C, new byte[] {1, 2, 3, 4});

  @TempDir Path directory;
  private final FakeOrigin origin = new FakeOrigin();
  private final OriginObject file = origin.add("file.bin", 9 * MIB + 5, new Random(7));
  private final CountDownLatch answer = new CountDownLatch(1);
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

  @AfterEach
  void close() {
    answer.countDown();
    threads.shutdownNow();
  }

  @ParameterizedTest
  @EnumSource(ReadIntent.class)
  void theLastByteWaitsForTheAnswerAndWrongBytesEndInAFault(ReadIntent intent) throws Exception {
    origin.publish(file, WRONG);
    origin.onChecksum(this::awaitAnswer);
    try (ReadRig rig = rig(LONG);
        BlobRead read = rig.open(file, intent)) {
      ReadRig.compare(read, origin.content(file), 0, file.sizeBytes() - 1);
      Future<BlobRead.Span> last = threads.submit(() -> read.next(file.sizeBytes() - 1, 1));
      ReadRig.await("all is here", () -> rig.engine.presentBytes(file.key()) == file.sizeBytes());
      assertThrows(TimeoutException.class, () -> last.get(1, TimeUnit.SECONDS));
      assertFalse(rig.isSealed(file));
      answer.countDown();
      ExecutionException fault =
          assertThrows(ExecutionException.class, () -> last.get(30, TimeUnit.SECONDS));
      assertEquals(ErrorCode.ORIGIN_CORRUPT, ((LarderException) fault.getCause()).code());
      assertFalse(rig.isSealed(file));
    }
  }

  @Test
  void aReaderWhoLeavesDoesNotEndTheWait() throws Exception {
    origin.publish(file, WRONG);
    origin.onChecksum(this::awaitAnswer);
    try (ReadRig rig = rig(LONG)) {
      rig.readAndCompare(file, 0, file.sizeBytes() - 1, ReadIntent.WHOLE);
      ReadRig.await("all is here", () -> rig.engine.presentBytes(file.key()) == file.sizeBytes());
      assertFalse(rig.isSealed(file));
      answer.countDown();
      ReadRig.await("found wrong", () -> rig.engine.counters().integrityFailures.sum() == 1);
      assertFalse(rig.isSealed(file));
    }
  }

  @Test
  void anAnswerThatFailsEndsTheWait() throws Exception {
    for (RuntimeException fault :
        new RuntimeException[] {
          new LarderException(ErrorCode.ORIGIN_DENIED, "as the test wished"),
          new IllegalStateException("as the test wished")
        }) {
      CountDownLatch asked = new CountDownLatch(1);
      CountDownLatch fail = new CountDownLatch(1);
      origin.onChecksum(() -> {
        asked.countDown();
        await(fail);
        throw fault;
      });
      OriginObject another = origin.add(fault.getClass().getName(), 9 * MIB, new Random(8));
      try (ReadRig rig = rig(LONG)) {
        Future<long[]> whole =
            threads.submit(
                () -> rig.readAndCompare(another, 0, another.sizeBytes(), ReadIntent.SEQUENTIAL));
        asked.await();
        ReadRig.await(
            "all is here", () -> rig.engine.presentBytes(another.key()) == another.sizeBytes());
        assertFalse(whole.isDone());
        fail.countDown();
        whole.get(30, TimeUnit.SECONDS);
        assertEquals(Trust.ATTESTED, trust(rig, another));
      }
    }
  }

  @Test
  void anAnswerThatNeverComesIsWaitedForWithinABound() throws Exception {
    origin.publish(file, WRONG);
    origin.onChecksum(this::awaitAnswer);
    try (ReadRig rig = rig(Duration.ofSeconds(1))) {
      long began = System.nanoTime();
      threads
          .submit(() -> rig.readAndCompare(file, 0, file.sizeBytes(), ReadIntent.SEQUENTIAL))
          .get(30, TimeUnit.SECONDS);
      Duration took = Duration.ofNanos(System.nanoTime() - began);
      assertFalse(took.compareTo(Duration.ofSeconds(1)) < 0, "took " + took);
      ReadRig.await("sealed", () -> rig.isSealed(file));
      assertEquals(Trust.ATTESTED, trust(rig, file));
    }
  }

  private static Trust trust(ReadRig rig, OriginObject object) {
    ReadRig.await("sealed", () -> rig.isSealed(object));
    return rig.store.find(object.key()).orElseThrow().trust().orElseThrow();
  }

  private ReadRig rig(Duration checksumWait) {
    return new ReadRig(
        StoreConfig.defaults(directory).withBudget(0, 0),
        origin,
        Records.with(ReadRig.quick(100), "checksumWait", checksumWait));
  }

  private void awaitAnswer() {
    await(answer);
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted", e);
    }
  }
}
