package dev.larder.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/** A sockaddr_un. Its path has 107 bytes at most, so it leads over the directory's descriptor. */
final class SocketAddress implements AutoCloseable {
  static final int AF_UNIX = 1;
  private static final int PATH_MAX = 107;

  private final Fd directory;
  private final Arena arena = Arena.ofConfined();
  private final MemorySegment memory;

  SocketAddress(Path path) throws LinuxException {
    Path absolute = path.toAbsolutePath();
    Path parent = absolute.getParent();
    Path name = absolute.getFileName();
    if (parent == null || name == null) {
      throw new LinuxException("socket", path.toString(), Errno.EINVAL);
    }
    directory = Fd.openDirectory(parent);
    memory = arena.allocateFrom(directory.procPath() + "/" + name);
    if (memory.byteSize() - 1 > PATH_MAX) {
      close();
      throw new LinuxException("socket", path.toString(), Errno.ENAMETOOLONG);
    }
  }

  int bind(Fd socket) {
    MemorySegment address = address();
    return Libc.bind(socket.number(), address.address(), (int) address.byteSize());
  }

  int connect(Fd socket) {
    MemorySegment address = address();
    return Libc.connect(socket.number(), address.address(), (int) address.byteSize());
  }

  private MemorySegment address() {
    MemorySegment address = arena.allocate(2 + memory.byteSize(), 8);
    address.set(ValueLayout.JAVA_SHORT, 0, (short) AF_UNIX);
    MemorySegment.copy(memory, 0, address, 2, memory.byteSize());
    return address;
  }

  @Override
  public void close() {
    arena.close();
    directory.close();
  }
}
