package dev.larder.coordinator.api;

import dev.larder.protocol.BlobKey;
import java.util.List;
import java.util.Optional;

/**
 * What a member holds complete: blobs of at least 64 MiB and catalogs. Reports of any length are
 * sent in batches.
 *
 * @param nowHolding sealed since the last report, or all of them in a complete one
 * @param gone evicted or dropped since the last report; must be empty in a complete one
 * @param complete {@code nowHolding} replaces all that was known of the member
 * @param usedBytes bytes its store uses on disk
 * @param progress how its work stands; absent where nothing is said of it
 */
public record HoldingReport(
    List<BlobKey> nowHolding,
    List<BlobKey> gone,
    boolean complete,
    long usedBytes,
    Optional<NodeProgress> progress) {

  /** A report that says nothing of work. */
  public HoldingReport(
      List<BlobKey> nowHolding, List<BlobKey> gone, boolean complete, long usedBytes) {
    this(nowHolding, gone, complete, usedBytes, Optional.empty());
  }

  /** Copies the lists. */
  public HoldingReport {
    nowHolding = List.copyOf(nowHolding);
    gone = List.copyOf(gone);
    if (complete && !gone.isEmpty()) {
      throw new IllegalArgumentException("a complete report leaves out what is gone");
    }
  }
}
