package dev.larder.coordinator.api;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.time.Instant;

/**
 * What makes up a snapshot.
 *
 * @param catalogKey the catalog's blob key
 * @param catalogRoot root of the catalog's two-level digest
 * @param catalogSizeBytes size of the catalog's image
 * @param files files listed
 * @param bytes sum of their sizes
 * @param skipped names left out of the catalog
 * @param rootUri canonical URI of the origin's root; objects lie below it
 * @param hasOwnUris whether objects carry URIs of their own in the catalog
 * @param listedFrom the listing saw the origin between this moment
 * @param listedTo and this one; milliseconds are kept of both
 */
public record NewSnapshot(
    BlobKey catalogKey,
    Digest catalogRoot,
    long catalogSizeBytes,
    long files,
    long bytes,
    long skipped,
    String rootUri,
    boolean hasOwnUris,
    Instant listedFrom,
    Instant listedTo) {}
