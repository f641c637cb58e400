package dev.larder.store;

import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;

/** Totals since start. Any thread. */
final class Counters {
  /** Names are those of the metrics, see the module's README. */
  enum Counter {
    COMMITS_TOTAL,
    COMMITTED_BYTES_TOTAL,
    SEALED_TOTAL,
    VERIFIED_BYTES_TOTAL,
    EVICTED_UNITS_TOTAL,
    EVICTED_BYTES_TOTAL,
    EVICTION_REFUSALS_TOTAL,
    CORRUPT_BLOCKS_TOTAL,
    CORRUPT_BLOBS_TOTAL,
    CORRUPT_RECORDS_TOTAL,
    QUARANTINED_TOTAL,
    FULL_TOTAL,
    IO_ERRORS_TOTAL,
    SCRUBBED_BYTES_TOTAL,
    ADOPTED_TOTAL,
    ORPHANS_TOTAL,
    INDEX_SET_ASIDE_TOTAL,
    INDEX_REOPENED_TOTAL,
    INDEX_STOPPED_TOTAL
  }

  private final EnumMap<Counter, LongAdder> adders = new EnumMap<>(Counter.class);

  Counters() {
    for (Counter counter : Counter.values()) {
      adders.put(counter, new LongAdder());
    }
  }

  void add(Counter counter, long amount) {
    java.util.Objects.requireNonNull(adders.get(counter)).add(amount);
  }

  void increment(Counter counter) {
    add(counter, 1);
  }

  long value(Counter counter) {
    return java.util.Objects.requireNonNull(adders.get(counter)).sum();
  }

  Map<String, Long> snapshot() {
    Map<String, Long> out = new TreeMap<>();
    adders.forEach((counter, adder) -> out.put(name(counter), adder.sum()));
    return out;
  }

  static String name(Counter counter) {
    return counter.name().toLowerCase(Locale.ROOT);
  }
}
