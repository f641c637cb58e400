package dev.larder.csi;

import dev.larder.protocol.ErrorCode;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;

/** Faults as the codes that the CSI specification gives them. */
final class Statuses {
  // A status goes into headers, of which who asks takes some KiB.
  private static final int MESSAGE_MAX = 2048;

  private Statuses() {}

  /** A message that may repeat what somebody asked for, fit for a status. */
  static String shortened(String message) {
    String clean = VolumeIds.printable(message);
    return clean.length() <= MESSAGE_MAX ? clean : clean.substring(0, MESSAGE_MAX) + "…";
  }

  static StatusRuntimeException invalid(String message) {
    return Status.INVALID_ARGUMENT.withDescription(shortened(message)).asRuntimeException();
  }

  static StatusRuntimeException notFound(String message) {
    return Status.NOT_FOUND.withDescription(shortened(message)).asRuntimeException();
  }

  static StatusRuntimeException aborted(String message) {
    return Status.ABORTED.withDescription(shortened(message)).asRuntimeException();
  }

  static StatusRuntimeException failed(String message) {
    return Status.FAILED_PRECONDITION.withDescription(shortened(message)).asRuntimeException();
  }

  static StatusRuntimeException exists(String message) {
    return Status.ALREADY_EXISTS.withDescription(shortened(message)).asRuntimeException();
  }

  /** The code of a fault. */
  static Status.Code code(ErrorCode code) {
    return switch (code) {
      case UNKNOWN_DATASET, NO_SUCH_PATH, UNKNOWN_BLOB, UNKNOWN_MOUNT, ORIGIN_GONE ->
          Status.Code.NOT_FOUND;
      case WRONG_TYPE, BAD_NAME, BAD_KEY, BAD_ORIGIN, BAD_RANGE, BAD_REQUEST, BAD_CONFIG ->
          Status.Code.INVALID_ARGUMENT;
      case ALREADY_EXISTS -> Status.Code.ALREADY_EXISTS;
      case UNAUTHENTICATED -> Status.Code.UNAUTHENTICATED;
      case ORIGIN_DENIED -> Status.Code.PERMISSION_DENIED;
      case MOUNT_BUSY, UNSUPPORTED, ORIGIN_CHANGED, STORE_LOCKED, STORE_UNUSABLE ->
          Status.Code.FAILED_PRECONDITION;
      case ORIGIN_UNAVAILABLE,
          ORIGIN_CORRUPT,
          STORE_IO,
          COORDINATOR_UNAVAILABLE,
          AGENT_UNAVAILABLE,
          CLOSED ->
          Status.Code.UNAVAILABLE;
      case STORE_FULL, TOO_MANY -> Status.Code.RESOURCE_EXHAUSTED;
      case CANCELLED -> Status.Code.ABORTED;
      case DEADLINE -> Status.Code.DEADLINE_EXCEEDED;
      case MOUNT_FAILED, STORE_CORRUPT, CATALOG_CORRUPT, INTERNAL -> Status.Code.INTERNAL;
    };
  }
}
