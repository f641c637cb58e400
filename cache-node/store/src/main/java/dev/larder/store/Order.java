package dev.larder.store;

import dev.larder.store.evict.EvictionPolicy;
import dev.larder.store.evict.UnitId;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * The order of eviction under its lock, which is a leaf: the policy calls nothing back but the
 * veto.
 */
final class Order {
  private EvictionPolicy policy;

  Order(EvictionPolicy policy) {
    this.policy = policy;
  }

  synchronized void admitted(UnitId unit, long bytes) {
    if (policy.contains(unit)) {
      policy.resized(unit, bytes);
    } else {
      policy.admitted(unit, bytes);
    }
  }

  /** A unit found at start that the saved order may know already. */
  synchronized void found(UnitId unit, long bytes) {
    if (!policy.contains(unit)) {
      policy.admitted(unit, bytes);
    }
  }

  synchronized void used(UnitId unit) {
    policy.used(unit);
  }

  synchronized void removed(UnitId unit) {
    policy.removed(unit);
  }

  synchronized Optional<UnitId> victim(Predicate<UnitId> evictable) {
    return policy.victim(evictable);
  }

  synchronized void clear() {
    policy = new EvictionPolicy();
  }

  synchronized long size() {
    return policy.size();
  }
}
