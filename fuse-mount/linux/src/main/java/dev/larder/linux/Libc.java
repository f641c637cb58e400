package dev.larder.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;

/**
 * Handles of the C library. Every call gives its result, or errno negated as the kernel does.
 *
 * <p>Pointers are passed as plain numbers: the caller sees to it that the memory lives until the
 * call is back. After warm-up no call allocates on the heap.
 */
final class Libc {
  /*
   * All arguments are 64 bits wide, which both calling conventions (System V x86-64, AAPCS64) take
   * for narrower integers too, so that calls of one arity share one stub: fewer classes to spin at
   * start and a smaller keeper. What comes back from a function of type int has 32 undefined bits
   * on top, hence integer().
   */
  private static final Linker LINKER = Linker.nativeLinker();
  private static final StructLayout STATE_LAYOUT = Linker.Option.captureStateLayout();
  private static final long ERRNO_OFFSET =
      STATE_LAYOUT.byteOffset(MemoryLayout.PathElement.groupElement("errno"));
  private static final ThreadLocal<MemorySegment> STATE =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(STATE_LAYOUT));

  private static final MethodHandle SYSCALL = variadic("syscall", 7, 1);
  private static final MethodHandle OPEN = variadic("open", 3, 2);
  private static final MethodHandle FCNTL = variadic("fcntl", 3, 2);
  private static final MethodHandle IOCTL = variadic("ioctl", 3, 2);
  private static final MethodHandle CLOSE = of("close", 1);
  private static final MethodHandle READ = of("read", 3);
  private static final MethodHandle WRITE = of("write", 3);
  private static final MethodHandle WRITEV = of("writev", 3);
  private static final MethodHandle PREAD = of("pread", 4);
  private static final MethodHandle POLL = of("poll", 3);
  private static final MethodHandle MMAP = of("mmap", 6);
  private static final MethodHandle MEMFD_CREATE = of("memfd_create", 2);
  private static final MethodHandle MUNMAP = of("munmap", 2);
  private static final MethodHandle MADVISE = of("madvise", 3);
  private static final MethodHandle MLOCK = of("mlock", 2);
  private static final MethodHandle MUNLOCK = of("munlock", 2);
  private static final MethodHandle FTRUNCATE = of("ftruncate", 2);
  private static final MethodHandle FCHMOD = of("fchmod", 2);
  private static final MethodHandle FDATASYNC = of("fdatasync", 1);
  private static final MethodHandle LSEEK = of("lseek", 3);
  private static final MethodHandle EVENTFD = of("eventfd", 2);
  private static final MethodHandle SOCKET = of("socket", 3);
  private static final MethodHandle BIND = of("bind", 3);
  private static final MethodHandle LISTEN = of("listen", 2);
  private static final MethodHandle CONNECT = of("connect", 3);
  private static final MethodHandle ACCEPT4 = of("accept4", 4);
  private static final MethodHandle SENDMSG = of("sendmsg", 3);
  private static final MethodHandle RECVMSG = of("recvmsg", 3);
  private static final MethodHandle GETSOCKOPT = of("getsockopt", 5);
  private static final MethodHandle SOCKETPAIR = of("socketpair", 4);
  private static final MethodHandle UMOUNT2 = of("umount2", 2);
  private static final MethodHandle RMDIR = of("rmdir", 1);
  private static final MethodHandle SHUTDOWN = of("shutdown", 2);
  private static final MethodHandle STATFS = of("statfs", 2);
  private static final MethodHandle SETSID = of("setsid", 0);
  private static final MethodHandle GETUID = of("geteuid", 0);

  private Libc() {}

  static long read(int fd, long address, long count) {
    return wide(call3(READ, fd, address, count));
  }

  static long write(int fd, long address, long count) {
    return wide(call3(WRITE, fd, address, count));
  }

  static long writev(int fd, long vectors, int count) {
    return wide(call3(WRITEV, fd, vectors, count));
  }

  static long pread(int fd, long address, long count, long offset) {
    return wide(call4(PREAD, fd, address, count, offset));
  }

  static int poll(long fds, long count, int timeoutMillis) {
    return integer(call3(POLL, fds, count, timeoutMillis));
  }

  static int ioctl(int fd, long request, long argument) {
    return integer(call3(IOCTL, fd, request, argument));
  }

  static int fcntl(int fd, int command, long argument) {
    return integer(call3(FCNTL, fd, command, argument));
  }

  static int open(long path, int flags, int mode) {
    return integer(call3(OPEN, path, flags, mode));
  }

  static int close(int fd) {
    return integer(call1(CLOSE, fd));
  }

  static long mmap(long length, int protection, int flags, int fd, long offset) {
    return wide(call6(MMAP, 0, length, protection, flags, fd, offset));
  }

  static int memfdCreate(long name, int flags) {
    return integer(call2(MEMFD_CREATE, name, flags));
  }

  static int munmap(long address, long length) {
    return integer(call2(MUNMAP, address, length));
  }

  static int madvise(long address, long length, int advice) {
    return integer(call3(MADVISE, address, length, advice));
  }

  static int mlock(long address, long length) {
    return integer(call2(MLOCK, address, length));
  }

  static int munlock(long address, long length) {
    return integer(call2(MUNLOCK, address, length));
  }

  static int ftruncate(int fd, long size) {
    return integer(call2(FTRUNCATE, fd, size));
  }

  static int fchmod(int fd, int mode) {
    return integer(call2(FCHMOD, fd, mode));
  }

  static int fdatasync(int fd) {
    return integer(call1(FDATASYNC, fd));
  }

  static long lseek(int fd, long offset, int whence) {
    return wide(call3(LSEEK, fd, offset, whence));
  }

  static int eventfd(int initial, int flags) {
    return integer(call2(EVENTFD, initial, flags));
  }

  static int socket(int domain, int type, int protocol) {
    return integer(call3(SOCKET, domain, type, protocol));
  }

  static int socketpair(int domain, int type, int protocol, long pair) {
    return integer(call4(SOCKETPAIR, domain, type, protocol, pair));
  }

  static int bind(int fd, long address, int length) {
    return integer(call3(BIND, fd, address, length));
  }

  static int listen(int fd, int backlog) {
    return integer(call2(LISTEN, fd, backlog));
  }

  static int connect(int fd, long address, int length) {
    return integer(call3(CONNECT, fd, address, length));
  }

  static int accept(int fd, int flags) {
    return integer(call4(ACCEPT4, fd, 0, 0, flags));
  }

  static long sendmsg(int fd, long message, int flags) {
    return wide(call3(SENDMSG, fd, message, flags));
  }

  static long recvmsg(int fd, long message, int flags) {
    return wide(call3(RECVMSG, fd, message, flags));
  }

  static int getsockopt(int fd, int level, int name, long value, long length) {
    return integer(call5(GETSOCKOPT, fd, level, name, value, length));
  }

  static int shutdown(int fd, int how) {
    return integer(call2(SHUTDOWN, fd, how));
  }

  static int statfs(long path, long target) {
    return integer(call2(STATFS, path, target));
  }

  static int umount(long path, int flags) {
    return integer(call2(UMOUNT2, path, flags));
  }

  static int rmdir(long path) {
    return integer(call1(RMDIR, path));
  }

  static int setsid() {
    return integer(call0(SETSID));
  }

  static int effectiveUser() {
    return (int) call0(GETUID);
  }

  /** A call that has a number and no name; numbers from 424 on are the same on all machines. */
  static long syscall(int number, long a, long b, long c, long d, long e) {
    return wide(call7(SYSCALL, number, a, b, c, d, e, 0));
  }

  private static int integer(long raw) {
    int result = (int) raw;
    return result == -1 ? -errno() : result;
  }

  private static long wide(long result) {
    return result == -1 ? -errno() : result;
  }

  private static int errno() {
    return STATE.get().get(ValueLayout.JAVA_INT, ERRNO_OFFSET);
  }

  private static long call0(MethodHandle handle) {
    try {
      return (long) handle.invokeExact(STATE.get());
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private static long call1(MethodHandle handle, long a) {
    try {
      return (long) handle.invokeExact(STATE.get(), a);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private static long call2(MethodHandle handle, long a, long b) {
    try {
      return (long) handle.invokeExact(STATE.get(), a, b);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private static long call3(MethodHandle handle, long a, long b, long c) {
    try {
      return (long) handle.invokeExact(STATE.get(), a, b, c);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private static long call4(MethodHandle handle, long a, long b, long c, long d) {
    try {
      return (long) handle.invokeExact(STATE.get(), a, b, c, d);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private static long call5(MethodHandle handle, long a, long b, long c, long d, long e) {
    try {
      return (long) handle.invokeExact(STATE.get(), a, b, c, d, e);
    } catch (Throwable t) {
      throw unexpected(t);
    }
  }

  private static long call6(MethodHandle handle, long a, long b, long c, long d, long e, long f) {
    try {
      return (long) handle.invokeExact(STATE.get(), a, b, c, d, e, f);
    } catch (Throwable t) {
      throw unexpected(t);
    }
  }

  private static long call7(
      MethodHandle handle, long a, long b, long c, long d, long e, long f, long g) {
    try {
      return (long) handle.invokeExact(STATE.get(), a, b, c, d, e, f, g);
    } catch (Throwable t) {
      throw unexpected(t);
    }
  }

  private static RuntimeException unexpected(Throwable e) {
    if (e instanceof Error error) {
      throw error;
    }
    return e instanceof RuntimeException runtime
        ? runtime
        : new IllegalStateException("a call of the C library failed", e);
  }

  private static MethodHandle of(String name, int arity) {
    return handle(name, arity, Linker.Option.captureCallState("errno"));
  }

  private static MethodHandle variadic(String name, int arity, int firstVariadic) {
    return handle(
        name,
        arity,
        Linker.Option.captureCallState("errno"),
        Linker.Option.firstVariadicArg(firstVariadic));
  }

  private static MethodHandle handle(String name, int arity, Linker.Option... options) {
    MemoryLayout[] arguments = new MemoryLayout[arity];
    Arrays.fill(arguments, JAVA_LONG);
    return LINKER.downcallHandle(
        LINKER.defaultLookup().findOrThrow(name),
        FunctionDescriptor.of(JAVA_LONG, arguments),
        options);
  }
}
