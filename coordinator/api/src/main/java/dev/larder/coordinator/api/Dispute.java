package dev.larder.coordinator.api;

import dev.larder.protocol.BlobKey;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * Two members sealed different roots for one key. While it is open no root of the key stands: every
 * holder sets its copy aside and readers go to the origin, until a member that is no party has read
 * the origin again.
 *
 * @param number names it; never given out twice
 * @param claims who sealed or read what, in the order they were told; never empty
 * @param reader the member that is to read the origin again; empty while there is none
 * @param endedAt empty while it is open
 * @param settled the root that stands since; empty while it is open, and where it was given up
 */
public record Dispute(
    long number,
    List<RecordedRoot> claims,
    String reader,
    Instant openedAt,
    Optional<Instant> endedAt,
    Optional<RecordedRoot> settled) {

  /** Copies the claims. */
  public Dispute {
    claims = List.copyOf(claims);
  }

  /** The blob. */
  public BlobKey key() {
    return claims.getFirst().key();
  }

  /** Whether no root stands. */
  public boolean isOpen() {
    return endedAt.isEmpty();
  }
}
