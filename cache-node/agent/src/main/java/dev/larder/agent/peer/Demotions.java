package dev.larder.agent.peer;

import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** Members that are not asked for a time. Any thread; bounded by the members there are. */
final class Demotions {
  private final LongSupplier nanoClock;
  private final long nanos;
  private final Map<String, Demotion> demotions = new ConcurrentHashMap<>();
  private final LongAdder total = new LongAdder();

  private record Demotion(long untilNanos, String why) {}

  Demotions(LongSupplier nanoClock, long nanos) {
    this.nanoClock = nanoClock;
    this.nanos = nanos;
  }

  /**
   * Leaves a member alone from now on.
   *
   * @param why for people
   */
  void demote(String member, String why) {
    long now = nanoClock.getAsLong();
    Demotion before = demotions.put(member, new Demotion(now + nanos, why));
    if (before == null || now - before.untilNanos() >= 0) {
      total.increment();
    }
  }

  boolean isDemoted(String member) {
    return present(member) != null;
  }

  Set<String> all() {
    return reasons().keySet();
  }

  /** Why each of them was left, as it was said last. */
  SortedMap<String, String> reasons() {
    SortedMap<String, String> now = new TreeMap<>();
    for (String member : demotions.keySet()) {
      Demotion demotion = present(member);
      if (demotion != null) {
        now.put(member, demotion.why());
      }
    }
    return now;
  }

  private @Nullable Demotion present(String member) {
    Demotion demotion = demotions.get(member);
    if (demotion != null && nanoClock.getAsLong() - demotion.untilNanos() >= 0) {
      demotions.remove(member, demotion);
      return null;
    }
    return demotion;
  }

  long total() {
    return total.sum();
  }
}
