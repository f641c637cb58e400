package dev.larder.coordinator.api;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Trust;

/**
 * The root of a sealed blob.
 *
 * @param root hash over size and stripe digests
 * @param memberId who recorded it first
 * @param readAgainFor the number of the {@link Dispute} for which the member read the origin again;
 *     0 for a blob it sealed
 */
public record RecordedRoot(
    BlobKey key, long sizeBytes, Digest root, Trust trust, String memberId, long readAgainFor) {

  /** Of a blob that was sealed. */
  public RecordedRoot(BlobKey key, long sizeBytes, Digest root, Trust trust, String memberId) {
    this(key, sizeBytes, root, trust, memberId, 0);
  }

  /** Whether the other one says the same of the content. */
  public boolean agreesWith(RecordedRoot other) {
    return sizeBytes == other.sizeBytes && root.equals(other.root);
  }
}
