package dev.larder.erofs;

import dev.larder.protocol.BlobKey;

/**
 * What {@link CatalogPacker#write} wrote.
 *
 * @param key the packed catalog's key: SHA-256 of the whole file
 * @param plain key of the catalog it was made from
 * @param files files whose bytes are in the image
 * @param bytes sum of their sizes; equal keys count each time
 * @param imageBytes length of the file
 */
public record PackSummary(BlobKey key, BlobKey plain, long files, long bytes, long imageBytes) {}
