package dev.larder.origin;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.OriginKeys;
import java.time.Instant;
import java.util.Optional;

/**
 * One version of one object, as the listing gave it, or as a catalog remembers it.
 *
 * @param path path below the dataset's root, '/'-separated, no leading slash, decoded
 * @param type what it is
 * @param uri canonical URI of the object itself (percent-encoded)
 * @param version version token, see {@link OriginKeys#key}; empty for directories
 * @param sizeBytes size; 0 for directories
 * @param lastModified the origin's time of last change
 * @param linkTarget target of a symbolic link
 * @param contentKey {@code sha256:} key where the content's digest is known before the download
 */
public record OriginObject(
    String path,
    Type type,
    String uri,
    String version,
    long sizeBytes,
    Instant lastModified,
    Optional<String> linkTarget,
    Optional<BlobKey> contentKey) {

  /** Kinds of entry. */
  public enum Type {
    /** Bytes. */
    FILE,
    /** A directory that stands in the listing by itself. */
    DIRECTORY,
    /** A symbolic link that stays inside of the dataset's root. */
    SYMLINK
  }

  /** The key of this object's blob. */
  public BlobKey key() {
    return contentKey.orElseGet(() -> OriginKeys.key(uri, version, sizeBytes));
  }
}
