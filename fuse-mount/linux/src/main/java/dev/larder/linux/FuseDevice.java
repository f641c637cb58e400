package dev.larder.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/**
 * A descriptor of /dev/fuse and its ioctls.
 *
 * <p>A connection lives while any descriptor of it is open, in any process. A reply goes to the
 * open file its request was read from; {@link Fd#dup} keeps that, {@link #newClone} does not.
 *
 * <p><b>Threads:</b> as {@link Fd}. <b>Ownership:</b> closes its descriptor.
 */
public final class FuseDevice implements AutoCloseable {
  private static final Path DEVICE = Path.of("/dev/fuse");
  private static final long CLONE = 0x8004e500L;
  private static final long BACKING_OPEN = 0x4010e501L;
  private static final long BACKING_CLOSE = 0x4004e502L;

  private final Fd fd;

  private FuseDevice(Fd fd) {
    this.fd = fd;
  }

  /** Opens the device; it belongs to no connection before it is mounted with. */
  public static FuseDevice open() throws LinuxException {
    return new FuseDevice(Fd.open(DEVICE, Fd.O_RDWR));
  }

  /** Takes a descriptor that another process passed into ownership. */
  public static FuseDevice adopt(Fd fd) {
    return new FuseDevice(fd);
  }

  /**
   * Another open file of the same connection, with a queue of requests of its own: those read from
   * it are answered on it, and end with ECONNABORTED when it is closed.
   *
   * @throws LinuxException EINVAL or EPERM before the connection is mounted
   */
  public FuseDevice newClone() throws LinuxException {
    Fd other = Fd.open(DEVICE, Fd.O_RDWR);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment number = arena.allocateFrom(ValueLayout.JAVA_INT, fd.number());
      int unused = other.ioctl("FUSE_DEV_IOC_CLONE", CLONE, number.address());
      return new FuseDevice(other);
    } catch (LinuxException | RuntimeException e) {
      other.close();
      throw e;
    }
  }

  /**
   * Names a file that the kernel may read by itself; needs CAP_SYS_ADMIN.
   *
   * @param file may be closed afterwards
   * @return the id, over 0
   * @throws LinuxException whose refusal is final for the file: EPERM, ELOOP, EOPNOTSUPP, EINVAL
   */
  public int backingOpen(Fd file) throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment map = arena.allocate(16, 8);
      map.set(ValueLayout.JAVA_INT, 0, file.number());
      return fd.ioctl("FUSE_DEV_IOC_BACKING_OPEN", BACKING_OPEN, map.address());
    }
  }

  /** Gives an id back; no open file of the connection may use it. */
  public void backingClose(int id) throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment number = arena.allocateFrom(ValueLayout.JAVA_INT, id);
      int unused = fd.ioctl("FUSE_DEV_IOC_BACKING_CLOSE", BACKING_CLOSE, number.address());
    }
  }

  /** Where requests are read and replies written; see there for the hot calls. */
  public Fd fd() {
    return fd;
  }

  @Override
  public void close() {
    fd.close();
  }
}
