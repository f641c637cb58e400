package dev.larder.agent.tracker;

import java.util.HashMap;
import java.util.Map;

/**
 * Digests of one stripe's blocks, and who told which of them first. Guarded like {@link Tracker}.
 */
final class Told {
  private BlockDigests digests = BlockDigests.NONE;
  private final Map<String, Long> tellers = new HashMap<>(2);

  BlockDigests digests() {
    return digests;
  }

  /** What is known already stands. */
  void tell(String member, BlockDigests told) {
    long news = told.without(digests.mask()).mask();
    digests = digests.with(told);
    tellers.merge(member, news, (before, more) -> before | more);
  }

  /** Who told any of those that are not right; empty when none differ. */
  String liar(BlockDigests right) {
    long wrong = digests.differing(right);
    return tellers.entrySet().stream()
        .filter(each -> (each.getValue() & wrong) != 0)
        .map(Map.Entry::getKey)
        .findFirst()
        .orElse("");
  }
}
