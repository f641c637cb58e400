package dev.larder.agent.fill;

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
