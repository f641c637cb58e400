package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One request that failed, as a provider's mapper judged it; never leaves the package. Message and
 * cause hold no secret: the mapper redacts both.
 */
final class OriginFailure extends Exception {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;
  private final boolean retryable;
  private final transient Optional<Duration> retryAfter;

  private OriginFailure(
      ErrorCode code,
      String message,
      boolean retryable,
      Optional<Duration> retryAfter,
      @Nullable Throwable cause) {
    super(message, cause);
    this.code = code;
    this.retryable = retryable;
    this.retryAfter = retryAfter;
  }

  /** Asking again is useless. */
  static OriginFailure lasting(ErrorCode code, String message) {
    return new OriginFailure(code, message, false, Optional.empty(), null);
  }

  /** Asking again may help. */
  static OriginFailure passing(ErrorCode code, String message) {
    return new OriginFailure(code, message, true, Optional.empty(), null);
  }

  OriginFailure after(Optional<Duration> wait) {
    OriginFailure failure = new OriginFailure(code, text(), retryable, wait, getCause());
    failure.setStackTrace(getStackTrace());
    return failure;
  }

  OriginFailure because(Throwable cause) {
    return new OriginFailure(code, text(), retryable, retryAfter, cause);
  }

  ErrorCode code() {
    return code;
  }

  boolean isRetryable() {
    return retryable;
  }

  /** How long the origin asked us to stay away. */
  Optional<Duration> retryAfter() {
    return retryAfter;
  }

  LarderException toLarder() {
    return new LarderException(code, text(), getCause() == null ? this : getCause());
  }

  private String text() {
    String message = getMessage();
    return message == null ? code.name() : message;
  }
}
