package dev.larder.agent.fill;

import dev.larder.protocol.BlobKey;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What the two halves of a flight, {@link BlobFill} and {@link BlobReading}, share.
 *
 * @param lock guards plan, blocks, runs and failures
 * @param changed signalled when a reader may find more than before
 * @param awaited readers that wait
 */
record BlobShared(
    ReentrantLock lock,
    Condition changed,
    BlobPlan plan,
    BlockTable blocks,
    ActiveRuns runs,
    FailureLog failures,
    ChecksumWatch checksum,
    AtomicInteger awaited) {

  static BlobShared of(BlobKey key, long sizeBytes, BlobPlan plan, FillConfig config) {
    ReentrantLock lock = new ReentrantLock();
    return new BlobShared(
        lock,
        lock.newCondition(),
        plan,
        new BlockTable(sizeBytes),
        new ActiveRuns(plan),
        new FailureLog(),
        new ChecksumWatch(key, config.checksumWait().toNanos()),
        new AtomicInteger());
  }
}
