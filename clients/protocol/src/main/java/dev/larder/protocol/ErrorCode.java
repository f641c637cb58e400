package dev.larder.protocol;

/**
 * Every fault Larder reports, with what the caller can do about it. A miss is never a fault: it is
 * a value. Codes are part of the wire format ({@code code} in problem+json): added, never renamed.
 */
public enum ErrorCode {
  /** A dataset or snapshot of this name does not exist (or is not granted to the caller). */
  UNKNOWN_DATASET(Category.FIX_FIRST),
  /** The dataset has no such path. */
  NO_SUCH_PATH(Category.FIX_FIRST),
  /** The path is a directory where a file is needed, or the reverse. */
  WRONG_TYPE(Category.FIX_FIRST),
  /** A blob of this key is not here and nothing here says where to get it. */
  UNKNOWN_BLOB(Category.FIX_FIRST),
  /** Nothing of Larder is mounted there. */
  UNKNOWN_MOUNT(Category.FIX_FIRST),
  /** The kernel refused a mount; the message says why and what to do. */
  MOUNT_FAILED(Category.FIX_FIRST),
  /** Files below the mount are open. */
  MOUNT_BUSY(Category.FIX_FIRST),
  /** This host, user or kernel cannot do it; the message says what is missing. */
  UNSUPPORTED(Category.FIX_FIRST),
  /** A dataset name or snapshot number is malformed. */
  BAD_NAME(Category.FIX_FIRST),
  /** A blob key or digest is malformed. */
  BAD_KEY(Category.FIX_FIRST),
  /** An origin URI, or an answer of the origin's listing, is malformed or of an unknown kind. */
  BAD_ORIGIN(Category.FIX_FIRST),
  /** A byte range is malformed or outside of the object. */
  BAD_RANGE(Category.FIX_FIRST),
  /** A request is malformed; the message names the field. */
  BAD_REQUEST(Category.FIX_FIRST),
  /** A configuration key or value is wrong; the message names the key. */
  BAD_CONFIG(Category.FIX_FIRST),
  /** Something of this name exists already with other content. */
  ALREADY_EXISTS(Category.FIX_FIRST),
  /** No token, or a wrong one. */
  UNAUTHENTICATED(Category.FIX_FIRST),
  /** The origin refuses these credentials. */
  ORIGIN_DENIED(Category.FIX_FIRST),
  /** The object, bucket or container is gone from the origin. */
  ORIGIN_GONE(Category.FIX_FIRST),
  /** The object at the origin is no longer the version that was listed (ESTALE). */
  ORIGIN_CHANGED(Category.FIX_FIRST),
  /** The origin is busy, broken or unreachable; asking again later is safe. */
  ORIGIN_UNAVAILABLE(Category.RETRY_HIGHER),
  /** The origin's bytes are not what its checksum or the key promises. */
  ORIGIN_CORRUPT(Category.RETRY_HIGHER),
  /** No space or budget left to store more; reads go on from the origin. */
  STORE_FULL(Category.RETRY_HIGHER),
  /** The disk refuses reads or writes (EIO, read-only). */
  STORE_IO(Category.RETRY_HIGHER),
  /** Stored bytes fail their check; they were set aside. */
  STORE_CORRUPT(Category.CORRUPT),
  /** The data directory is in use by another process. */
  STORE_LOCKED(Category.FIX_FIRST),
  /** The data directory is not usable: not writable, of a newer format, not a directory. */
  STORE_UNUSABLE(Category.FIX_FIRST),
  /** A catalog image is damaged or of a kind this version cannot read. */
  CATALOG_CORRUPT(Category.CORRUPT),
  /** A configured bound was reached; the message names its key. */
  TOO_MANY(Category.RETRY_HIGHER),
  /** The coordinator cannot be reached or has no quorum; changes wait, reads go on. */
  COORDINATOR_UNAVAILABLE(Category.RETRY_HIGHER),
  /** The agent cannot be reached. */
  AGENT_UNAVAILABLE(Category.RETRY_HIGHER),
  /** The caller gave up. */
  CANCELLED(Category.FIX_FIRST),
  /** A source stopped delivering for longer than its progress deadline. */
  DEADLINE(Category.RETRY_HIGHER),
  /** Larder is shutting down or the object was closed. */
  CLOSED(Category.RETRY_HIGHER),
  /** A defect in Larder. */
  INTERNAL(Category.BUG);

  /** What the caller can do. */
  public enum Category {
    /** Ask the same place again, with back-off. */
    RETRY_HERE,
    /** Start the whole operation again later, or take another source. */
    RETRY_HIGHER,
    /** Asking again is useless until somebody changes something. */
    FIX_FIRST,
    /** Stored data were damaged; they were set aside and will be fetched again. */
    CORRUPT,
    /** Report it. */
    BUG
  }

  private final Category category;

  ErrorCode(Category category) {
    this.category = category;
  }

  /** What the caller can do about this code. */
  public Category category() {
    return category;
  }
}
