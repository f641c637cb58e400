package dev.larder.agent.tracker;

import java.util.LinkedHashMap;

/**
 * Who told the digests of stripes that are forgotten: the last one left, or the digests were found
 * wrong. Nobody reads by them any more, but whoever did may find out only now that they were wrong,
 * and is to hear who told them. Of each stripe what was told last, of at most so many stripes, the
 * longest forgotten given up first; what was said once grows no less true, so no time ends it.
 * Guarded like {@link Tracker}.
 */
final class PastTellers {
  private final int stripesMax;
  private final LinkedHashMap<StripeId, Told> stripes = new LinkedHashMap<>();

  PastTellers(int stripesMax) {
    this.stripesMax = stripesMax;
  }

  /** Keeps what was told of a stripe; nothing where nobody told anything. */
  void keep(StripeId stripe, Told told) {
    if (told.digests().isEmpty()) {
      return;
    }
    stripes.putLast(stripe, told);
    if (stripes.size() > stripesMax) {
      stripes.pollFirstEntry();
    }
  }

  /** As {@link Told#liar}. */
  String liar(StripeId stripe, BlockDigests right) {
    Told told = stripes.get(stripe);
    return told == null ? "" : told.liar(right);
  }

  int size() {
    return stripes.size();
  }

  /** Gives the longest forgotten one up; false when there is none. */
  boolean giveUpOne() {
    return stripes.pollFirstEntry() != null;
  }
}
