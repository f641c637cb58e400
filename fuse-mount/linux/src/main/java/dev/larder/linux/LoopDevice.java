package dev.larder.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/**
 * A read-only block device over a file. The kernel gives it back by itself when it is closed here
 * and nothing mounted uses it.
 *
 * <p><b>Threads:</b> one. <b>Ownership:</b> {@link #close} ends our use only.
 */
public final class LoopDevice implements AutoCloseable {
  private static final Path CONTROL = Path.of("/dev/loop-control");
  private static final long LOOP_CTL_GET_FREE = 0x4C82;
  private static final long LOOP_CONFIGURE = 0x4C0A;
  private static final int CONFIG_BYTES = 304;
  private static final int FLAGS_AT = 8 + 52;
  private static final int LO_FLAGS_READ_ONLY = 1;
  private static final int LO_FLAGS_AUTOCLEAR = 4;

  /** Others may take the free device first; each try loses to a different one. */
  private static final int TRIES_MAX = 64;

  private final Fd fd;
  private final int number;

  private LoopDevice(Fd fd, int number) {
    this.fd = fd;
    this.number = number;
  }

  /**
   * Puts a device over a file.
   *
   * @param image readable; may be closed afterwards
   * @throws LinuxException ENOENT without loop devices, EPERM or EACCES without the right to them
   */
  public static LoopDevice over(Fd image) throws LinuxException {
    try (Fd control = Fd.open(CONTROL, Fd.O_RDWR)) {
      for (int i = 0; ; i++) {
        int number = control.ioctl("LOOP_CTL_GET_FREE", LOOP_CTL_GET_FREE, 0);
        Fd device = Fd.open(path(number), Fd.O_RDONLY);
        try {
          configure(device, image);
          return new LoopDevice(device, number);
        } catch (LinuxException e) {
          device.close();
          if (e.errno() != Errno.EBUSY || i == TRIES_MAX) {
            throw e;
          }
        } catch (RuntimeException e) {
          device.close();
          throw e;
        }
      }
    }
  }

  private static void configure(Fd device, Fd image) throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment config = arena.allocate(CONFIG_BYTES, 8);
      config.set(ValueLayout.JAVA_INT, 0, image.number());
      config.set(ValueLayout.JAVA_INT, FLAGS_AT, LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR);
      int unused = device.ioctl("LOOP_CONFIGURE", LOOP_CONFIGURE, config.address());
    }
  }

  private static Path path(int number) {
    return Path.of("/dev/loop" + number);
  }

  /** The device's file. */
  public Path path() {
    return path(number);
  }

  @Override
  public void close() {
    fd.close();
  }
}
