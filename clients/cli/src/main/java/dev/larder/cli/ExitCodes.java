package dev.larder.cli;

import dev.larder.protocol.ErrorCode;

/**
 * Exit codes of the command line, documented in docs/CLI.md. The one mapper from faults at this
 * edge.
 */
public final class ExitCodes {
  /** Everything went well. */
  public static final int OK = 0;

  /** A fault that has no code of its own. */
  public static final int FAILED = 1;

  /** The command line itself is wrong. */
  public static final int USAGE = 2;

  /** The dataset, snapshot, path or blob does not exist. */
  public static final int NOT_FOUND = 3;

  /** No agent, no access to it, or it cannot do this now. */
  public static final int UNAVAILABLE = 4;

  /** The origin refuses, fails, or its object changed. */
  public static final int ORIGIN = 5;

  /** Bytes did not match their digest. */
  public static final int CORRUPT = 6;

  /** Interrupted by the user. */
  public static final int CANCELLED = 130;

  private ExitCodes() {}

  /** The exit code for a fault. */
  public static int of(ErrorCode code) {
    return switch (code) {
      case UNKNOWN_DATASET, NO_SUCH_PATH, UNKNOWN_BLOB, UNKNOWN_MOUNT -> NOT_FOUND;
      case BAD_NAME, BAD_KEY, BAD_ORIGIN, BAD_RANGE, BAD_REQUEST, BAD_CONFIG, WRONG_TYPE -> USAGE;
      case UNAUTHENTICATED,
          AGENT_UNAVAILABLE,
          COORDINATOR_UNAVAILABLE,
          TOO_MANY,
          DEADLINE,
          CLOSED,
          STORE_LOCKED,
          STORE_UNUSABLE ->
          UNAVAILABLE;
      case ORIGIN_DENIED, ORIGIN_GONE, ORIGIN_CHANGED, ORIGIN_UNAVAILABLE -> ORIGIN;
      case ORIGIN_CORRUPT, STORE_CORRUPT, CATALOG_CORRUPT -> CORRUPT;
      case CANCELLED -> CANCELLED;
      case ALREADY_EXISTS, STORE_FULL, STORE_IO, MOUNT_FAILED, MOUNT_BUSY, UNSUPPORTED, INTERNAL ->
          FAILED;
    };
  }
}
