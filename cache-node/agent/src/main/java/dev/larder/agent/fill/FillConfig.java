package dev.larder.agent.fill;

import dev.larder.protocol.Blocks;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;

/**
 * Bounds of the fill engine.
 *
 * @param inflightMaxBytes {@code fill.inflight-max}: bytes asked of origins and not yet committed
 * @param parallelMax {@code fill.parallel-max}: runs at work on the node; a quarter is kept for
 *     readers who wait
 * @param blobParallelMax {@code fill.blob-parallel-max}: runs at work on one blob
 * @param runMaxBytes {@code fill.run-max}: most bytes of one request, a whole number of blocks
 * @param readAheadMaxBytes {@code fill.read-ahead-max}: largest window of one stream; 0 turns
 *     read-ahead off
 * @param streamsMax {@code fill.streams-max}: sequential readers of one blob told apart
 * @param buffersMaxBytes {@code fill.buffers-max}: memory off heap between socket and disk
 * @param hashThreads {@code fill.hash-threads}: threads that hash; 0 means one a core
 * @param blobsMax {@code fill.blobs-max}: blobs being filled at once
 * @param lingerFor {@code fill.linger}: how long a run nobody wants goes on, and a blob nobody
 *     reads stays open
 * @param siblingsMax {@code fill.siblings-max}: small files fetched ahead in directory order; 0
 *     turns it off
 * @param smallParallelMax {@code fill.small-parallel-max}: small files fetched ahead at once
 * @param leaseDeadline {@code fill.lease-deadline}: a lease without progress for so long ends
 * @param trackedStripesMax {@code fill.tracked-stripes-max}: pairs of stripe and member the tracker
 *     remembers
 * @param checksumMinBytes {@code fill.checksum-min}: from this size on the origin is asked for its
 *     checksum by a request of its own; smaller blobs use what the data's answer carries
 * @param checksumWait {@code fill.checksum-wait}: longest a whole blob, and the last byte of who
 *     reads it, waits for that answer
 * @param storeRetryAfter {@code fill.store-retry}: how long reads go past a store that refused a
 *     write before it is tried again
 */
public record FillConfig(
    long inflightMaxBytes,
    int parallelMax,
    int blobParallelMax,
    long runMaxBytes,
    long readAheadMaxBytes,
    int streamsMax,
    long buffersMaxBytes,
    int hashThreads,
    int blobsMax,
    Duration lingerFor,
    int siblingsMax,
    int smallParallelMax,
    Duration leaseDeadline,
    int trackedStripesMax,
    long checksumMinBytes,
    Duration checksumWait,
    Duration storeRetryAfter) {

  /**
   * Stripes of a whole blob a node fetches at once, as long as it has others to begin; measured in
   * the simulation, see docs/decisions/0007.
   */
  public static final int STRIPES_AT_ONCE = 4;

  /**
   * Members that fail one run before it goes to the origin: each may take a progress deadline, and
   * then the reader has waited enough.
   */
  public static final int PARENTS_MAX = 4;

  /** Bytes of one buffer between socket and disk. */
  static final int PIECE_BYTES = 256 << 10;

  /** Blocks a flight tells the store of that it will fetch next; about a second of a fast link. */
  static final int AHEAD_BLOCKS = 256;

  private static final long MIB = 1L << 20;

  /** Checks bounds; BAD_CONFIG names the key. */
  public FillConfig {
    check(inflightMaxBytes >= MIB, "fill.inflight-max must be at least 1MiB");
    check(parallelMax >= 1, "fill.parallel-max must be at least 1");
    check(blobParallelMax >= 1, "fill.blob-parallel-max must be at least 1");
    check(
        runMaxBytes >= MIB
            && runMaxBytes <= Blocks.STRIPE_BYTES
            && runMaxBytes % Blocks.BLOCK_BYTES == 0,
        "fill.run-max must be a whole number of MiB, 1MiB to 64MiB");
    check(readAheadMaxBytes >= 0, "fill.read-ahead-max must not be negative");
    check(streamsMax >= 1, "fill.streams-max must be at least 1");
    check(
        buffersMaxBytes >= 2L * PIECE_BYTES * parallelMax,
        "fill.buffers-max must be at least 512KiB for each of fill.parallel-max");
    check(hashThreads >= 0, "fill.hash-threads must not be negative");
    check(blobsMax >= 1, "fill.blobs-max must be at least 1");
    check(!lingerFor.isNegative(), "fill.linger must not be negative");
    check(siblingsMax >= 0, "fill.siblings-max must not be negative");
    check(smallParallelMax >= 1, "fill.small-parallel-max must be at least 1");
    check(leaseDeadline.isPositive(), "fill.lease-deadline must be positive");
    check(trackedStripesMax >= 1, "fill.tracked-stripes-max must be at least 1");
    check(checksumMinBytes >= 0, "fill.checksum-min must not be negative");
    check(!checksumWait.isNegative(), "fill.checksum-wait must not be negative");
    check(storeRetryAfter.isPositive(), "fill.store-retry must be positive");
  }

  /** What a node starts with. */
  public static FillConfig defaults() {
    return new FillConfig(
        // Twice the largest read-ahead, so that one stream cannot take it all.
        256 * MIB,
        16,
        8,
        16 * MIB,
        128 * MIB,
        16,
        // Sixteen runs of two MiB each: a block being read and one being hashed.
        32 * MIB,
        0,
        1024,
        Duration.ofSeconds(2),
        256,
        24,
        Duration.ofSeconds(15),
        100_000,
        8 * MIB,
        Duration.ofSeconds(30),
        Duration.ofSeconds(1));
  }

  int hashThreadsOrCores() {
    return hashThreads > 0 ? hashThreads : Runtime.getRuntime().availableProcessors();
  }

  private static void check(boolean holds, String message) {
    if (!holds) {
      throw new LarderException(ErrorCode.BAD_CONFIG, message);
    }
  }
}
