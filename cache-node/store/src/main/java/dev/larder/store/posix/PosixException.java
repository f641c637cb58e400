package dev.larder.store.posix;

import java.io.IOException;

/** A system call failed; carries errno. */
public final class PosixException extends IOException {
  private static final long serialVersionUID = 1L;

  /** No such file. */
  public static final int ENOENT = 2;

  /** Interrupted; asking again is right. */
  public static final int EINTR = 4;

  /** Device error. */
  public static final int EIO = 5;

  /** Too many descriptors in the process. */
  public static final int EMFILE = 24;

  /** No space left on the volume. */
  public static final int ENOSPC = 28;

  /** The file system does not know this call. */
  public static final int EOPNOTSUPP = 95;

  /** The user's quota is used up. */
  public static final int EDQUOT = 122;

  private final int errno;

  PosixException(String call, String subject, int errno) {
    super(call + " " + subject + ": errno " + errno + name(errno));
    this.errno = errno;
  }

  /** The error number of Linux. */
  public int errno() {
    return errno;
  }

  /** Whether the volume or the quota has no room. */
  public boolean isNoSpace() {
    return errno == ENOSPC || errno == EDQUOT;
  }

  private static String name(int errno) {
    return switch (errno) {
      case ENOENT -> " (no such file)";
      case EIO -> " (input/output error)";
      case EMFILE -> " (too many open files)";
      case ENOSPC -> " (no space left)";
      case EDQUOT -> " (quota used up)";
      case EOPNOTSUPP -> " (not supported)";
      default -> "";
    };
  }
}
