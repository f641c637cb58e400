package dev.larder.linux;

import org.jspecify.annotations.Nullable;

/**
 * The kernel's word that nobody else has a file open or mapped, through any mount. While it is
 * held, whoever opens the file waits (up to {@code fs.lease-break-time}), so hold it shortly.
 *
 * <p><b>Threads:</b> any. <b>Ownership:</b> {@link #close} gives it back; so does closing the file.
 */
public final class Lease implements AutoCloseable {
  private static final int F_SETSIG = 10;
  private static final int F_SETLEASE = 1024;
  private static final int F_GETLEASE = 1025;
  private static final int F_WRLCK = 1;
  private static final int F_UNLCK = 2;

  /** A break of the lease sends SIGIO, which ends a JVM; this one is ignored unless handled. */
  private static final int SIGURG = 23;

  private final Fd file;

  private Lease(Fd file) {
    this.file = file;
  }

  /**
   * Asks for it.
   *
   * @param file a regular file, opened for reading; of our own user, or with CAP_LEASE
   * @return null while the file is in use elsewhere
   * @throws LinuxException EINVAL where the file system has no leases
   */
  public static @Nullable Lease tryTake(Fd file) throws LinuxException {
    int unused = file.fcntl("F_SETSIG", F_SETSIG, SIGURG);
    int result = Libc.fcntl(file.number(), F_SETLEASE, F_WRLCK);
    if (result == -Errno.EAGAIN) {
      return null;
    }
    LinuxException.check(result, "F_SETLEASE", file.subject());
    return new Lease(file);
  }

  /** Whether nobody waits for it. */
  public boolean isUndisturbed() throws LinuxException {
    return file.fcntl("F_GETLEASE", F_GETLEASE, 0) == F_WRLCK;
  }

  @Override
  public void close() throws LinuxException {
    if (!file.isClosed()) {
      int result = Libc.fcntl(file.number(), F_SETLEASE, F_UNLCK);
      // EAGAIN: the kernel took it from us after lease-break-time.
      if (result != -Errno.EAGAIN) {
        LinuxException.check(result, "F_SETLEASE", file.subject());
      }
    }
  }
}
