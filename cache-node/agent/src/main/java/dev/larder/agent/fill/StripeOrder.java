package dev.larder.agent.fill;

import dev.larder.protocol.Blocks;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.LongPredicate;

/**
 * The order of a node's own in which it fetches the stripes of a blob it wants whole, a few of them
 * at once. Were all nodes to go in file order, whoever asks first would lead every stripe and send
 * everything, and the others would have nothing to give one another.
 *
 * <p><b>Threads:</b> one at a time; {@link BlobFill} locks. No I/O, no clock.
 */
final class StripeOrder {
  private final long blocks;
  private final int[] order;
  private final int[] placeOf;

  /** Every stripe before it in the order is present or in flight. */
  private int firstOpen;

  /** A random order that depends on the seed alone. */
  StripeOrder(long sizeBytes, long seed) {
    this.blocks = Blocks.blockCount(sizeBytes);
    int stripes = Blocks.stripeCount(sizeBytes);
    this.order = new int[stripes];
    this.placeOf = new int[stripes];
    Random random = new Random(seed);
    for (int place = 0; place < stripes; place++) {
      int other = random.nextInt(place + 1);
      order[place] = order[other];
      order[other] = place;
    }
    for (int place = 0; place < stripes; place++) {
      placeOf[order[place]] = place;
    }
  }

  /**
   * The block to fetch next, -1 for none: of a stripe nobody is at, as long as few are at work;
   * else of the one with the fewest runs; else of whatever is left.
   *
   * @param runs of each stripe at work
   * @param isHere whether a block is present or in flight
   */
  long next(Map<Integer, Integer> runs, LongPredicate isHere) {
    while (firstOpen < order.length && missing(order[firstOpen], isHere) < 0) {
      firstOpen++;
    }
    if (runs.size() >= FillConfig.STRIPES_AT_ONCE) {
      long most = ofThoseAtWork(runs, isHere);
      if (most >= 0) {
        return most;
      }
    }
    for (int place = firstOpen; place < order.length; place++) {
      long block = runs.containsKey(order[place]) ? -1 : missing(order[place], isHere);
      if (block >= 0) {
        return block;
      }
    }
    return ofThoseAtWork(runs, isHere);
  }

  /** How many blocks are missing, counted up to a number. */
  int missing(LongPredicate isHere, int max) {
    int missing = 0;
    for (int place = firstOpen; place < order.length && missing < max; place++) {
      long first = (long) order[place] * Blocks.STRIPE_BLOCKS;
      long end = Math.min(blocks, first + Blocks.STRIPE_BLOCKS);
      for (long block = first; block < end && missing < max; block++) {
        missing += isHere.test(block) ? 0 : 1;
      }
    }
    return missing;
  }

  /** Blocks of this stripe may be missing again. */
  void lost(int stripe) {
    firstOpen = Math.min(firstOpen, placeOf[stripe]);
  }

  /** Blocks of any may. */
  void lostAny() {
    firstOpen = 0;
  }

  private long ofThoseAtWork(Map<Integer, Integer> runs, LongPredicate isHere) {
    Map<Integer, Integer> left = new HashMap<>(runs);
    while (!left.isEmpty()) {
      int stripe = -1;
      for (int each : left.keySet()) {
        int mine = left.getOrDefault(each, 0);
        int least = left.getOrDefault(stripe, 0);
        if (stripe < 0 || mine < least || (mine == least && placeOf[each] < placeOf[stripe])) {
          stripe = each;
        }
      }
      long block = missing(stripe, isHere);
      if (block >= 0) {
        return block;
      }
      left.remove(stripe);
    }
    return -1;
  }

  private long missing(int stripe, LongPredicate isHere) {
    long end = Math.min(blocks, (stripe + 1L) * Blocks.STRIPE_BLOCKS);
    for (long block = (long) stripe * Blocks.STRIPE_BLOCKS; block < end; block++) {
      if (!isHere.test(block)) {
        return block;
      }
    }
    return -1;
  }
}
