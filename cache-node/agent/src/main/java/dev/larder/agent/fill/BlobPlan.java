package dev.larder.agent.fill;

import dev.larder.protocol.Blocks;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.LongPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Which blocks of one blob to fetch next: what readers wait for first, then what they will want,
 * then what warm-ups want; neighbours in one run, never a block that is present or in flight.
 *
 * <p><b>Threads:</b> one at a time; {@link BlobFill} locks. No I/O, no clock.
 */
final class BlobPlan {
  /*
   * A want's cursor is the first block that may still be missing: everything between the want's
   * start and its cursor was present or in flight when looked at. It goes back when a run in that
   * range fails, so a plan over a whole large blob does not walk it again for each run. A want in the
   * node's own order has the whole blob and keeps its place in the order, which all such wants share.
   */
  private final long sizeBytes;
  private final int runBlocksMax;
  private final int runsMax;
  private final Map<Long, State> wants = new HashMap<>();
  private final TreeMap<Long, BlockRun> active = new TreeMap<>();
  private final StripeOrder order;

  /**
   * A plan with no wants.
   *
   * @param runBlocksMax most blocks in one run
   * @param runsMax most runs of this blob at once; read-ahead leaves one of them free
   * @param spread what the order of this node's own is made from
   */
  BlobPlan(long sizeBytes, int runBlocksMax, int runsMax, long spread) {
    if (runBlocksMax < 1 || runsMax < 1) {
      throw new IllegalArgumentException("runBlocksMax and runsMax must be positive");
    }
    this.sizeBytes = sizeBytes;
    this.runBlocksMax = runBlocksMax;
    this.runsMax = runsMax;
    this.order = new StripeOrder(sizeBytes, spread);
  }

  /**
   * What one reader wants from now on, in place of what it wanted.
   *
   * @param offset the byte it needs next
   * @param aheadEnd first byte it is not expected to need
   * @param isWarm whether nobody waits for it
   * @param isInOwnOrder whether stripes come in the order of this node's own; of whole blobs only
   */
  record Want(long offset, long aheadEnd, boolean isWarm, boolean isInOwnOrder) {
    /** In file order. */
    Want(long offset, long aheadEnd, boolean isWarm) {
      this(offset, aheadEnd, isWarm, false);
    }

    /** All of a blob, in the node's own order. */
    static Want whole(long sizeBytes, boolean isWarm) {
      return new Want(0, sizeBytes, isWarm, true);
    }
  }

  void want(long reader, Want want) {
    long from = Blocks.blockAt(want.offset);
    State old = wants.get(reader);
    long cursor = old != null && old.fromBlock <= from ? Math.max(old.cursor, from) : from;
    long end = Math.min(sizeBytes, want.aheadEnd);
    wants.put(reader, new State(from, ceilBlock(end), want.isWarm, want.isInOwnOrder, cursor));
  }

  /** The reader wants nothing any more; its number negated is its second want. */
  void leave(long reader) {
    wants.remove(reader);
    wants.remove(-reader);
  }

  /** Whether anybody wants anything. */
  boolean isIdle() {
    return wants.isEmpty();
  }

  /**
   * The run to start next, not yet counted as started; empty when all that is wanted is present or
   * in flight, or as many runs are at work as may be.
   *
   * @param has whether a block needs no fetching (any more)
   */
  Optional<BlockRun> next(LongPredicate has) {
    State best = null;
    FillPriority bestPriority = FillPriority.WARM;
    for (State want : wants.values()) {
      if (want.isInOwnOrder && active.size() >= limit(priorityOf(want))) {
        continue;
      }
      advance(want, has);
      if (want.cursor >= want.endBlock) {
        continue;
      }
      FillPriority priority = priorityOf(want);
      if (active.size() >= limit(priority)) {
        continue;
      }
      if (best == null || isBefore(want, priority, best, bestPriority)) {
        best = want;
        bestPriority = priority;
      }
    }
    return best == null
        ? Optional.empty()
        : Optional.of(
            BlockRun.of(
                sizeBytes, best.cursor, length(best.cursor, best.endBlock, has), bestPriority));
  }

  /**
   * Bytes that one of the wants lacks and no run brings in, as far as they were looked at.
   *
   * @param has whether a block needs no fetching
   * @param blocksMax how many are looked for
   */
  long wantedBytes(LongPredicate has, int blocksMax) {
    LongPredicate isHere = block -> runOf(block).isPresent() || has.test(block);
    long most = 0;
    for (State want : wants.values()) {
      long missing = 0;
      if (want.isInOwnOrder) {
        missing = order.missing(isHere, blocksMax);
      } else {
        for (long at = want.cursor; at < want.endBlock && missing < blocksMax; at++) {
          missing += isHere.test(at) ? 0 : 1;
        }
      }
      most = Math.max(most, missing);
    }
    return most * Blocks.BLOCK_BYTES;
  }

