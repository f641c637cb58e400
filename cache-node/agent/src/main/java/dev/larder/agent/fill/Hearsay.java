package dev.larder.agent.fill;

import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Blocks of one blob that came from members and were believed because of what trackers were told of
 * their digests; nothing proved them. When the blob as a whole turns out wrong they are what is
 * suspected first: the blob is fetched anew without them, and what comes then tells who lied. Any
 * thread.
 */
final class Hearsay {
  private final Map<Long, Told> blocks = new HashMap<>();

  /** What was believed of a block, and whose bytes it was. */
  record Told(String member, Digest digest) {}

  /** A block came that only its digest at a tracker vouched for. */
  synchronized void took(long block, String member, Digest digest) {
    blocks.put(block, new Told(member, digest));
  }

  synchronized boolean isEmpty() {
    return blocks.isEmpty();
  }

  /** The blob as a whole is right. */
  synchronized void clear() {
    blocks.clear();
  }

  /** Whether any block that reaches into a range of bytes is among them. */
  synchronized boolean touches(long offset, long length) {
    if (blocks.isEmpty()) {
      return false;
    }
    long last = Blocks.blockAt(offset + Math.max(1, length) - 1);
    for (long block = Blocks.blockAt(offset); block <= last; block++) {
      if (blocks.containsKey(block)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Compares blocks that came from the origin, or that the root proves, with what was believed of
   * them, and says who lied.
   *
   * @param first number of the first block
   */
  void compare(FillEngine engine, BlobKey key, long first, List<Digest> right) {
    Map<String, Integer> liars = new LinkedHashMap<>();
    BlockDigests differing = BlockDigests.NONE;
    for (int at = 0; at < right.size(); at++) {
      Told told;
      synchronized (this) {
        told = blocks.remove(first + at);
      }
      if (told != null && !told.digest.equals(right.get(at))) {
        engine.counters().peerWasWrong();
        liars.merge(told.member, 1, Integer::sum);
        int place = (int) ((first + at) % Blocks.STRIPE_BLOCKS);
        differing = differing.with(BlockDigests.of(place, right.get(at)));
      }
    }
    if (!liars.isEmpty()) {
      engine
          .tracking()
          .misled(new StripeId(key, Blocks.stripeOfBlock(first)), liars.keySet(), differing);
    }
  }
}
