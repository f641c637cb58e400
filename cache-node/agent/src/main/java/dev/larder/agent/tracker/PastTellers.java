package dev.larder.agent.tracker;

import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Who told the digests of stripes that are forgotten: the last one left, or the digests were found
 * wrong. Nobody reads by them any more, but whoever did may find out only now that they were wrong,
 * and is to hear who told them. Of each stripe what was told the last few times, of at most so many
 * times in all, the longest forgotten given up first; what was said once grows no less true, so no
 * time ends it. Guarded like {@link Tracker}.
 */
final class PastTellers {
  /**
   * Of one stripe: who lied may lead it again and tell what is right, to have the lie forgotten.
   */
  private static final int TIMES_A_STRIPE = 4;

  private final int timesMax;
  private final LinkedHashMap<StripeId, ArrayDeque<Told>> stripes = new LinkedHashMap<>();
  private int size;

  PastTellers(int timesMax) {
    this.timesMax = timesMax;
  }

  /** Keeps what was told of a stripe; nothing where nobody told anything. */
  void keep(StripeId stripe, Told told) {
    if (told.digests().isEmpty()) {
      return;
    }
    ArrayDeque<Told> times = stripes.computeIfAbsent(stripe, any -> new ArrayDeque<>(1));
    stripes.putLast(stripe, times);
    times.addLast(told);
    size++;
    if (times.size() > TIMES_A_STRIPE) {
      times.removeFirst();
      size--;
    }
    if (size > timesMax) {
      giveUpOne();
    }
  }

  /** As {@link Told#liar}, the latest first. */
  String liar(StripeId stripe, BlockDigests right) {
    ArrayDeque<Told> times = stripes.get(stripe);
    if (times != null) {
      for (Told told : times.reversed()) {
        String liar = told.liar(right);
        if (!liar.isEmpty()) {
          return liar;
        }
      }
    }
    return "";
  }

  int size() {
    return size;
  }

  /** Gives up one time of the longest forgotten one; false when there is none. */
  boolean giveUpOne() {
    Map.Entry<StripeId, ArrayDeque<Told>> eldest = stripes.firstEntry();
    if (eldest == null) {
      return false;
    }
    eldest.getValue().removeFirst();
    size--;
    if (eldest.getValue().isEmpty()) {
      stripes.remove(eldest.getKey());
    }
    return true;
  }
}
