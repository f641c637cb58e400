package dev.larder.mount;

import dev.larder.linux.Errno;
import dev.larder.protocol.ErrorCode;

/** What a reader of a mount is told of a fault: the one place where codes become errno. */
public final class Errnos {
  private Errnos() {}

  /**
   * The errno of a fault that met a file which the catalog lists: never ENOENT, as the file is
   * there. Numbers are Linux's.
   */
  public static int of(ErrorCode code) {
    return switch (code) {
      case ORIGIN_CHANGED -> Errno.ESTALE;
      case CANCELLED -> Errno.EINTR;
      case UNKNOWN_DATASET,
          NO_SUCH_PATH,
          WRONG_TYPE,
          UNKNOWN_BLOB,
          UNKNOWN_MOUNT,
          MOUNT_FAILED,
          MOUNT_BUSY,
          UNSUPPORTED,
          BAD_NAME,
          BAD_KEY,
          BAD_ORIGIN,
          BAD_RANGE,
          BAD_REQUEST,
          BAD_CONFIG,
          ALREADY_EXISTS,
          UNAUTHENTICATED,
          ORIGIN_DENIED,
          ORIGIN_GONE,
          ORIGIN_UNAVAILABLE,
          ORIGIN_CORRUPT,
          STORE_FULL,
          STORE_IO,
          STORE_CORRUPT,
          STORE_LOCKED,
          STORE_UNUSABLE,
          CATALOG_CORRUPT,
          TOO_MANY,
          COORDINATOR_UNAVAILABLE,
          AGENT_UNAVAILABLE,
          DEADLINE,
          CLOSED,
          INTERNAL ->
          Errno.EIO;
    };
  }
}
