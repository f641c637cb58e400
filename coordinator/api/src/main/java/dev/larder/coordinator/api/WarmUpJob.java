package dev.larder.coordinator.api;

import dev.larder.protocol.DatasetName;
import java.time.Instant;
import java.util.Optional;

/**
 * A warm-up over nodes as the coordinators keep it: it stands, for whoever is or becomes one of its
 * nodes, until it is cancelled or its time is over.
 *
 * @param id assigned, {@code wu-1} and on
 * @param snapshot a number from 1
 * @param glob which paths; empty means all
 * @param nodes which nodes, as {@link NodeSelector} reads it
 * @param pinned whether what was brought in is kept from eviction until the end
 * @param createdAt on the clock of the coordinator that led then
 * @param expiresAt when its time is over; never where absent
 * @param endedAt when it ended; absent while it stands
 */
public record WarmUpJob(
    String id,
    DatasetName dataset,
    long snapshot,
    String glob,
    String nodes,
    boolean pinned,
    Instant createdAt,
    Optional<Instant> expiresAt,
    State state,
    Optional<Instant> endedAt) {

  /** Where it stands. */
  public enum State {
    /** Nodes see to it. */
    STANDING,
    /** Ended by a user. */
    CANCELLED,
    /** Its time is over. */
    EXPIRED
  }

  /** Whether nodes see to it. */
  public boolean isStanding() {
    return state == State.STANDING;
  }
}
