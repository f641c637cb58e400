package dev.larder.linux;

/**
 * A process that cannot be mistaken for a later one of the same number.
 *
 * <p><b>Threads:</b> any. <b>Ownership:</b> who opened it closes it; the process is not touched.
 */
public final class PidFd implements AutoCloseable {
  private static final int SYS_PIDFD_SEND_SIGNAL = 424;
  private static final int SYS_PIDFD_OPEN = 434;
  private static final int SYS_PIDFD_GETFD = 438;

  private final Fd fd;
  private final int pid;

  PidFd(Fd fd, int pid) {
    this.fd = fd;
    this.pid = pid;
  }

  /**
   * Opens a process by its number, as seen in this process's name space.
   *
   * @throws LinuxException 3 (ESRCH) when there is none
   */
  public static PidFd open(long pid) throws LinuxException {
    long result = Libc.syscall(SYS_PIDFD_OPEN, pid, 0, 0, 0, 0);
    int number = (int) LinuxException.check(result, "pidfd_open", "process " + pid);
    return new PidFd(Fd.adopt(number, "process " + pid), (int) pid);
  }

  /**
   * Takes a descriptor that another process passed, and its word for the number, into ownership.
   */
  public static PidFd adopt(Fd fd, int pid) {
    return new PidFd(fd, pid);
  }

  /** What to wait for: readable once the process has ended. */
  public Fd fd() {
    return fd;
  }

  /** Its number; another process may have it once this one has ended and was reaped. */
  public int pid() {
    return pid;
  }

  /** Whether it still runs. */
  public boolean isAlive() throws LinuxException {
    return !fd.awaitReadable(0);
  }

  /**
   * Waits for its end: all its threads are gone and its descriptors closed.
   *
   * @param timeoutMillis -1 without an end
   * @return whether it has ended
   */
  public boolean awaitEnd(int timeoutMillis) throws LinuxException {
    return fd.awaitReadable(timeoutMillis);
  }

  /** Sends a signal; 9 ends it for sure. */
  public void signal(int signal) throws LinuxException {
    long result = Libc.syscall(SYS_PIDFD_SEND_SIGNAL, fd.number(), signal, 0, 0, 0);
    LinuxException.check(result, "pidfd_send_signal", fd.subject());
  }

  /** A copy of one of its descriptors; needs the right to trace it. */
  public Fd copyOf(int descriptor) throws LinuxException {
    long result = Libc.syscall(SYS_PIDFD_GETFD, fd.number(), descriptor, 0, 0, 0);
    String subject = "descriptor " + descriptor + " of " + fd.subject();
    return Fd.adopt((int) LinuxException.check(result, "pidfd_getfd", subject), subject);
  }

  @Override
  public void close() {
    fd.close();
  }
}
