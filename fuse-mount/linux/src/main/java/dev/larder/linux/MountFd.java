package dev.larder.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/**
 * A mount held by descriptor, most often one that is attached nowhere: it goes with the descriptor
 * unless it was attached.
 *
 * <p><b>Threads:</b> one. <b>Ownership:</b> {@link #close} closes the descriptor, never detaches.
 * <b>Source:</b> move_mount(2), open_tree(2), mount_setattr(2).
 */
public final class MountFd implements AutoCloseable {
  /** Attributes of a mount, to be or-ed. */
  public static final int READ_ONLY = 1;

  public static final int NO_SUID = 2;
  public static final int NO_DEV = 4;
  public static final int NO_EXEC = 8;

  /** How mounts below are shared with other name spaces. */
  public enum Propagation {
    PRIVATE(1 << 18),
    SLAVE(1 << 19),
    SHARED(1 << 20);

    private final long bit;

    Propagation(long bit) {
      this.bit = bit;
    }
  }

  private static final int SYS_OPEN_TREE = 428;
  private static final int SYS_MOVE_MOUNT = 429;
  private static final int SYS_MOUNT_SETATTR = 442;
  private static final int OPEN_TREE_CLONE = 1;
  private static final int OPEN_TREE_CLOEXEC = 0x80000;
  private static final int AT_EMPTY_PATH = 0x1000;
  private static final int AT_RECURSIVE = 0x8000;
  private static final int MOVE_FROM_EMPTY_PATH = 0x4;
  private static final int MOVE_TO_EMPTY_PATH = 0x40;
  private static final int MOVE_BENEATH = 0x200;

  private final Fd fd;

  MountFd(Fd fd) {
    this.fd = fd;
  }

  /**
   * A copy of what is mounted at a place, attached nowhere: the source of a bind.
   *
   * @param directory any directory of the mount, the root of the copy
   * @param recursive with what is mounted below
   */
  public static MountFd cloneOf(Fd directory, boolean recursive) throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      long empty = arena.allocateFrom("").address();
      int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
      long result =
          Libc.syscall(
              SYS_OPEN_TREE,
              directory.number(),
              empty,
              recursive ? flags | AT_RECURSIVE : flags,
              0,
              0);
      String subject = directory.subject();
      return new MountFd(
          Fd.adopt((int) LinuxException.check(result, "open_tree", subject), subject));
    }
  }

  /** Its root directory: a base for paths, also while it is attached nowhere. */
  public Fd fd() {
    return fd;
  }

  /** Attaches it on top of a directory. */
  public void attach(Fd target) throws LinuxException {
    move(target, 0);
  }

  /** Attaches it on top of a directory; a link as last part is not followed. */
  public void attach(Path target) throws LinuxException {
    try (Fd directory = Fd.open(target, Fd.O_PATH | Fd.O_DIRECTORY | Fd.O_NOFOLLOW)) {
      attach(directory);
    }
  }

  /**
   * Attaches it beneath the topmost mount of a place: it shows once that one is detached.
   *
   * @param target the topmost mount's root
   * @throws LinuxException EINVAL where nothing is mounted, or before Linux 6.5
   */
  public void attachBeneath(Fd target) throws LinuxException {
    move(target, MOVE_BENEATH);
  }

  private void move(Fd target, int flags) throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      long empty = arena.allocateFrom("").address();
      long result =
          Libc.syscall(
              SYS_MOVE_MOUNT,
              fd.number(),
              empty,
              target.number(),
              empty,
              flags | MOVE_FROM_EMPTY_PATH | MOVE_TO_EMPTY_PATH);
      LinuxException.check(result, "move_mount", target.subject());
    }
  }

  /** Sets attributes on this mount; those not named stay. */
  public void addAttributes(int attributes) throws LinuxException {
    set(attributes, 0, 0);
  }

  /** Sets how this mount shares what is mounted on it. */
  public void propagation(Propagation propagation) throws LinuxException {
    set(0, propagation.bit, 0);
  }

  /** Sets how this mount and all below share what is mounted on them. */
  public void propagationRecursive(Propagation propagation) throws LinuxException {
    set(0, propagation.bit, AT_RECURSIVE);
  }

  private void set(long attributes, long propagation, int flags) throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment attr = arena.allocate(32, 8);
      attr.set(ValueLayout.JAVA_LONG, 0, attributes);
      attr.set(ValueLayout.JAVA_LONG, 16, propagation);
      long empty = arena.allocateFrom("").address();
      long result =
          Libc.syscall(
              SYS_MOUNT_SETATTR, fd.number(), empty, AT_EMPTY_PATH | flags, attr.address(), 32);
      LinuxException.check(result, "mount_setattr", fd.subject());
    }
  }

  @Override
  public void close() {
    fd.close();
  }
}
