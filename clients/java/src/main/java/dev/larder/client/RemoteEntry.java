package dev.larder.client;

import java.time.Instant;
import java.util.Optional;

/**
 * An entry of a snapshot.
 *
 * @param snapshot {@code name@3}
 * @param path from the root, no leading slash
 * @param key {@code sha256:<hex>} or {@code origin:<hex>}; set for files
 * @param linkTarget set for symbolic links
 */
public record RemoteEntry(
    String snapshot,
    String path,
    Type type,
    long sizeBytes,
    Instant mtime,
    Optional<String> key,
    Optional<String> linkTarget) {

  /** Kinds of entry. */
  public enum Type {
    /** Bytes. */
    FILE,
    /** Has entries of its own. */
    DIRECTORY,
    /** Points to another path. */
    SYMLINK
  }

  /** The last part of the path. */
  public String name() {
    return path.substring(path.lastIndexOf('/') + 1);
  }
}
