package dev.larder.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Wakes a thread that waits in a {@link Poller}. <b>Threads:</b> any. */
public final class EventFd implements AutoCloseable {
  private static final int EFD_CLOEXEC = 0x80000;
  private static final int EFD_NONBLOCK = 0x800;

  private final Fd fd;
  private final MemorySegment one = Arena.ofAuto().allocate(8, 8);
  private final MemorySegment sink = Arena.ofAuto().allocate(8, 8);

  /** Makes one that was not signalled. */
  public EventFd() throws LinuxException {
    int number =
        (int) LinuxException.check(Libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd", "");
    fd = Fd.adopt(number, "eventfd");
    one.set(ValueLayout.JAVA_LONG, 0, 1);
  }

  /** What to wait for: readable once signalled, until {@link #reset}. */
  public Fd fd() {
    return fd;
  }

  /** Makes it readable. */
  public void signal() {
    // EAGAIN means the counter is at its end: readable all the same.
    long unused = fd.write(one, 0, 8);
  }

  /** Takes the signals back. */
  public void reset() {
    long unused = fd.read(sink, 0, 8);
  }

  @Override
  public void close() {
    fd.close();
  }
}
