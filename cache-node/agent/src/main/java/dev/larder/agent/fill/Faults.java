package dev.larder.agent.fill;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

/** Sorting faults by whose they are. */
final class Faults {
  private Faults() {}

  /** Whether the store, not the origin, is at fault: reads can go past it. */
  static boolean isOfStore(LarderException fault) {
    return switch (fault.code()) {
      case STORE_FULL, STORE_IO, STORE_CORRUPT, STORE_UNUSABLE, CLOSED -> true;
      default -> false;
    };
  }

  /** The same fault for another thread, with that thread's stack. */
  static LarderException again(LarderException fault) {
    return new LarderException(fault.code(), String.valueOf(fault.getMessage()), fault);
  }

  /**
   * For readers of a blob that was set aside.
   *
   * @param isMisled whether the reader was handed bytes that members alone vouched for: it must not
   *     go on as if they were right
   */
  static LarderException setAside(BlobKey key, boolean isMisled) {
    return isMisled
        ? new LarderException(
            ErrorCode.ORIGIN_CORRUPT, key + " came wrong from members; read it again")
        : new LarderException(
            ErrorCode.STORE_CORRUPT, key + " was found damaged and set aside; open it again");
  }

  /** A LarderException for anything thrown; INTERNAL for what should not have been. */
  static LarderException of(Throwable error) {
    Throwable cause = error;
    while ((cause instanceof CompletionException || cause instanceof ExecutionException)
        && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause instanceof LarderException larder
        ? larder
        : new LarderException(ErrorCode.INTERNAL, "unexpected: " + cause, cause);
  }
}
