package dev.larder.agent.dataset;

import dev.larder.protocol.BlobKey;
import java.nio.file.Path;

/** Where a node gets catalogs that other members made. Any thread. */
@FunctionalInterface
public interface CatalogSource {
  /**
   * Writes a catalog's image to a file that does not exist; the caller checks it against the key.
   *
   * @return false when no member that has it can be reached
   */
  boolean fetch(BlobKey catalog, long sizeBytes, Path file);

  /** Nobody else has any. */
  CatalogSource NONE = (catalog, sizeBytes, file) -> false;
}
