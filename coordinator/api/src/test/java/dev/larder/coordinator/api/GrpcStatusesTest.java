package dev.larder.coordinator.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Codes come through gRPC unchanged, and what gRPC itself says becomes a code. */
class GrpcStatusesTest {
  @Test
  void everyCodeComesBackAsItWent() {
    for (ErrorCode code : ErrorCode.values()) {
      StatusRuntimeException sent =
          GrpcStatuses.toGrpc(new LarderException(code, "message of " + code));
      assertNotEquals(Status.Code.OK, sent.getStatus().getCode());
      assertNotEquals(Status.Code.UNKNOWN, sent.getStatus().getCode());
      LarderException received = GrpcStatuses.fromGrpc(sent);
      assertEquals(code, received.code());
      assertEquals("message of " + code, received.getMessage());
    }
  }

  @Test
  void everyStatusWithoutATrailerHasACode() {
    for (Status.Code status : Status.Code.values()) {
      assertNotNull(GrpcStatuses.codeOf(status));
    }
    assertEquals(
        ErrorCode.COORDINATOR_UNAVAILABLE,
        GrpcStatuses.fromGrpc(Status.UNAVAILABLE.asRuntimeException()).code());
    assertEquals(
        ErrorCode.DEADLINE,
        GrpcStatuses.fromGrpc(Status.DEADLINE_EXCEEDED.asRuntimeException()).code());
    assertEquals(
        ErrorCode.INTERNAL, GrpcStatuses.fromGrpc(new IllegalStateException("defect")).code());
  }

  @Test
  void repeatsWhileUnavailableAndNothingElse() {
    CoordinatorClientConfig config =
        new CoordinatorClientConfig(
            List.of("localhost:1"),
            Duration.ofSeconds(30),
            Duration.ofSeconds(3),
            4,
            Duration.ofMillis(1),
            Duration.ofMillis(4),
            1);
    Retries retries = new Retries(config);
    AtomicInteger calls = new AtomicInteger();
    LarderException gaveUp =
        assertThrows(
            LarderException.class,
            () ->
                retries.call(left -> {
                  calls.incrementAndGet();
                  throw Status.UNAVAILABLE.asRuntimeException();
                }));
    assertEquals(ErrorCode.COORDINATOR_UNAVAILABLE, gaveUp.code());
    assertEquals(4, calls.get());
    calls.set(0);
    assertEquals(
        "answer",
        retries.call(left -> {
          assertTrue(left > 0);
          if (calls.incrementAndGet() < 3) {
            throw Status.UNAVAILABLE.asRuntimeException();
          }
          return "answer";
        }));
    calls.set(0);
    assertThrows(
        LarderException.class,
        () ->
            retries.call(left -> {
              calls.incrementAndGet();
              throw GrpcStatuses.toGrpc(new LarderException(ErrorCode.BAD_NAME, "bad"));
            }));
    assertEquals(1, calls.get());
  }
}
