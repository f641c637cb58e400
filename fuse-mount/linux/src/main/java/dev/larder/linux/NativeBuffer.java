package dev.larder.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Private memory outside of the heap, from the kernel and not from malloc, aligned to pages. What
 * the kernel copies into while the process may be killed must be resident: see {@link #locked}.
 *
 * <p><b>Threads:</b> any. <b>Ownership:</b> the maker closes; no thread may use it by then.
 */
public final class NativeBuffer implements AutoCloseable {
  private final Arena arena;
  private final MemorySegment memory;

  private NativeBuffer(Arena arena, MemorySegment memory) {
    this.arena = arena;
    this.memory = memory;
  }

  /**
   * Memory that is resident and stays so.
   *
   * @throws LinuxException of mlock: ENOMEM or EPERM beyond RLIMIT_MEMLOCK
   */
  public static NativeBuffer locked(long bytes) throws LinuxException {
    NativeBuffer buffer = allocate(bytes);
    int result = Libc.mlock(buffer.memory.address(), bytes);
    if (result < 0) {
      buffer.close();
      throw new LinuxException("mlock", bytes + " bytes", -result);
    }
    return buffer;
  }

  /** Memory that is touched, but may be swapped out. */
  public static NativeBuffer allocate(long bytes) throws LinuxException {
    Arena arena = Arena.ofShared();
    try {
      return new NativeBuffer(arena, Mappings.anonymous(arena, bytes));
    } catch (LinuxException | RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  /** The memory; dead after {@link #close}. */
  public MemorySegment memory() {
    return memory;
  }

  /** Gives it back; idempotent. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
