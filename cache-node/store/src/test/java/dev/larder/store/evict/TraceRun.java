package dev.larder.store.evict;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digests;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.NavigableSet;
import java.util.TreeSet;

/** Plays a trace against a cache of a given size and counts hits. */
final class TraceRun {
  private TraceRun() {}

  /** Shares of accesses and of bytes that were there. */
  record Ratios(double objects, double bytes) {
    @Override
    public String toString() {
      return "%.3f/%.3f".formatted(objects, bytes);
    }
  }

  static UnitId unit(int object) {
    byte[] name = ByteBuffer.allocate(4).putInt(object).array();
    return UnitId.whole(BlobKey.origin(Digests.ofBytes(name)));
  }

  /** Ours; the number of times a hit is reported stands for the reads of one pass. */
  static Ratios ours(Trace trace, long capacity, int readsPerAccess) {
    EvictionPolicy policy = EvictionPolicy.create();
    UnitId[] units = new UnitId[trace.sizes().length];
    for (int object = 0; object < units.length; object++) {
      units[object] = unit(object);
    }
    Tally tally = new Tally();
    for (int object : trace.accesses()) {
      long size = trace.sizes()[object];
      boolean hit = policy.contains(units[object]);
      tally.add(size, hit);
      if (!hit && size <= capacity) {
        while (policy.bytes() + size > capacity) {
          policy.removed(policy.victim(any -> true).orElseThrow());
        }
        policy.admitted(units[object], size);
      }
      for (int read = hit ? 0 : 1; read < readsPerAccess; read++) {
        policy.used(units[object]);
      }
    }
    return tally.ratios();
  }

  static Ratios lru(Trace trace, long capacity) {
    return linked(trace, capacity, true);
  }

  static Ratios fifo(Trace trace, long capacity) {
    return linked(trace, capacity, false);
  }

  private static Ratios linked(Trace trace, long capacity, boolean byAccess) {
    LinkedHashMap<Integer, Long> cache = new LinkedHashMap<>(16, 0.75f, byAccess);
    Tally tally = new Tally();
    long bytes = 0;
    for (int object : trace.accesses()) {
      long size = trace.sizes()[object];
      boolean hit = cache.get(object) != null;
      tally.add(size, hit);
      if (!hit && size <= capacity) {
        while (bytes + size > capacity) {
          bytes -= cache.pollFirstEntry().getValue();
        }
        cache.put(object, size);
        bytes += size;
      }
    }
    return tally.ratios();
  }

  /** Belady: what is needed last goes first. Best for equal sizes, a yardstick for others. */
  static Ratios belady(Trace trace, long capacity) {
    int[] accesses = trace.accesses();
    int[] nextUse = new int[accesses.length];
    int[] seenAt = new int[trace.sizes().length];
    java.util.Arrays.fill(seenAt, Integer.MAX_VALUE);
    for (int i = accesses.length - 1; i >= 0; i--) {
      nextUse[i] = seenAt[accesses[i]];
      seenAt[accesses[i]] = i;
    }
    NavigableSet<Long> byNextUse = new TreeSet<>();
    int[] cachedUntil = new int[trace.sizes().length];
    java.util.Arrays.fill(cachedUntil, -1);
    Tally tally = new Tally();
    long bytes = 0;
    for (int i = 0; i < accesses.length; i++) {
      int object = accesses[i];
      long size = trace.sizes()[object];
      boolean hit = cachedUntil[object] >= 0;
      tally.add(size, hit);
      if (hit) {
        byNextUse.remove(pair(cachedUntil[object], object));
      } else if (size <= capacity) {
        bytes += size;
      } else {
        continue;
      }
      cachedUntil[object] = nextUse[i];
      byNextUse.add(pair(nextUse[i], object));
      while (bytes > capacity) {
        int last = (int) (long) byNextUse.pollLast();
        cachedUntil[last] = -1;
        bytes -= trace.sizes()[last];
      }
    }
    return tally.ratios();
  }

  private static long pair(int nextUse, int object) {
    return (long) nextUse << 32 | object;
  }

  private static final class Tally {
    private long accesses;
    private long hits;
    private long bytes;
    private long hitBytes;

    void add(long size, boolean hit) {
      accesses++;
      bytes += size;
      if (hit) {
        hits++;
        hitBytes += size;
      }
    }

    Ratios ratios() {
      return new Ratios((double) hits / accesses, (double) hitBytes / bytes);
    }
  }
}
