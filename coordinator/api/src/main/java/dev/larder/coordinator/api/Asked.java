package dev.larder.coordinator.api;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.HashSet;
import java.util.Set;

/** What came of one request's tries at several coordinators. One thread. */
final class Asked {
  private final int size;
  private final boolean isChange;
  private final Set<String> answered = new HashSet<>();
  private boolean maySent;
  private String distrust = "";

  /**
   * Nobody was asked yet.
   *
   * @param size how many coordinators are known
   * @param isChange whether the request changes something
   */
  Asked(int size, boolean isChange) {
    this.size = size;
    this.isChange = isChange;
  }

  /** A try failed. */
  void failed(String address, Throwable failure, LarderException fault) {
    if (GrpcFaults.isAnswer(failure)) {
      answered.add(address);
    }
    if (GrpcFaults.isTrust(fault)) {
      distrust = String.valueOf(fault.getMessage());
    }
    maySent |= !GrpcFaults.isUnsent(fault);
  }

  /** What the caller is told when no try was answered. */
  LarderException summary(LarderException last) {
    boolean isSilence =
        last.code() == ErrorCode.COORDINATOR_UNAVAILABLE || last.code() == ErrorCode.DEADLINE;
    if (!isSilence) {
      return last;
    }
    int heard = Math.min(size, answered.size());
    String text =
        size == 1
            ? String.valueOf(last.getMessage())
            : 2 * heard > size
                ? "no coordinator leads at the moment (%d of %d answer)".formatted(heard, size)
                : "no majority of the coordinators answers (%d of %d)".formatted(heard, size);
    if (isChange) {
      text += maySent ? "; the change may have been made" : "; the change was not made";
    }
    if (!distrust.isEmpty() && size > 1) {
      text += "; " + distrust;
    }
    return new LarderException(last.code(), text, last);
  }
}
