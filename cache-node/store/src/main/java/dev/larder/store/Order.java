package dev.larder.store;

import dev.larder.store.evict.EvictionPolicy;
import dev.larder.store.evict.UnitId;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The order of eviction under its lock, which is a leaf but for the veto: that may read the index.
 *
 * <p>The order saved by the last run is loaded in the background. Changes that come before it are
 * kept and applied on top; they last about a second, so their list stays short.
 */
final class Order {
  private EvictionPolicy policy = EvictionPolicy.create();
  private @Nullable List<Consumer<EvictionPolicy>> early = new ArrayList<>();

  synchronized void admitted(UnitId unit, long bytes) {
    change(policy -> policy.admitted(unit, bytes));
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

  /** A unit was unpinned, or closed by its last reader. */
  synchronized void released(UnitId unit) {
    policy.released(unit);
  }

  synchronized void removed(UnitId unit) {
    change(policy -> policy.removed(unit));
  }

  synchronized Optional<UnitId> victim(Predicate<UnitId> evictable) {
    return policy.victim(evictable);
  }

  /** Takes the order of the last run, if there is one; what came since is applied on top. */
  synchronized void loaded(Optional<EvictionPolicy> saved) {
    List<Consumer<EvictionPolicy>> since = early;
    early = null;
    if (saved.isPresent() && since != null) {
      policy = saved.get();
      since.forEach(change -> change.accept(policy));
    }
  }

  /** Writes the order. The policy is locked meanwhile: about 50 MB for a million units. */
  synchronized void save(OutputStream out) throws IOException {
    policy.save(out);
  }

  synchronized void clear() {
    policy = EvictionPolicy.create();
  }

  synchronized long size() {
    return policy.size();
  }

  private void change(Consumer<EvictionPolicy> change) {
    change.accept(policy);
    if (early != null) {
      early.add(change);
    }
  }
}
