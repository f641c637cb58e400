package dev.larder.protocol;

import org.jspecify.annotations.Nullable;

/**
 * The one exception that crosses module boundaries: an {@link ErrorCode} and a message a user can
 * act on. The message names the field, file or key at fault and holds no secret.
 */
public final class LarderException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;

  /** A fault with no underlying cause. */
  public LarderException(ErrorCode code, String message) {
    this(code, message, null);
  }

  /** A fault caused by another. */
  public LarderException(ErrorCode code, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  /** What went wrong. */
  public ErrorCode code() {
    return code;
  }

  @Override
  public String toString() {
    return code + ": " + getMessage();
  }
}
