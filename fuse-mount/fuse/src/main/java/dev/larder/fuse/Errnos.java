package dev.larder.fuse;

import dev.larder.linux.Errno;
import dev.larder.protocol.ErrorCode;

/** What programs see of a fault: the one place that turns codes into errno. */
public final class Errnos {
  private Errnos() {}

  /**
   * The errno of a fault, positive. Never ENOENT: a key the kernel was once told of exists for
   * ever, and overlayfs would give ESTALE for names that stat before showed.
   */
  public static int of(ErrorCode code) {
    return switch (code) {
      // The file that was listed is no more; a refreshed snapshot shows what is there now.
      case ORIGIN_CHANGED -> Errno.ESTALE;
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
          CANCELLED,
          DEADLINE,
          CLOSED,
          INTERNAL ->
          Errno.EIO;
    };
  }
}