  /** Counts a run as in flight. */
  void started(BlockRun run) {
    BlockRun before = floor(run.endBlock() - 1);
    if (before != null && before.endBlock() > run.firstBlock()) {
      throw new IllegalStateException(run + " overlaps " + before);
    }
    active.put(run.firstBlock(), run);
  }

  /** The run is over; what it did not bring in will be planned again. */
  void ended(BlockRun run) {
    if (!active.remove(run.firstBlock(), run)) {
      throw new IllegalStateException(run + " was not at work");
    }
    order.lost(run.stripe());
    goBack(run.firstBlock());
  }

  /** Blocks from here on vanished from the store: look at them again. */
  void lost(long block) {
    order.lostAny();
    goBack(block);
  }

  private void goBack(long block) {
    for (State want : wants.values()) {
      if (want.cursor > block) {
        want.cursor = Math.max(want.fromBlock, block);
      }
    }
  }

  /** Whether somebody wants a part of a run. */
  boolean isWanted(BlockRun run) {
    for (State want : wants.values()) {
      if (want.fromBlock < run.endBlock() && run.firstBlock() < want.endBlock) {
        return true;
      }
    }
    return false;
  }

  /** Whether a run brings in blocks of a stripe. */
  boolean isAtWork(int stripe) {
    return active.values().stream().anyMatch(run -> run.stripe() == stripe);
  }

  /** The run at work that brings in a block. */
  Optional<BlockRun> runOf(long block) {
    BlockRun run = floor(block);
    return run != null && block < run.endBlock() ? Optional.of(run) : Optional.empty();
  }

  /** Runs at work. */
  int activeRuns() {
    return active.size();
  }

  private @Nullable BlockRun floor(long block) {
    Map.Entry<Long, BlockRun> entry = active.floorEntry(block);
    return entry == null ? null : entry.getValue();
  }

  private void advance(State want, LongPredicate has) {
    if (want.isInOwnOrder) {
      long next = order.next(runsByStripe(), block -> runOf(block).isPresent() || has.test(block));
      want.cursor = next < 0 ? want.endBlock : next;
      return;
    }
    while (want.cursor < want.endBlock) {
      BlockRun run = floor(want.cursor);
      if (run != null && want.cursor < run.endBlock()) {
        want.cursor = run.endBlock();
      } else if (has.test(want.cursor)) {
        want.cursor++;
      } else {
        return;
      }
    }
  }

  private Map<Integer, Integer> runsByStripe() {
    Map<Integer, Integer> runs = new HashMap<>();
    active.values().forEach(run -> runs.merge(run.stripe(), 1, Integer::sum));
    return runs;
  }

  private static FillPriority priorityOf(State want) {
    if (want.isWarm) {
      return FillPriority.WARM;
    }
    if (want.isInOwnOrder) {
      return FillPriority.AHEAD;
    }
    return want.cursor == want.fromBlock ? FillPriority.DEMAND : FillPriority.AHEAD;
  }

  private int limit(FillPriority priority) {
    return switch (priority) {
      case DEMAND -> runsMax;
      case AHEAD -> Math.max(1, runsMax - 1);
      case WARM -> Math.max(1, runsMax / 2);
    };
  }

  private static boolean isBefore(
      State want, FillPriority priority, State best, FillPriority bestPriority) {
    if (priority != bestPriority) {
      return priority.compareTo(bestPriority) < 0;
    }
    if (want.isInOwnOrder != best.isInOwnOrder) {
      // What a reader is about to need comes before what it will need some time.
      return best.isInOwnOrder;
    }
    long distance = want.cursor - want.fromBlock;
    long bestDistance = best.cursor - best.fromBlock;
    return distance != bestDistance ? distance < bestDistance : want.cursor < best.cursor;
  }

  private int length(long first, long endBlock, LongPredicate has) {
    long stripeEnd = (long) (Blocks.stripeOfBlock(first) + 1) * Blocks.STRIPE_BLOCKS;
    long end = Math.min(Math.min(endBlock, stripeEnd), first + runBlocksMax);
    Long nextActive = active.ceilingKey(first);
    if (nextActive != null) {
      end = Math.min(end, nextActive);
    }
    long block = first + 1;
    while (block < end && !has.test(block)) {
      block++;
    }
    return (int) (block - first);
  }

  private static long ceilBlock(long bytes) {
    return (bytes + Blocks.BLOCK_BYTES - 1) / Blocks.BLOCK_BYTES;
  }

  private static final class State {
    private final long fromBlock;
    private final long endBlock;
    private final boolean isWarm;
    private final boolean isInOwnOrder;
    private long cursor;

    State(long fromBlock, long endBlock, boolean isWarm, boolean isInOwnOrder, long cursor) {
      this.fromBlock = fromBlock;
      this.endBlock = endBlock;
      this.isWarm = isWarm;
      this.isInOwnOrder = isInOwnOrder;
      this.cursor = cursor;
    }
  }
}
