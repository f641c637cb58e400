package dev.larder.coordinator.raft;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says of a peer that stays silent that it does, once in a while: Ratis tells of it many times a
 * second. Any thread.
 */
final class SilentPeers {
  private static final Logger log = LoggerFactory.getLogger(SilentPeers.class);
  private static final long AGAIN_NANOS = Duration.ofMinutes(10).toNanos();

  private final LongSupplier clock;

  /** When each was last spoken of; as many as there are peers. */
  private final Map<String, Long> said = new HashMap<>();

  SilentPeers(LongSupplier clock) {
    this.clock = clock;
  }

  /** A peer does not answer this leader. Answers whether it was said. */
  synchronized boolean heardOf(String peer, String address) {
    long now = clock.getAsLong();
    Long before = said.get(peer);
    if (before != null && now - before < AGAIN_NANOS) {
      return false;
    }
    said.put(peer, now);
    log.warn(
        "coordinator {} at {} does not answer; changes need a majority of the others. Start it, or"
            + " see `larder coordinators`",
        peer,
        address);
    return true;
  }
}
