package dev.larder.agent.fill;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.FakeOrigin;
import dev.larder.agent.fill.FillReader.ReadShape;
import dev.larder.agent.read.ReadRig;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.Tracker;
import dev.larder.agent.tracker.TrackerDesk;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.LarderStore;
import dev.larder.store.StoreConfig;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What was set aside is filled again at once, while the flight before still has readers. */
@Timeout(120)
class ReplacedFlightTest {
  private static final int MIB = 1 << 20;

  private static final Roots NO_ROOTS =
      new Roots() {
        @Override
        public Optional<Digest> expected(BlobKey key) {
          return Optional.empty();
        }

        @Override
        public void sealed(SealedInfo info) {
          // Nobody keeps it.
        }
      };

  @TempDir Path directory;

  @Test
  void theEndOfAFlightGivesNothingBackThatTheNextOneHolds() throws Exception {
    FakeOrigin origin = new FakeOrigin();
    OriginObject file = origin.add("file.bin", 3 * MIB, new Random(5));
    FillSource source = new FillSource(origin, file);
    CountDownLatch gate = new CountDownLatch(1);
    origin.onPiece((object, offset) -> await(gate));
    FillConfig config = FillConfig.defaults();
    Closes tracking = new Closes(config);
    try (LarderStore store = LarderStore.open(StoreConfig.defaults(directory).withBudget(0, 0));
        FillEngine engine =
            new FillEngine(config, store, NO_ROOTS, FillMeter.NONE, tracking, Members.NOBODY);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      engine.start();
      FillReader before = engine.open(source, ReadShape.RANDOM);
      assertTrue(store.quarantine(file.key(), "test"));
      try (FillReader next = engine.open(source, ReadShape.WARM)) {
        Future<?> filling = threads.submit(next::awaitComplete);
        ReadRig.await("it is fetched anew", () -> origin.requests() == 1);
        before.close();
        assertEquals(0, tracking.closed.get(), "the next flight's part was given back");
        gate.countDown();
        filling.get(60, TimeUnit.SECONDS);
      }
      ReadRig.await("over", () -> tracking.closed.get() == 1);
      assertEquals(3 * MIB, origin.bytesSent());
    } finally {
      gate.countDown();
    }
  }

  private static void await(CountDownLatch gate) {
    try {
      if (!gate.await(60, TimeUnit.SECONDS)) {
        throw new LarderException(ErrorCode.ORIGIN_UNAVAILABLE, "the test let nobody go on");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted", e);
    }
  }

  /** A node alone that counts how often a blob was given up. */
  private static final class Closes implements Tracking {
    final AtomicInteger closed = new AtomicInteger();
    private final Tracking alone;

    Closes(FillConfig config) {
      this.alone =
          new LocalTracking(
              new TrackerDesk(
                  new Tracker(config.leaseDeadline(), config.trackedStripesMax()),
                  System::nanoTime));
    }

    @Override
    public StripeShare share(StripeId stripe) {
      return alone.share(stripe);
    }

    @Override
    public void completed(StripeId stripe, Supplier<BlockDigests> digests) {
      alone.completed(stripe, digests);
    }

    @Override
    public void closed(BlobKey key) {
      closed.incrementAndGet();
    }

    @Override
    public void forget(BlobKey key, long sizeBytes) {
      alone.forget(key, sizeBytes);
    }

    @Override
    public void misled(StripeId stripe, Set<String> members, BlockDigests right) {
      alone.misled(stripe, members, right);
    }

    @Override
    public Map<String, Long> gauges() {
      return alone.gauges();
    }
  }
}
