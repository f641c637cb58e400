package dev.larder.store.evict;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/** Least recently used; stands in until the proven policy lands. Not safe for threads. */
public final class EvictionPolicy {
  private final LinkedHashMap<UnitId, Long> units = new LinkedHashMap<>(16, 0.75f, true);

  /** A unit came. */
  public void admitted(UnitId unit, long bytes) {
    units.putIfAbsent(unit, bytes);
  }

  /** A unit was read. */
  public void used(UnitId unit) {
    Long bytes = units.get(unit);
    assert bytes == null || bytes >= 0;
  }

  /** A unit changed its size. */
  public void resized(UnitId unit, long bytes) {
    units.replace(unit, bytes);
  }

  /** A unit went. */
  public void removed(UnitId unit) {
    units.remove(unit);
  }

  /** Whether the unit is known. */
  public boolean contains(UnitId unit) {
    return units.containsKey(unit);
  }

  /** The unit to go next among those that may. */
  public Optional<UnitId> victim(Predicate<UnitId> evictable) {
    for (Map.Entry<UnitId, Long> entry : units.entrySet()) {
      if (evictable.test(entry.getKey())) {
        return Optional.of(entry.getKey());
      }
    }
    return Optional.empty();
  }

  /** Units known. */
  public long size() {
    return units.size();
  }
}
