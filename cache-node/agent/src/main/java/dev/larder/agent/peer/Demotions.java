package dev.larder.agent.peer;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;

/** Members that are not asked for a time. Any thread; bounded by the members there are. */
final class Demotions {
  private final LongSupplier nanoClock;
  private final long nanos;
  private final Map<String, Long> until = new ConcurrentHashMap<>();
  private final LongAdder total = new LongAdder();

  Demotions(LongSupplier nanoClock, long nanos) {
    this.nanoClock = nanoClock;
    this.nanos = nanos;
  }

  void demote(String member) {
    long now = nanoClock.getAsLong();
    Long before = until.put(member, now + nanos);
    if (before == null || now - before >= 0) {
      total.increment();
    }
  }

  boolean isDemoted(String member) {
    Long end = until.get(member);
    if (end != null && nanoClock.getAsLong() - end >= 0) {
      until.remove(member, end);
      return false;
    }
    return end != null;
  }

  Set<String> all() {
    Set<String> now = new HashSet<>();
    for (String member : until.keySet()) {
      if (isDemoted(member)) {
        now.add(member);
      }
    }
    return now;
  }

  long total() {
    return total.sum();
  }
}
