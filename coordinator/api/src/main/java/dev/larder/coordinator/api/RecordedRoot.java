package dev.larder.coordinator.api;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Trust;

/**
 * The root of a sealed blob.
 *
 * @param root hash over size and stripe digests
 * @param memberId who recorded it first
 */
public record RecordedRoot(
    BlobKey key, long sizeBytes, Digest root, Trust trust, String memberId) {}
