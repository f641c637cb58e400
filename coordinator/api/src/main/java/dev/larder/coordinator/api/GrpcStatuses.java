package dev.larder.coordinator.api;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The one mapper between {@link ErrorCode} and gRPC. The code itself travels in the trailer {@code
 * larder-code}, the status is what other gRPC clients understand; the message is the description.
 */
public final class GrpcStatuses {
  /** Name of an {@link ErrorCode} in trailers. */
  public static final Metadata.Key<String> CODE =
      Metadata.Key.of("larder-code", Metadata.ASCII_STRING_MARSHALLER);

  /** Where the leader's door is, in trailers of a coordinator that does not lead. */
  static final Metadata.Key<String> LEADER =
      Metadata.Key.of("larder-leader", Metadata.ASCII_STRING_MARSHALLER);

  private GrpcStatuses() {}

  /** What a server throws for a fault. */
  public static StatusRuntimeException toGrpc(LarderException fault) {
    Metadata trailers = new Metadata();
    trailers.put(CODE, fault.code().name());
    if (fault.getCause() instanceof NotLeader other) {
      trailers.put(LEADER, other.address());
    }
    return statusOf(fault.code())
        .withDescription(fault.getMessage())
        .withCause(fault)
        .asRuntimeException(trailers);
  }

  /** What a client throws for a failed call. */
  public static LarderException fromGrpc(Throwable failure) {
    return fromGrpc(failure, "");
  }

  /**
   * What a client throws for a failed call.
   *
   * @param address host:port of the coordinator that was asked; empty where it is not known
   */
  static LarderException fromGrpc(Throwable failure, String address) {
    Status status = Status.fromThrowable(failure);
    String said = status.getDescription() != null ? status.getDescription() : "no description";
    Metadata trailers = Status.trailersFromThrowable(failure);
    ErrorCode named = named(trailers);
    String leader = trailers == null ? null : trailers.get(LEADER);
    if (named != null && leader != null) {
      return new LarderException(named, said, new NotLeader(leader));
    }
    if (named != null) {
      return new LarderException(named, said, failure);
    }
    return new LarderException(
        codeOf(status.getCode()), GrpcFaults.explain(failure, status, address), failure);
  }

  /** The status of a code. */
  public static Status statusOf(ErrorCode code) {
    return switch (code) {
      case UNKNOWN_DATASET, NO_SUCH_PATH, UNKNOWN_BLOB, UNKNOWN_MOUNT, ORIGIN_GONE ->
          Status.NOT_FOUND;
      case BAD_NAME, BAD_KEY, BAD_ORIGIN, BAD_REQUEST, BAD_CONFIG, WRONG_TYPE ->
          Status.INVALID_ARGUMENT;
      case BAD_RANGE -> Status.OUT_OF_RANGE;
      case ALREADY_EXISTS -> Status.ALREADY_EXISTS;
      case UNAUTHENTICATED -> Status.UNAUTHENTICATED;
      case ORIGIN_DENIED -> Status.PERMISSION_DENIED;
      case ORIGIN_CHANGED, STORE_LOCKED, STORE_UNUSABLE, MOUNT_FAILED, MOUNT_BUSY ->
          Status.FAILED_PRECONDITION;
      case UNSUPPORTED -> Status.UNIMPLEMENTED;
      case ORIGIN_CORRUPT, STORE_CORRUPT, CATALOG_CORRUPT -> Status.DATA_LOSS;
      case STORE_FULL, TOO_MANY -> Status.RESOURCE_EXHAUSTED;
      case ORIGIN_UNAVAILABLE, COORDINATOR_UNAVAILABLE, AGENT_UNAVAILABLE, STORE_IO, CLOSED ->
          Status.UNAVAILABLE;
      case CANCELLED -> Status.CANCELLED;
      case DEADLINE -> Status.DEADLINE_EXCEEDED;
      case INTERNAL -> Status.INTERNAL;
    };
  }

  /** The code of a status that came without a trailer: from gRPC itself or a proxy. */
  static ErrorCode codeOf(Status.Code status) {
    return switch (status) {
      case UNAVAILABLE, ABORTED -> ErrorCode.COORDINATOR_UNAVAILABLE;
      case DEADLINE_EXCEEDED -> ErrorCode.DEADLINE;
      case CANCELLED -> ErrorCode.CANCELLED;
      case UNAUTHENTICATED, PERMISSION_DENIED -> ErrorCode.UNAUTHENTICATED;
      case RESOURCE_EXHAUSTED -> ErrorCode.TOO_MANY;
      case INVALID_ARGUMENT, OUT_OF_RANGE, FAILED_PRECONDITION, UNIMPLEMENTED, NOT_FOUND ->
          ErrorCode.BAD_REQUEST;
      case ALREADY_EXISTS -> ErrorCode.ALREADY_EXISTS;
      case OK, UNKNOWN, INTERNAL, DATA_LOSS -> ErrorCode.INTERNAL;
    };
  }

  private static @Nullable ErrorCode named(@Nullable Metadata trailers) {
    String name = trailers == null ? null : trailers.get(CODE);
    return name == null
        ? null
        : Arrays.stream(ErrorCode.values())
            .filter(code -> code.name().equals(name))
            .findFirst()
            .orElse(null);
  }
}
