package dev.larder.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.agent.read.ReadRig;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore.SealedInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is asked and told of roots while the coordinator comes and goes. */
class RootLedgerTest {
  private static final int MIB = 1 << 20;
  private static final Duration PAUSE_MAX = Duration.ofSeconds(2);

  @TempDir Path directory;
  private final FakeCoordinator coordinator = new FakeCoordinator();
  private final FakeOrigin origin = new FakeOrigin();
  private ReadRig rig;
  private RootDisputes disputes;
  private RootLedger ledger;

  @BeforeEach
  void open() throws IOException {
    rig = new ReadRig(directory.resolve("store"), origin);
    disputes = new RootDisputes(coordinator, rig.store, "node-a");
    ledger =
        new RootLedger(
            coordinator,
            "node-a",
            disputes,
            Files.createDirectories(directory.resolve("agent")),
            1000);
    ledger.start();
    rig.ledger = ledger;
  }

  @AfterEach
  void close() {
    coordinator.holdQuestions(false);
    rig.close();
    disputes.close();
  }

  @Test
  void withoutAMajorityNoReaderWaitsAndAnotherRootIsDisputedLater() {
    Random random = new Random(17);
    coordinator.holdQuestions(true);
    List<OriginObject> files = new ArrayList<>();
    for (int number = 0; number < 6; number++) {
      OriginObject file = origin.add("f" + number, 9 * MIB, random);
      CRC32C crc = new CRC32C();
      crc.update(origin.content(file));
      origin.publish(
          file,
          new ContentChecksum(
              ContentChecksum.Algorithm.CRC32C,
              ByteBuffer.allocate(4).putInt((int) crc.getValue()).array()));
      files.add(file);
      long began = System.nanoTime();
      rig.readAndCompare(file, 0, file.sizeBytes(), ReadIntent.SEQUENTIAL);
      Duration took = Duration.ofNanos(System.nanoTime() - began);
      System.err.println("cold read " + number + " took " + took.toMillis() + " ms");
      assertTrue(took.compareTo(PAUSE_MAX) < 0, "read " + number + " took " + took);
    }
    files.forEach(file -> ReadRig.await("sealed", () -> rig.isSealed(file)));
    coordinator.holdQuestions(false);
    BlobKey other = files.getFirst().key();
    coordinator.recordRoots(
        List.of(
            new RecordedRoot(
                other,
                files.getFirst().sizeBytes(),
                new Digest(1, 2, 3, 4),
                Trust.ATTESTED,
                "node-b")));
    ReadRig.await("told", () -> ledger.waiting() == files.size());
    ledger.flush(rig.store);
    assertEquals(files.size(), coordinator.recorded().size());
    assertEquals(1, ledger.conflicts());
    assertTrue(disputes.isDisputed(other));
    assertFalse(rig.isSealed(files.getFirst()), "set aside");
  }

  @Test
  void whatIsSealedWhileTheMarkGoesIsNotForgotten() throws Exception {
    long seed = 23;
    System.err.println("seed " + seed);
    Random random = new Random(seed);
    Path mark = directory.resolve("agent/roots-pending");
    long flushNanos = 1_000_000;
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int round = 0; round < 200; round++) {
        ledger.sealed(info(2 * round));
        SealedInfo late = info(2 * round + 1);
        long began = System.nanoTime();
        long sealAt = began + random.nextLong(flushNanos * 5 / 4 + 1);
        Future<Long> flush =
            threads.submit(() -> {
              ledger.flush(rig.store);
              return System.nanoTime();
            });
        while (System.nanoTime() - sealAt < 0) {
          Thread.onSpinWait();
        }
        ledger.sealed(late);
        flushNanos = flush.get(30, TimeUnit.SECONDS) - began;
        // A crash now forgets it unless one of both holds.
        assertTrue(
            Files.exists(mark) || coordinator.recorded().containsKey(late.key()),
            "forgotten in round " + round);
      }
    }
    ledger.flush(rig.store);
    assertEquals(400, coordinator.recorded().size());
    assertFalse(Files.exists(mark));
  }

  private static SealedInfo info(int number) {
    Digest digest = Digests.ofBytes(ByteBuffer.allocate(4).putInt(0, number));
    return new SealedInfo(BlobKey.origin(digest), MIB, digest, Trust.ATTESTED);
  }
}
