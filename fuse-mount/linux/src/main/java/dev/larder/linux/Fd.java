package dev.larder.linux;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Owns one descriptor. Every descriptor made here is closed on exec.
 *
 * <p>{@link #read}, {@link #write}, {@link #writev} and {@link #pread} give their result or a
 * negated errno, take one system call, and allocate nothing; they neither retry EINTR nor check
 * that the descriptor is open.
 *
 * <p><b>Threads:</b> any, but the owner sees to it that no call runs while {@link #close} does: the
 * kernel may give the number to another file at once. <b>Ownership:</b> who got it closes it.
 */
public final class Fd implements AutoCloseable {
  public static final int O_RDONLY = 0;
  public static final int O_RDWR = 2;
  public static final int O_CREAT = 0x40;
  public static final int O_EXCL = 0x80;
  public static final int O_NONBLOCK = 0x800;
  public static final int O_CLOEXEC = 0x80000;
  public static final int O_PATH = 0x200000;
  public static final int O_DIRECTORY = Platform.O_DIRECTORY;
  public static final int O_NOFOLLOW = Platform.O_NOFOLLOW;
  public static final int O_DIRECT = Platform.O_DIRECT;

  // The same on all architectures.
  private static final int SYS_OPENAT2 = 437;
  private static final int AT_FDCWD = -100;
  private static final long RESOLVE_CACHED = 0x20;
  private static final String MOUNT_ID = "mnt_id:";

  static final int F_GETFL = 3;
  private static final int F_SETFL = 4;
  private static final int F_DUPFD_CLOEXEC = 1030;

  private final int number;
  private final String subject;
  private final AtomicBoolean closed = new AtomicBoolean();

  private Fd(int number, String subject) {
    this.number = number;
    this.subject = subject;
  }

  /**
   * Takes a descriptor into ownership.
   *
   * @param number open, and nobody else closes it
   * @param subject what it is, for messages
   */
  public static Fd adopt(int number, String subject) {
    if (number < 0) {
      throw new IllegalArgumentException("not a descriptor: " + number);
    }
    return new Fd(number, subject);
  }

  /**
   * Opens a file or directory; O_CLOEXEC is added. A new file has mode 0600.
   *
   * @throws LinuxException with errno
   */
  public static Fd open(Path path, int flags) throws LinuxException {
    String name = path.toString();
    try (Arena arena = Arena.ofConfined()) {
      long text = arena.allocateFrom(name).address();
      int result;
      do {
        result = Libc.open(text, flags | O_CLOEXEC, 0600);
      } while (result == -Errno.EINTR);
      return new Fd((int) LinuxException.check(result, "open", name), name);
    }
  }

  /**
   * Opens what the kernel has in its cache of names, without ever waiting for a file system.
   *
   * @return null where that does not do, for whatever reason; {@link #open} says it
   */
  public static @Nullable Fd openCached(Path path, int flags) {
    String name = path.toString();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment how = arena.allocate(ValueLayout.JAVA_LONG, 3);
      how.setAtIndex(ValueLayout.JAVA_LONG, 0, flags | O_CLOEXEC);
      how.setAtIndex(ValueLayout.JAVA_LONG, 2, RESOLVE_CACHED);
      long text = arena.allocateFrom(name).address();
      long result = Libc.syscall(SYS_OPENAT2, AT_FDCWD, text, how.address(), how.byteSize(), 0);
      return result < 0 ? null : new Fd((int) result, name);
    }
  }

  /** Opens a directory as a place only: it can be a base or a mount's argument, not be read. */
  public static Fd openDirectory(Path path) throws LinuxException {
    return open(path, O_PATH | O_DIRECTORY);
  }

  /** The number; valid until {@link #close}. */
  public int number() {
    if (closed.get()) {
      throw new IllegalStateException("closed: " + subject);
    }
    return number;
  }

  /** What it is, for messages. */
  public String subject() {
    return subject;
  }

  /** A path of at most 25 bytes that leads to the same file while this is open. */
  public Path procPath() {
    return Path.of("/proc/self/fd/" + number());
  }

  /** The number of the mount that it was opened in; no file system is asked. */
  public int mountId() throws IOException {
    byte[] info = Files.readAllBytes(Path.of("/proc/self/fdinfo/" + number()));
    for (String line : new String(info, StandardCharsets.US_ASCII).split("\n", -1)) {
      if (line.startsWith(MOUNT_ID)) {
        return Integer.parseInt(line.substring(MOUNT_ID.length()).strip());
      }
    }
    throw new IOException("the kernel does not say of which mount " + subject + " is");
  }

  /** Another descriptor of the same open file; its own owner closes it. */
  public Fd dup() throws LinuxException {
    int result = Libc.fcntl(number(), F_DUPFD_CLOEXEC, 3);
    return new Fd((int) LinuxException.check(result, "dup", subject), subject);
  }

  /**
   * Reads once from the current position.
   *
   * @return bytes read, 0 at the end, or a negated errno
   */
  public long read(MemorySegment target, long offset, long length) {
    Objects.checkFromIndexSize(offset, length, target.byteSize());
    return Libc.read(number, target.address() + offset, length);
  }

  /**
   * Writes once.
   *
   * @return bytes written or a negated errno
   */
  public long write(MemorySegment source, long offset, long length) {
    Objects.checkFromIndexSize(offset, length, source.byteSize());
    return Libc.write(number, source.address() + offset, length);
  }

  /**
   * Writes the first {@code count} vectors in one call.
   *
   * @return bytes written or a negated errno
   */
  public long writev(IoVectors vectors, int count) {
    Objects.checkFromIndexSize(0, count, vectors.capacity());
    return Libc.writev(number, vectors.address(), count);
  }

  /**
   * Reads once at a position of the file.
   *
   * @return bytes read, 0 at the end, or a negated errno
   */
  public long pread(MemorySegment target, long offset, long length, long position) {
    Objects.checkFromIndexSize(offset, length, target.byteSize());
    return Libc.pread(number, target.address() + offset, length, position);
  }

  /** The file's size in bytes; moves the position to the end. */
  public long size() throws LinuxException {
    return LinuxException.check(Libc.lseek(number(), 0, 2), "lseek", subject);
  }

  /**
   * Sets whether calls that would wait give EAGAIN. It holds for every descriptor of the same open
   * file, in other processes too.
   */
  public void nonblocking(boolean on) throws LinuxException {
    long flags = LinuxException.check(Libc.fcntl(number(), F_GETFL, 0), "fcntl", subject);
    long wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    LinuxException.check(Libc.fcntl(number(), F_SETFL, wanted), "fcntl", subject);
  }

  /**
   * Waits until it can be read, or its other end is gone.
   *
   * @param timeoutMillis -1 without an end
   * @return false when the time is over
   */
  public boolean awaitReadable(int timeoutMillis) throws LinuxException {
    return await(Poller.IN, timeoutMillis);
  }

  boolean await(int events, int timeoutMillis) throws LinuxException {
    Poller poller = new Poller(1);
    poller.set(0, this, events);
    return poller.await(timeoutMillis) > 0;
  }

  int fcntl(String call, int command, long argument) throws LinuxException {
    return (int) LinuxException.check(Libc.fcntl(number(), command, argument), call, subject);
  }

  /** ioctl(2) with a number or an address; the result is not negative. */
  int ioctl(String call, long request, long argument) throws LinuxException {
    return (int) LinuxException.check(Libc.ioctl(number(), request, argument), call, subject);
  }

  /** Puts the file's data on stable storage. */
  public void syncData() throws IOException {
    LinuxException.check(Libc.fdatasync(number()), "fdatasync", subject);
  }

  boolean isClosed() {
    return closed.get();
  }

  /** Closes the descriptor; idempotent. */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      // Linux gives the number back whatever close answers.
      int unused = Libc.close(number);
    }
  }

  @Override
  public String toString() {
    return subject + " (" + (closed.get() ? "closed" : number) + ")";
  }
}
