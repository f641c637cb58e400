package dev.larder.linux;

import java.io.IOException;

/** A system call failed. */
public final class LinuxException extends IOException {
  private static final long serialVersionUID = 1L;

  private final int errno;
  private final String call;
  private final String subject;

  /**
   * Names the call, what it was about, and why it failed.
   *
   * @param errno positive
   */
  public LinuxException(String call, String subject, int errno) {
    this(call, subject, errno, "");
  }

  /**
   * The same with what the kernel said beside the number.
   *
   * @param detail may be empty
   */
  public LinuxException(String call, String subject, int errno, String detail) {
    super(
        call + " " + subject + ": " + Errno.name(errno) + (detail.isEmpty() ? "" : ": " + detail));
    this.errno = errno;
    this.call = call;
    this.subject = subject;
  }

  /** The error number, see {@link Errno}. */
  public int errno() {
    return errno;
  }

  /** The system call. */
  public String call() {
    return call;
  }

  /** The path, descriptor or process the call was about. */
  public String subject() {
    return subject;
  }

  /**
   * Passes a result on, or throws.
   *
   * @param result what a call gave: not negative, or a negated errno
   */
  public static long check(long result, String call, String subject) throws LinuxException {
    if (result < 0) {
      throw new LinuxException(call, subject, (int) -result);
    }
    return result;
  }
}
