package dev.larder.origin;

import dev.larder.protocol.ContentChecksum;
import java.util.Optional;

/**
 * One dataset's origin: a prefix of a bucket, a directory, a URL or a manifest of URLs.
 *
 * <p><b>Threads:</b> any; calls block. Interrupting the thread ends a call with CANCELLED. The
 * number of calls at work at once and the bandwidth are capped per origin ({@link OriginLimits}).
 *
 * <p><b>Errors:</b> LarderException with ORIGIN_DENIED, ORIGIN_GONE, ORIGIN_CHANGED,
 * ORIGIN_UNAVAILABLE (after retries with jitter), ORIGIN_CORRUPT (a wrong range, a short or long
 * body), DEADLINE (no progress), BAD_ORIGIN.
 */
public interface Origin extends AutoCloseable {

  /** Canonical URI of the dataset's root, as in origin keys; holds no secret. */
  String uri();

  /**
   * Lists every object below the root, in any order, streaming: the sink is called on this thread.
   * Objects an origin cannot express (for example an S3 "folder" marker of size 0 that ends in '/')
   * are handed over as directories.
   */
  void list(ListingSink sink);

  /**
   * Asks for as little as shows that the origin is there and lets us list it: one request, or one
   * look at a directory. Ends as {@link #list} does; an empty origin is fine.
   */
  default void check() {
    try {
      list(new FirstObject());
    } catch (FirstObject.Found enough) {
      return;
    }
  }

  /**
   * Opens a range of one version of an object. The answer's version, range and total size are
   * checked before the first byte is handed out, and a body that ends early fails with
   * ORIGIN_UNAVAILABLE after the bytes that came; implementations resume such a body themselves
   * within their retries.
   *
   * @param offset first byte
   * @param length bytes wanted; must lie inside of the object
   */
  OriginRead open(OriginObject object, long offset, long length);

  /**
   * The checksum the origin publishes for the whole object, if it has one; may ask the origin (one
   * HEAD). MD5 only when {@link OriginOptions#checkMd5} is set.
   */
  Optional<ContentChecksum> checksum(OriginObject object);

  /** Ends idle connections; reads still open fail with CLOSED. Idempotent. */
  @Override
  void close();

  /** Receives a listing. */
  interface ListingSink {
    /** One object, directory or symbolic link. */
    void accept(OriginObject object);

    /** Something at the origin that can't be part of a snapshot, and why. */
    void skipped(String name, String reason);
  }

  /** Bytes of a range, in order. One thread at a time. */
  interface OriginRead extends AutoCloseable {
    /**
     * Reads at least one byte into the buffer; returns the number, or -1 when the range is done.
     * Never returns 0 for a buffer with room.
     */
    int read(java.nio.ByteBuffer target);

    /** Checksum of the whole object if the answer carried one. */
    Optional<ContentChecksum> checksum();

    /** Lets the connection go; idempotent. */
    @Override
    void close();
  }
}
