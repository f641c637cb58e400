package dev.larder.csi;

import dev.larder.protocol.LarderException;
import io.grpc.StatusRuntimeException;
import java.util.Optional;

/** What is wrong with a volume that somebody beside the node can mend: an event's reason. */
enum Cause {
  UNKNOWN_DATASET("UnknownDataset", "name a dataset and snapshot that exist (larder dataset list)"),
  NO_SUCH_PATH("NoSuchPath", "name a directory of the dataset"),
  INVALID_VOLUME("InvalidVolume", "correct the volume's attributes or secret"),
  VOLUME_REFUSED("VolumeRefused", "change the pod or its volume as the message says"),
  KEEPER_UNAVAILABLE(
      "KeeperUnavailable",
      "wait until Larder's keeper runs on this node, or see why it does not (pods larder-keeper);"
          + " nothing is wrong with the pod"),
  ORIGIN_DENIED(
      "OriginDenied", "correct the volume's secret, or the credentials of the dataset's origin"),
  ORIGIN_UNREACHABLE(
      "OriginUnreachable",
      "see whether the origin can be reached from this node; files that are here are read"),
  ORIGIN_CORRUPT("OriginCorrupt", "the origin serves other bytes than it promised"),
  OBJECT_GONE(
      "ObjectGone",
      "put the object back, or make the pod again: its volume's origin is listed anew; refresh a"
          + " dataset that has a name of its own before (larder dataset refresh)"),
  OBJECT_CHANGED(
      "ObjectChanged",
      "make the pod again: its volume's origin is listed anew; refresh a dataset that has a name of"
          + " its own before (larder dataset refresh)"),
  OLD_LISTING(
      "OldListing",
      "the volume shows its origin as it was listed last; make the pod again once that can be"
          + " listed"),
  NODE_FULL("NodeFull", "free what the message names, or raise its bound"),
  COORDINATOR_UNREACHABLE(
      "CoordinatorUnreachable", "see whether a majority of Larder's coordinators runs");

  private final String reason;
  private final String advice;

  Cause(String reason, String advice) {
    this.reason = reason;
    this.advice = advice;
  }

  /** As the event says it, one word. */
  String reason() {
    return reason;
  }

  /** What to do. */
  String advice() {
    return advice;
  }

  /** Why a publish failed; empty for what ends by itself or is the node's own matter. */
  static Optional<Cause> ofPublish(LarderException fault) {
    return switch (fault.code()) {
      case UNKNOWN_DATASET -> Optional.of(UNKNOWN_DATASET);
      case NO_SUCH_PATH, WRONG_TYPE -> Optional.of(NO_SUCH_PATH);
      case BAD_NAME, BAD_KEY, BAD_ORIGIN, BAD_RANGE, BAD_REQUEST, ALREADY_EXISTS ->
          Optional.of(INVALID_VOLUME);
      // What a pod itself cannot have is refused with a status of the driver's own.
      case UNSUPPORTED -> Optional.of(KEEPER_UNAVAILABLE);
      case ORIGIN_DENIED -> Optional.of(ORIGIN_DENIED);
      case ORIGIN_GONE, UNKNOWN_BLOB -> Optional.of(OBJECT_GONE);
      case ORIGIN_CHANGED -> Optional.of(OBJECT_CHANGED);
      case ORIGIN_UNAVAILABLE -> Optional.of(ORIGIN_UNREACHABLE);
      case ORIGIN_CORRUPT -> Optional.of(ORIGIN_CORRUPT);
      case STORE_FULL, TOO_MANY -> Optional.of(NODE_FULL);
      case COORDINATOR_UNAVAILABLE -> Optional.of(COORDINATOR_UNREACHABLE);
      case UNKNOWN_MOUNT,
          MOUNT_FAILED,
          MOUNT_BUSY,
          BAD_CONFIG,
          UNAUTHENTICATED,
          STORE_IO,
          STORE_CORRUPT,
          STORE_LOCKED,
          STORE_UNUSABLE,
          CATALOG_CORRUPT,
          AGENT_UNAVAILABLE,
          CANCELLED,
          DEADLINE,
          CLOSED,
          INTERNAL ->
          Optional.empty();
    };
  }

  /** The same for what the driver refuses itself. */
  static Optional<Cause> ofPublish(StatusRuntimeException refusal) {
    return switch (refusal.getStatus().getCode()) {
      case INVALID_ARGUMENT, ALREADY_EXISTS -> Optional.of(INVALID_VOLUME);
      case FAILED_PRECONDITION -> Optional.of(VOLUME_REFUSED);
      default -> Optional.empty();
    };
  }

  /** Why an origin did not serve a read of a published volume. */
  static Optional<Cause> ofRead(LarderException fault) {
    return switch (fault.code()) {
      // There it is the origin that stopped to deliver.
      case DEADLINE -> Optional.of(ORIGIN_UNREACHABLE);
      case BAD_ORIGIN -> Optional.of(ORIGIN_DENIED);
      case ORIGIN_DENIED, ORIGIN_GONE, ORIGIN_CHANGED, ORIGIN_UNAVAILABLE, ORIGIN_CORRUPT ->
          ofPublish(fault);
      default -> Optional.empty();
    };
  }
}
