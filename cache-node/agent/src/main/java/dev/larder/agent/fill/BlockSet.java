package dev.larder.agent.fill;

import dev.larder.protocol.Blocks;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A sparse set of blocks of one blob: one word a stripe. One thread at a time. */
final class BlockSet {
  private final Map<Integer, Long> words;

  BlockSet() {
    this(new HashMap<>());
  }

  private BlockSet(Map<Integer, Long> words) {
    this.words = words;
  }

  boolean has(long block) {
    return (words.getOrDefault(Blocks.stripeOfBlock(block), 0L) & bit(block)) != 0;
  }

  void add(long first, long count) {
    for (long block = first; block < first + count; block++) {
      long bit = bit(block);
      words.merge(Blocks.stripeOfBlock(block), bit, (a, b) -> a | b);
    }
  }

  void remove(long first, long count) {
    for (long block = first; block < first + count; block++) {
      long bit = bit(block);
      words.computeIfPresent(
          Blocks.stripeOfBlock(block), (stripe, word) -> (word & ~bit) == 0 ? null : word & ~bit);
    }
  }

  /** Blocks in a row that are in the set, from {@code first} on, at most {@code max}. */
  long countFrom(long first, long max) {
    long count = 0;
    while (count < max && has(first + count)) {
      count++;
    }
    return count;
  }

  /** Stripes of which any block is in the set; a copy. */
  List<Integer> stripes() {
    return List.copyOf(words.keySet());
  }

  BlockSet copy() {
    return new BlockSet(new HashMap<>(words));
  }

  void clear() {
    words.clear();
  }

  private static long bit(long block) {
    return 1L << (block % Blocks.STRIPE_BLOCKS);
  }
}
