package dev.larder.store;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.posix.PosixException;
import java.io.IOException;

/** The one place that turns the disk's faults into codes. */
final class Faults {
  private Faults() {}

  /** STORE_FULL where the volume or quota has no room, else STORE_IO. */
  static LarderException of(IOException e) {
    return new LarderException(
        isNoSpace(e) ? ErrorCode.STORE_FULL : ErrorCode.STORE_IO, "data files: " + e, e);
  }

  static boolean isNoSpace(IOException e) {
    if (e instanceof PosixException posix) {
      return posix.isNoSpace();
    }
    String message = e.getMessage();
    return message != null && message.contains("No space left on device");
  }

  /** Whether the medium could not give the bytes back: as good as damaged. */
  static boolean isUnreadable(IOException e) {
    return e instanceof PosixException posix && posix.errno() == PosixException.EIO;
  }

  static LarderException closed() {
    return new LarderException(ErrorCode.CLOSED, "the store or this handle was closed");
  }

  static LarderException gone() {
    return new LarderException(
        ErrorCode.UNKNOWN_BLOB, "the blob was dropped meanwhile; open it again");
  }
}
