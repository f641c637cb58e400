package dev.larder.agent.read;

import dev.larder.origin.OriginObject;
import dev.larder.protocol.BlobKey;
import java.util.Optional;

/**
 * Opens blobs for reading, from the store where they are present, else from the origin while they
 * are stored.
 *
 * <p><b>Threads:</b> any; calls may block. <b>Errors:</b> LarderException; after bytes were handed
 * out a failing source ends the read with the fault, never with wrong bytes.
 */
public interface ReadPlane {

  /** Opens a file of a snapshot. The caller closes the result. */
  BlobRead open(BlobSource source, ReadIntent intent);

  /**
   * Opens a blob by key: present in the store, or listed by the catalog of an attached dataset.
   * Empty when neither.
   */
  Optional<BlobRead> open(BlobKey key, ReadIntent intent);

  /**
   * Where a file's bytes come from: the dataset that lists it and the object there. The dataset's
   * name resolves to its origin; several datasets may share a blob.
   */
  record BlobSource(String dataset, OriginObject object) {}

  /** How much of the blob the reader will want. */
  enum ReadIntent {
    /** Ranges here and there; read-ahead only after sequential reads are seen. */
    RANDOM,
    /** From the offset on, one after another. */
    SEQUENTIAL,
    /** All of it: fill every stripe in parallel. */
    WHOLE
  }
}
