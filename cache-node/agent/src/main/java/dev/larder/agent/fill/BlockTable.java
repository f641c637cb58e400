package dev.larder.agent.fill;

import dev.larder.agent.fill.Found.Came;
import dev.larder.protocol.Blocks;
import dev.larder.store.BlobStore.Fill;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongPredicate;
import java.util.stream.LongStream;

/**
 * Where the blocks of one blob stand, beside what the store says: which of them this process has
 * hashed, which came since the fill was opened, which are being dropped, and what readers send.
 *
 * <p><b>Threads:</b> one at a time; {@link BlobFill} locks. Asks the store for presence, which does
 * not wait.
 */
final class BlockTable {
  private final long sizeBytes;

  /** Hashed by this process, on the way in or from disk: may be sent from the file. */
  private final BlockSet known = new BlockSet();

  /** Came from a source since the fill was opened. */
  private final BlockSet filledHere = new BlockSet();

  /** Those of them that came from another member. */
  private final BlockSet fromPeers = new BlockSet();

  /** Stripes that are being dropped: neither here nor to be fetched yet. */
  private final Set<Integer> dropping = new HashSet<>();

  private final Map<Long, Span> sending = new HashMap<>();

  /** Bytes a reader was handed last and may still be sending. */
  private record Span(long offset, long end) {}

  BlockTable(long sizeBytes) {
    this.sizeBytes = sizeBytes;
  }

  boolean isKnown(long block) {
    return known.has(block);
  }

  /** Whether a block needs no fetching now. */
  boolean isHere(Fill fill, long block) {
    return known.has(block) || isDropping(block) || fill.isPresent(block);
  }

  /** Whether the store has all blocks of a stripe. */
  boolean isWhole(Fill fill, int stripe) {
    long first = (long) stripe * Blocks.STRIPE_BLOCKS;
    long end = first + Blocks.blocksInStripe(sizeBytes, stripe);
    return LongStream.range(first, end).allMatch(fill::isPresent);
  }

  /** Whether the store has a block that this process has not hashed. */
  boolean isUnproved(Fill fill, long block) {
    return !known.has(block) && !isDropping(block) && fill.isPresent(block);
  }

  /**
   * Known blocks in a row that came the same way for a reader, at most {@code max}; answers the
   * first byte behind them.
   */
  long knownEnd(FillReader reader, long block, int max) {
    long count = known.countFrom(block, max);
    Came came = came(reader, block);
    for (long next = 1; next < count; next++) {
      count = came(reader, block + next) == came ? count : next;
    }
    return Math.min(sizeBytes, Blocks.blockOffset(block + count));
  }

  /** Where a block was when a reader came. */
  Came came(FillReader reader, long block) {
    if (!filledHere.has(block) || reader.wasFilledBefore(block)) {
      return Came.LOCAL;
    }
    return fromPeers.has(block) ? Came.PEER : Came.ORIGIN;
  }

  BlockSet filledHere() {
    return filledHere.copy();
  }

  /**
   * Blocks came.
   *
   * @param isFromPeer which of them came from another member
   * @return bytes of those
   */
  long filled(long first, int count, LongPredicate isFromPeer) {
    long peerBytes = 0;
    known.add(first, count);
    filledHere.add(first, count);
    for (long block = first; block < first + count; block++) {
      if (isFromPeer.test(block)) {
        fromPeers.add(block, 1);
        peerBytes += Blocks.blockLength(sizeBytes, block);
      } else {
        fromPeers.remove(block, 1);
      }
    }
    return peerBytes;
  }

  void proved(long block) {
    if (!isDropping(block)) {
      known.add(block, 1);
    }
  }

  void lost(long first, int count) {
    known.remove(first, count);
    filledHere.remove(first, count);
  }

  void lostAll() {
    known.clear();
  }

  long presentBytes(Fill fill) {
    long bytes = 0;
    for (long block = 0; block < Blocks.blockCount(sizeBytes); block++) {
      bytes += isHere(fill, block) ? Blocks.blockLength(sizeBytes, block) : 0;
    }
    return bytes;
  }

  void sends(long reader, Found.Bytes bytes) {
    sending.put(reader, new Span(bytes.offset(), bytes.offset() + bytes.length()));
  }

  void left(long reader) {
    sending.remove(reader);
  }

  boolean isDroppingAny() {
    return !dropping.isEmpty();
  }

  /** Stripes with known blocks that no reader wants, no run brings in and nobody sends. */
  List<Integer> droppable(BlobPlan plan) {
    return known.stripes().stream().filter(stripe -> isFree(stripe, plan)).toList();
  }

  void dropBegins(List<Integer> stripes) {
    for (int stripe : stripes) {
      lost((long) stripe * Blocks.STRIPE_BLOCKS, Blocks.STRIPE_BLOCKS);
      dropping.add(stripe);
    }
  }

  void dropEnded(List<Integer> stripes) {
    stripes.forEach(dropping::remove);
  }

  private boolean isFree(int stripe, BlobPlan plan) {
    BlockRun whole =
        BlockRun.of(
            sizeBytes,
            (long) stripe * Blocks.STRIPE_BLOCKS,
            Blocks.blocksInStripe(sizeBytes, stripe),
            FillPriority.WARM);
    return !plan.isWanted(whole)
        && !plan.isAtWork(stripe)
        && sending.values().stream()
            .noneMatch(span -> span.offset < whole.endBytes() && whole.offsetBytes() < span.end);
  }

  private boolean isDropping(long block) {
    return dropping.contains(Blocks.stripeOfBlock(block));
  }
}
