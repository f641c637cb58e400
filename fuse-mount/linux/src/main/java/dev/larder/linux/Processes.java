package dev.larder.linux;

/** This process. */
public final class Processes {
  private Processes() {}

  /**
   * Makes this process the head of a session of its own, so that it survives its starter's.
   *
   * @throws LinuxException EPERM when it heads a process group already
   */
  public static void newSession() throws LinuxException {
    LinuxException.check(Libc.setsid(), "setsid", "this process");
  }

  /** The effective user's number. */
  public static int effectiveUser() {
    return Libc.effectiveUser();
  }
}
