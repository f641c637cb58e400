package dev.larder.csi;

import dev.larder.protocol.DatasetName;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * When origins last accepted the secrets of datasets made on the fly, and which listings are due
 * again. A dataset's name is a digest of its secret, so what is accepted for a name is so for that
 * secret alone. In memory only: the next agent asks anew. Any thread.
 */
final class Freshness {
  private final Duration interval;
  private final InstantSource clock;
  private final LongSupplier nanos;
  private final Map<DatasetName, Long> acceptedAt = new HashMap<>();
  private final Map<DatasetName, Long> listedAt = new HashMap<>();
  private final Set<DatasetName> changed = new HashSet<>();

  /**
   * @param interval how old an answer of the origin may be
   */
  Freshness(Duration interval, InstantSource clock, LongSupplier nanos) {
    this.interval = interval;
    this.clock = clock;
    this.nanos = nanos;
  }

  /** The origin accepted the secret just now. */
  synchronized void accepted(DatasetName name) {
    acceptedAt.put(name, nanos.getAsLong());
  }

  /** The origin refused the secret. */
  synchronized void refused(DatasetName name) {
    acceptedAt.remove(name);
  }

  /** Whether the origin accepted the secret when it was asked last. */
  synchronized boolean isAccepted(DatasetName name) {
    return acceptedAt.containsKey(name);
  }

  /** The same within the interval. */
  synchronized boolean isAcceptedLately(DatasetName name) {
    return isYoung(acceptedAt.get(name));
  }

  private boolean isYoung(@Nullable Long at) {
    return at != null && nanos.getAsLong() - at < interval.toNanos();
  }

  /** A read met an object that is not as it was listed. */
  synchronized void changed(DatasetName name) {
    changed.add(name);
  }

  /**
   * Whether a listing is due again.
   *
   * @param listed when the newest snapshot was listed, by whichever node
   */
  synchronized boolean isOld(DatasetName name, Instant listed) {
    // A listing that finds nothing new makes no snapshot, so what this node did counts too.
    Duration age = Duration.between(listed, clock.instant());
    boolean isYoung =
        isYoung(listedAt.get(name)) || (!age.isNegative() && age.compareTo(interval) < 0);
    return !isYoung || changed.contains(name);
  }

  /**
   * A listing begins: what reads meet from now on may be newer than it.
   *
   * @return whether a read had met a change
   */
  synchronized boolean listing(DatasetName name) {
    return changed.remove(name);
  }

  /** A listing is done. */
  synchronized void listed(DatasetName name) {
    listedAt.put(name, nanos.getAsLong());
  }

  /** A dataset is gone. */
  synchronized void forget(DatasetName name) {
    acceptedAt.remove(name);
    listedAt.remove(name);
    changed.remove(name);
  }
}
