package dev.larder.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Memory that several processes map: a memfd whose size is sealed, so that no holder can make
 * another die of SIGBUS.
 *
 * <p><b>Threads:</b> any; what is in it is for the users to order. <b>Ownership:</b> {@link #close}
 * unmaps and closes this process's descriptor; the memory lives while any process holds one.
 */
public final class SharedMemory implements AutoCloseable {
  private static final int SYS_MEMFD_NAME_MAX = 249;
  private static final int F_ADD_SEALS = 1033;
  private static final int F_GET_SEALS = 1034;
  private static final int SEALS_OF_SIZE = 2 | 4; // shrink, grow
  private static final int SEAL_SEAL = 1;
  private static final int MADV_POPULATE_WRITE = 23;

  private final Fd fd;
  private final Arena arena;
  private final MemorySegment memory;

  private SharedMemory(Fd fd, Arena arena, MemorySegment memory) {
    this.fd = fd;
    this.arena = arena;
    this.memory = memory;
  }

  /**
   * Makes memory of zeros; it takes room only where it is touched.
   *
   * @param name for /proc and messages
   * @param bytes a multiple of the page size
   */
  public static SharedMemory create(String name, long bytes) throws LinuxException {
    if (name.length() > SYS_MEMFD_NAME_MAX || bytes <= 0) {
      throw new IllegalArgumentException("name " + name + ", bytes " + bytes);
    }
    Fd fd = Memfd.create(name);
    try {
      LinuxException.check(Libc.ftruncate(fd.number(), bytes), "ftruncate", name);
      int unused = fd.fcntl("seal", F_ADD_SEALS, SEALS_OF_SIZE | SEAL_SEAL);
      return map(fd, bytes);
    } catch (LinuxException | RuntimeException e) {
      fd.close();
      throw e;
    }
  }

  /**
   * Maps what another process made.
   *
   * @param fd taken into ownership, also when this fails
   * @throws LinuxException EINVAL when it is no memfd of sealed size
   */
  public static SharedMemory attach(Fd fd) throws LinuxException {
    try {
      int seals = fd.fcntl("get seals", F_GET_SEALS, 0);
      if ((seals & SEALS_OF_SIZE) != SEALS_OF_SIZE) {
        throw new LinuxException("attach", fd.subject(), Errno.EINVAL, "its size is not sealed");
      }
      return map(fd, fd.size());
    } catch (LinuxException | RuntimeException e) {
      fd.close();
      throw e;
    }
  }

  private static SharedMemory map(Fd fd, long bytes) throws LinuxException {
    Arena arena = Arena.ofShared();
    try {
      return new SharedMemory(fd, arena, Mappings.shared(arena, fd, bytes));
    } catch (LinuxException | RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  /** The descriptor, to be passed on; closed with this. */
  public Fd fd() {
    return fd;
  }

  /** The memory; dead after {@link #close}. */
  public MemorySegment memory() {
    return memory;
  }

  /** Makes a range resident, without keeping it so. */
  public void populate(long offset, long bytes) throws LinuxException {
    Objects.checkFromIndexSize(offset, bytes, memory.byteSize());
    int result = Libc.madvise(memory.address() + offset, bytes, MADV_POPULATE_WRITE);
    LinuxException.check(result, "populate", fd.subject());
  }

  /**
   * Makes a range resident in this process and keeps it so.
   *
   * @throws LinuxException ENOMEM or EPERM beyond RLIMIT_MEMLOCK
   */
  public void lock(long offset, long bytes) throws LinuxException {
    Objects.checkFromIndexSize(offset, bytes, memory.byteSize());
    LinuxException.check(Libc.mlock(memory.address() + offset, bytes), "mlock", fd.subject());
  }

  /** Unmaps and closes the descriptor; idempotent. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
    fd.close();
  }
}
