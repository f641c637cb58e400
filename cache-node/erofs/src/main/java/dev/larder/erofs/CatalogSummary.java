package dev.larder.erofs;

import dev.larder.protocol.BlobKey;
import java.util.Map;

/**
 * What {@link CatalogWriter#finish} wrote.
 *
 * @param key the catalog's key: SHA-256 of the whole file
 * @param imageBytes length of the file
 * @param totals what the tree holds
 * @param skipped entries left out, by reason; reasons with none are absent
 */
public record CatalogSummary(
    BlobKey key, long imageBytes, CatalogTotals totals, Map<SkipReason, Long> skipped) {

  /** Copies the map. */
  public CatalogSummary {
    skipped = Map.copyOf(skipped);
  }

  /** All entries left out. */
  public long skippedTotal() {
    return skipped.values().stream().mapToLong(Long::longValue).sum();
  }
}
