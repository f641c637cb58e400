package dev.larder.agent.http;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import org.jspecify.annotations.Nullable;

/**
 * A fault on its way to the client: a code, perhaps with a status of HTTP's own where no code has
 * one (405, 413, …).
 *
 * @param header one more header field for the answer, {@code Name: value}, or null
 * @param cause what is logged for faults of the server
 */
record Fault(
    int status, ErrorCode code, String detail, @Nullable String header, @Nullable Throwable cause) {

  static Fault of(ErrorCode code, String detail) {
    return new Fault(ErrorStatuses.status(code), code, detail, headerOf(code), null);
  }

  static Fault of(int status, String detail) {
    return new Fault(status, ErrorCode.BAD_REQUEST, detail, null, null);
  }

  /** What a thrown fault means to the client; a foreign exception tells it nothing. */
  static Fault of(Throwable thrown) {
    if (thrown instanceof LarderException known) {
      ErrorCode code = known.code();
      String message = known.getMessage();
      return new Fault(
          ErrorStatuses.status(code),
          code,
          message == null ? code.name() : message,
          headerOf(code),
          known);
    }
    if (thrown instanceof FaultException carrier) {
      return carrier.fault();
    }
    return new Fault(500, ErrorCode.INTERNAL, "a defect in Larder; see its log", null, thrown);
  }

  Fault with(String headerField) {
    return new Fault(status, code, detail, headerField, cause);
  }

  private static @Nullable String headerOf(ErrorCode code) {
    return switch (code) {
      case TOO_MANY -> "Retry-After: 1";
      case UNAUTHENTICATED -> "WWW-Authenticate: Bearer realm=\"larder\"";
      default -> null;
    };
  }
}
