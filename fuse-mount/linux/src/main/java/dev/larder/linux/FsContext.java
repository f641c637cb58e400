package dev.larder.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/**
 * A file system about to be made (fsopen) or changed (fspick). Options are handed over one by one,
 * so nothing is ever quoted into an option string.
 *
 * <p><b>Threads:</b> one. <b>Errors:</b> LinuxException, whose message carries what the kernel
 * wrote into the context's log. <b>Source:</b> fsopen(2), fsconfig(2), fsmount(2), fspick(2).
 */
public final class FsContext implements AutoCloseable {
  private static final int SYS_FSOPEN = 430;
  private static final int SYS_FSCONFIG = 431;
  private static final int SYS_FSMOUNT = 432;
  private static final int SYS_FSPICK = 433;
  private static final int FSOPEN_CLOEXEC = 1;
  private static final int FSPICK_CLOEXEC = 1;
  private static final int FSPICK_NO_AUTOMOUNT = 4;
  private static final int FSPICK_EMPTY_PATH = 8;
  private static final int SET_FLAG = 0;
  private static final int SET_STRING = 1;
  private static final int SET_FD = 5;
  private static final int CMD_CREATE = 6;
  private static final int CMD_RECONFIGURE = 7;
  private static final int FSMOUNT_CLOEXEC = 1;
  private static final int LOG_LINES_MAX = 16;

  private final Fd fd;

  private FsContext(Fd fd) {
    this.fd = fd;
  }

  /**
   * Begins a file system of a type.
   *
   * @throws LinuxException ENODEV when the kernel does not know it
   */
  public static FsContext open(String type) throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      long name = arena.allocateFrom(type).address();
      long result = Libc.syscall(SYS_FSOPEN, name, FSOPEN_CLOEXEC, 0, 0, 0);
      return new FsContext(Fd.adopt((int) LinuxException.check(result, "fsopen", type), type));
    }
  }

  /**
   * Takes the file system that is mounted somewhere, to change its options.
   *
   * @param root the mount's root directory
   */
  public static FsContext pick(Fd root) throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      long empty = arena.allocateFrom("").address();
      int flags = FSPICK_CLOEXEC | FSPICK_NO_AUTOMOUNT | FSPICK_EMPTY_PATH;
      long result = Libc.syscall(SYS_FSPICK, root.number(), empty, flags, 0, 0);
      int number = (int) LinuxException.check(result, "fspick", root.subject());
      return new FsContext(Fd.adopt(number, root.subject()));
    }
  }

  /** Sets an option that has no value. */
  public FsContext flag(String key) throws LinuxException {
    return configure(SET_FLAG, key, null, 0);
  }

  /**
   * Sets an option, with no quoting at all.
   *
   * @param value at most 255 bytes of UTF-8; the kernel takes no more
   */
  public FsContext string(String key, String value) throws LinuxException {
    return configure(SET_STRING, key, value, 0);
  }

  /** Sets an option to an open file. */
  public FsContext fd(String key, Fd value) throws LinuxException {
    return configure(SET_FD, key, null, value.number());
  }

  /** Makes the file system. */
  public FsContext create() throws LinuxException {
    return configure(CMD_CREATE, null, null, 0);
  }

  /** Changes the mounted file system to the options set here. */
  public FsContext reconfigure() throws LinuxException {
    return configure(CMD_RECONFIGURE, null, null, 0);
  }

  /**
   * A mount of the created file system that is attached nowhere yet.
   *
   * @param attributes of {@link MountFd}
   */
  public MountFd mount(int attributes) throws LinuxException {
    long result = Libc.syscall(SYS_FSMOUNT, fd.number(), FSMOUNT_CLOEXEC, attributes, 0, 0);
    if (result < 0) {
      throw new LinuxException("fsmount", fd.subject(), (int) -result, log());
    }
    return new MountFd(Fd.adopt((int) result, "mount of " + fd.subject()));
  }

  private FsContext configure(
      int command, @Nullable String key, @Nullable String value, int auxiliary)
      throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      long keyAddress = key == null ? 0 : arena.allocateFrom(key).address();
      long valueAddress = value == null ? 0 : arena.allocateFrom(value).address();
      long result =
          Libc.syscall(SYS_FSCONFIG, fd.number(), command, keyAddress, valueAddress, auxiliary);
      if (result < 0) {
        String what =
            switch (command) {
              case CMD_CREATE -> "create";
              case CMD_RECONFIGURE -> "reconfigure";
              default -> key + (value == null ? "" : "=" + value);
            };
        throw new LinuxException("fsconfig", fd.subject() + " " + what, (int) -result, log());
      }
      return this;
    }
  }

  /** What the kernel wrote about this context, each line once: "e ..." errors, "w ..." warnings. */
  private String log() {
    StringJoiner lines = new StringJoiner("; ");
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment line = arena.allocate(4096);
      for (int i = 0; i < LOG_LINES_MAX; i++) {
        long length = fd.read(line, 0, line.byteSize());
        if (length <= 0) {
          break;
        }
        byte[] text = line.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
        String said = new String(text, StandardCharsets.UTF_8).strip();
        lines.add(said.length() > 2 && said.charAt(1) == ' ' ? said.substring(2) : said);
      }
    }
    return lines.toString();
  }

  @Override
  public void close() {
    fd.close();
  }
}
